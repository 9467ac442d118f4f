"""The embedded site's first program, so that a new clone has somebody to be."""

import json
import secrets
from pathlib import Path
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.management.base import BaseCommand
from django.urls import reverse

from access import clock, enrollment, roles
from access.models import Agreement, Cohort, Enrollment, Invitation, Program, Role, User
from access.telling import link
from generation.models import Pipeline
from review.models import Clause, Policy

SLUG = "first-light"
SUMMARY = """You may make clips with an unreleased model and keep what you make. Taking part is voluntary: you owe no feedback, no publicity and no minimum of use, and you can leave at any time.

Before you share a clip in public, a person of the program looks at it, within 48 hours, against the published policy. A no names the clause and the place in the clip. Criticism of the company or of this program is never a ground.

Nothing you make trains a model, is shown or is quoted unless you say yes to exactly that; yes can be taken back.

If your access is misused, only that access is stopped. A stop destroys nothing: your work, your data and your rights stay with you."""
TEXT = """1. What you get. Access to the model of this program, within the quota shown in your studio.

2. What stays with the company. The model is not released. Do not pass on your access, and do not let others use it.

3. What stays with you. Your prompts and outputs are yours. The company uses them for training, showcase, quotes or research only under a separate consent, which is off until you give it and which you can withdraw.

4. Approval. An output may be shown in public after a reviewer approved it. The decision follows the published policy, comes within the promised time, and gives its reason. There is no clause against criticism.

5. Stops. The program may stop one credential, one artist, one cohort or everything, with a reason that you can read. Waiting work keeps its place.

6. Leaving. You may leave at any time and take your work with you."""
CLAUSES = (
    (
        "1",
        "Real people",
        "The clip shows a real person, recognizable by face, voice or name, who has not agreed to it.",
    ),
    ("2", "Minors", "The clip shows a person who looks like a minor in a sexual or degrading way."),
    ("3", "Violence", "The clip shows graphic violence or cruelty in a way that glorifies it."),
    (
        "4",
        "Hate",
        "The clip attacks people for what they are: origin, religion, disability, sex, orientation or the like.",
    ),
    (
        "5",
        "Somebody else's work",
        "The clip reproduces a protected character, work or mark that is not the artist's to use.",
    ),
    ("6", "Deception", "The clip is made to pass for a record of something that did not happen."),
)


class Command(BaseCommand):
    help = "Make the embedded site's first program and people, once; print who they are and one unused invitation."

    def handle(self, *args: Any, **options: Any) -> None:
        Pipeline.objects.get_or_create(
            slug="pocket", defaults={"name": "Pocket", "folder": "generation/pocket", "created_at": clock.now()}
        )
        program, cohort = self.program()
        self.kept = self.read()
        people = [
            self.artist(cohort),
            self.person("reviewer", program, "reviewer"),
            self.person("staff", program, "program_staff"),
        ]
        token = self.invitation(cohort)
        self.write()
        for role, email, password in people:
            self.stdout.write(f"  {role:<10} {email:<24} {password}")
        self.stdout.write(f"\n  An unused invitation: {link(reverse('invitation', args=[token]))}")

    def program(self) -> tuple[Program, Cohort]:
        now = clock.now()
        about = "An early-access program for a small text-to-video model, for artists who were asked first."
        program, is_new = Program.objects.get_or_create(
            slug=SLUG, defaults={"name": "First Light", "about": about, "created_at": now}
        )
        cohort, _ = Cohort.objects.get_or_create(
            program=program, name="Founding artists", defaults={"seats": 300, "created_at": now}
        )
        if is_new:
            agreement = Agreement.objects.create(program=program, title="Terms of taking part")
            enrollment.publish_agreement(agreement, summary=SUMMARY, text=TEXT, by=None)
            policy = Policy.objects.create(program=program, number=1, published_at=now)
            Clause.objects.bulk_create(
                Clause(policy=policy, code=code, title=title, text=text) for code, title, text in CLAUSES
            )
        return program, cohort

    def artist(self, cohort: Cohort) -> tuple[str, str, str]:
        row = self.user("artist")
        user = User.objects.get(email=row[1])
        if not Enrollment.objects.filter(user=user, program=cohort.program).exists():
            enrollment.accept(enrollment.invite(user.email, cohort=cohort, by=None).token)
        return row

    def person(self, name: str, program: Program, kind: str) -> tuple[str, str, str]:
        row = self.user(name, is_staff=name == "staff", is_superuser=name == "staff")
        user = User.objects.get(email=row[1])
        if not Role.objects.live().filter(user=user, program=program, kind=kind).exists():
            roles.grant_role(user, kind, program=program, by=None)
        return row

    def user(self, name: str, **fields: bool) -> tuple[str, str, str]:
        email = f"{name}@vernissage.test"
        password = self.kept.setdefault(name, secrets.token_urlsafe(9))
        if not User.objects.filter(email=email).exists():
            made = User.objects.create_user(email, password, **fields)
            EmailAddress.objects.create(user=made, email=email, verified=True, primary=True)
        return name, email, password

    def invitation(self, cohort: Cohort) -> str:
        """The token of an invitation that still can be accepted; a new one if the last was used."""
        token = self.kept.get("invitation", "")
        usable = Invitation.objects.filter(
            token_hash=enrollment.hash_of(token), state="pending", expires_at__gt=clock.now()
        )
        if not token or not usable.exists():
            guest = f"guest-{secrets.token_hex(2)}@vernissage.test"
            token = self.kept["invitation"] = enrollment.invite(guest, cohort=cohort, by=None).token
        return token

    @property
    def path(self) -> Path:
        return settings.VAR_DIR / "demo.json"

    def read(self) -> dict[str, str]:
        return dict(json.loads(self.path.read_text())) if self.path.exists() else {}

    def write(self) -> None:
        self.path.touch(mode=0o600)
        self.path.write_text(json.dumps(self.kept))
