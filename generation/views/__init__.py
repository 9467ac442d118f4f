"""The rooms of the artist: the studio, the page of a job, the library."""

from generation.views import jobs, library, studio

__all__ = ["jobs", "library", "studio"]
