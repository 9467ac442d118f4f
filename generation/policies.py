"""Who may do what with jobs."""

from collections.abc import Iterable

from access.models import AgreementVersion, Enrollment, User
from generation.models import FirstFrame, Job, Output, Pipeline
from generation.offering import open_models


def may_generate(enrollment: Enrollment) -> bool:
    """Whether the enrollment is live and has signed what is in force."""
    live = (
        Enrollment.objects.live().filter(pk=enrollment.pk).exists()
    )  # asked anew: it may have ended since it was loaded
    return live and not AgreementVersion.objects.unsigned_by(enrollment).exists()


def may_cancel(user: User, job: Job) -> bool:
    return job.enrollment.user_id == user.pk


def may_remake(enrollment: Enrollment, job: Job) -> bool:
    return _is_same_artist(enrollment, job.enrollment)


def may_begin_with(enrollment: Enrollment, picture: FirstFrame) -> bool:
    return _is_same_artist(enrollment, picture.enrollment)


def _is_same_artist(enrollment: Enrollment, earlier: Enrollment) -> bool:
    """In the same program: what they had before they moved to another cohort stays theirs."""
    return (earlier.user_id, earlier.program_id) == (enrollment.user_id, enrollment.program_id)


def may_keep(user: User, outputs: Iterable[Output]) -> bool:
    """Whether all of these are theirs, to star, tag and collect."""
    return all(output.enrollment.user_id == user.pk for output in outputs)


def may_use(enrollment: Enrollment, pipeline: Pipeline) -> bool:
    """Whether the model is open to the enrollment's cohort, and can be asked within its limits."""
    return pipeline in open_models(enrollment)


def may_download(user: User, output: Output) -> bool:
    """Whether the output is theirs and an agreement in force that they signed lets them keep copies of it."""
    inside = Enrollment.objects.live().filter(user=user, program=output.program_id)  # a move asks for a new signature
    allowing = AgreementVersion.objects.in_force(output.program).filter(allows_download=True)
    return output.enrollment.user_id == user.pk and allowing.filter(signatures__enrollment__in=inside).exists()
