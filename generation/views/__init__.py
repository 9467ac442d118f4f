"""The rooms of the artist: the studio, the page of a job, the library."""

from generation.views import collections, compare, jobs, library, live, queue, studio

__all__ = ["collections", "compare", "jobs", "library", "live", "queue", "studio"]
