"""Artists of a benchmark, by the product's own verbs."""

import uuid

from access import clock, enrollment
from access.models import AgreementVersion, Cohort, Enrollment, Program
from generation import jobs
from generation.models import Brief, Pipeline


def cohort(**limits: int) -> Cohort:
    """A cohort of the seeded program with these limits."""
    program = Program.objects.get()
    facts = {"seats": 1000, "daily_quota": 10_000, "created_at": clock.now(), **limits}
    return Cohort.objects.create(program=program, name=f"Bench {uuid.uuid4()}", **facts)


def artist(of: Cohort) -> Enrollment:
    """Somebody who came in by an invitation and signed what is in force."""
    invited = enrollment.invite(f"{uuid.uuid4()}@bench.test", cohort=of, by=None)
    made = enrollment.accept(invited.token)
    for version in AgreementVersion.objects.unsigned_by(made):
        enrollment.sign(version, enrollment=made, credential=None, seen_sha256=version.sha256)
    return made


def submit(enrolled: Enrollment, wish: jobs.Wish) -> Brief:
    return jobs.submit(wish, enrollment=enrolled, pipeline=Pipeline.objects.get(), credential=None, key=uuid.uuid4())
