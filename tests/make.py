"""Plain factories: keyword-only, every one usable alone. The verbs of the product make whatever a verb can make."""

import uuid
from datetime import timedelta
from typing import Any

import numpy as np
from allauth.account.models import EmailAddress

from access import clock, enrollment
from access.models import Agreement, AgreementVersion, Cohort, Enrollment, Program, Role, User
from generation import jobs, registry, rendering
from generation.claiming import claim
from generation.encoding import encode, encode_rest
from generation.engine import Clip
from generation.models import Brief, Job, Output, Pipeline
from review import signals
from review.models import Clause, Examination, Policy

_count = 0


def number() -> int:
    global _count
    _count += 1
    return _count


def key() -> uuid.UUID:
    """The idempotency key of a form that is sent once."""
    return uuid.uuid4()


def user(email: str = "", **fields: Any) -> User:
    made = User.objects.create_user(email or f"person{number()}@example.org", "a long test password", **fields)
    EmailAddress.objects.create(user=made, email=made.email, verified=True, primary=True)
    return made


def program(**fields: Any) -> Program:
    slug = f"program-{number()}"
    now = clock.now()
    return Program.objects.create(**{"slug": slug, "name": slug.title(), "created_at": now, "opened_at": now, **fields})


def cohort(*, program: Program, **fields: Any) -> Cohort:
    return Cohort.objects.create(
        program=program, **{"name": f"Cohort {number()}", "seats": 50, "created_at": clock.now(), **fields}
    )


def agreement(*, program: Program, text: str = "Be fair to each other.") -> AgreementVersion:
    made, _ = Agreement.objects.get_or_create(program=program, title="Participation")
    return enrollment.publish_agreement(made, summary="Be fair.", text=text, by=None, allows_download=True)


def artist(*, program: Program, cohort: Cohort | None = None, email: str = "", signed: bool = True) -> Enrollment:
    """Somebody who came in by an invitation, and has signed what is in force."""
    cohort = cohort or Cohort.objects.filter(program=program).first() or globals()["cohort"](program=program)
    invited = enrollment.invite(email or f"artist{number()}@example.org", cohort=cohort, by=None)
    enrolled = enrollment.accept(invited.token)
    for version in AgreementVersion.objects.unsigned_by(enrolled) if signed else []:
        enrollment.sign(version, enrollment=enrolled, credential=None, seen_sha256=version.sha256)
    return enrolled


def _role(kind: str, program: Program) -> User:
    made = user()
    Role.objects.create(program=program, user=made, kind=kind, granted_at=clock.now())
    return made


def reviewer(*, program: Program) -> User:
    return _role("reviewer", program)


def lead(*, program: Program) -> User:
    return _role("lead", program)


def staff(*, program: Program) -> User:
    return _role("program_staff", program)


def policy(program: Program) -> Policy:
    made = Policy.objects.create(
        program=program, number=Policy.objects.filter(program=program).count() + 1, published_at=clock.now()
    )
    for code, title in (("1", "Real people"), ("2", "Violence"), ("3", "Somebody else's work")):
        Clause.objects.create(policy=made, code=code, title=title, text=f"{title}: the whole clause.")
    return made


def pipeline(**fields: Any) -> Pipeline:
    slug = str(fields.pop("slug", "pocket"))
    facts = {
        "name": "Pocket",
        "folder": "generation/pocket",
        "created_at": clock.now(),
        "for_every_cohort": True,
        **fields,
    }
    made, is_new = Pipeline.objects.get_or_create(slug=slug, defaults=facts)
    return registry.pin(made, by=None) if is_new else made


def brief(*, enrollment: Enrollment, prompt: str = "a red circle moving left", **wish: Any) -> Brief:
    return jobs.submit(
        jobs.Wish(prompt, **wish), enrollment=enrollment, pipeline=pipeline(), credential=None, key=uuid.uuid4()
    )


def job(*, enrollment: Enrollment, **wish: Any) -> Job:
    return brief(enrollment=enrollment, **wish).jobs.get(number=1)


def clip() -> Clip:
    """Drawn pixels, no two alike: the encoder, the store and the rows are the real ones."""
    frames = np.random.default_rng(number()).integers(0, 255, (5, 32, 48, 3), dtype=np.uint8)
    return Clip(frames=frames, frame_rate=8.0, making=lambda: [frames[0], frames[-1]])


def output(*, enrollment: Enrollment, **wish: Any) -> Output:
    """A finished job's output, by the worker's own verbs around a drawn clip."""
    wanted = job(enrollment=enrollment, **wish)
    taken = claimed("test-worker")
    assert taken and taken.pk == wanted.pk, "another job is in the way"
    drawn = clip()
    made = rendering.finish(taken, encode(drawn, width=96), seconds=1.0)
    rendering.add_renditions(made, encode_rest(drawn, width=96))
    return examined(made)


def examined(made: Output) -> Output:
    """As after a machine has looked at it and noticed nothing."""
    Examination.objects.create(output=made, version=signals.VERSION, examined_at=clock.now())
    return made


def claimed(worker: str = "worker") -> Job | None:
    """The one job that a worker claims next."""
    batch = claim(worker)
    assert len(batch) <= 1, "several were claimed as a batch"
    return batch[0] if batch else None


HOUR = timedelta(hours=1)
