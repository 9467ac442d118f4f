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
from generation import registry
from generation.models import Pipeline
from review import opening
from review.publishing import publish_policy

SLUG = "first-light"
TEXTS = settings.BASE_DIR / "review/demo"  # terms, their summary, and the clauses of the policy


def text_of(name: str) -> str:
    return (TEXTS / name).read_text().strip()


class Command(BaseCommand):
    help = "Make the embedded site's first program and people, once; print who they are and one unused invitation."

    def handle(self, *args: Any, **options: Any) -> None:
        self.pipeline()
        program, cohort = self.program()
        self.kept = self.read()
        people = [
            self.artist(cohort),
            self.person("reviewer", program, "reviewer"),
            self.person("colleague", program, "reviewer"),
            self.person("another", program, "reviewer"),
            self.person("lead", program, "lead"),
            self.person("staff", program, "program_staff"),
        ]
        opening.open_program(program, by=None)
        token = self.invitation(cohort)
        self.write()
        for role, email, password in people:
            self.stdout.write(f"  {role:<10} {email:<24} {password}")
        self.stdout.write(f"\n  An unused invitation: {link(reverse('invitation', args=[token]))}")

    def pipeline(self) -> None:
        """The model that comes with the site, pinned to the bytes it came with: anew after an update of the site."""
        facts = {"for_every_cohort": True, "batch_limit": 4}
        made = {"name": "Pocket", "folder": "generation/pocket", "created_at": clock.now(), **facts}
        pocket, _ = Pipeline.objects.get_or_create(slug="pocket", defaults=made)
        if pocket.pinned_at is None:  # of a site that is older than pinning
            Pipeline.objects.filter(pk=pocket.pk).update(**facts)
        if pocket.manifest_sha256 != registry.fingerprint(registry.manifest_of(pocket.path)):
            registry.pin(pocket, by=None)

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
            enrollment.publish_agreement(
                agreement, summary=text_of("summary.txt"), text=text_of("terms.txt"), by=None, allows_download=True
            )
            clauses = [
                (clause["code"], clause["title"], clause["text"]) for clause in json.loads(text_of("clauses.json"))
            ]
            publish_policy(program, clauses=clauses, by=None)
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
