"""What artists of these tests have behind them: a finished clip, a signature, a move."""

from dataclasses import replace

from access import clock, enrollment
from access.models import Agreement, AgreementVersion, Enrollment
from generation import rendering
from generation.encoding import encode
from generation.models import Output
from tests import make


def finished(artist: Enrollment, *, batch: int = 1, **wish: object) -> Output:
    """An output under the key by which repeats are known, rendered in a batch of that size."""
    make.job(enrollment=artist, **wish)
    taken = make.claimed("worker")
    assert taken
    clip = replace(make.clip(), provenance={"batch": {"size": batch}})
    return rendering.finish(taken, encode(clip, width=96))


def publish(artist: Enrollment, *, allows_download: bool) -> AgreementVersion:
    terms = Agreement.objects.create(program=artist.program, title="Terms")
    return enrollment.publish_agreement(
        terms, summary="Fair.", text="Be fair.", by=None, allows_download=allows_download
    )


def agree(artist: Enrollment, *, allows_download: bool) -> None:
    """An agreement comes into force and is signed."""
    version = publish(artist, allows_download=allows_download)
    enrollment.sign(version, enrollment=artist, credential=None, seen_sha256=version.sha256)


def moved(artist: Enrollment, *, signed: bool = True) -> Enrollment:
    """The artist in another cohort of the same program."""
    Enrollment.objects.filter(pk=artist.pk).update(ended_at=clock.now())
    other = make.cohort(program=artist.program)
    return make.artist(program=artist.program, cohort=other, email=artist.user.email, signed=signed)
