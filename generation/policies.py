"""Who may do what with jobs."""

from access.models import AgreementVersion, Enrollment, User
from generation.models import Job


def may_generate(enrollment: Enrollment) -> bool:
    """Whether the enrollment is live and has signed what is in force."""
    live = (
        Enrollment.objects.live().filter(pk=enrollment.pk).exists()
    )  # asked anew: it may have ended since it was loaded
    return live and not AgreementVersion.objects.unsigned_by(enrollment).exists()


def may_cancel(user: User, job: Job) -> bool:
    return job.enrollment.user_id == user.pk
