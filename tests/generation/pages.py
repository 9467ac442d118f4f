"""What tests of the artist's pages share: a browser without script, addresses, and a sound brief."""

import uuid

from django.test import Client
from django.urls import reverse

from access.models import Enrollment, Program
from generation.models import Job


def client_of(artist: Enrollment) -> Client:
    client = Client()
    client.force_login(artist.user)
    return client


def studio(program: Program, name: str = "studio") -> str:
    return reverse(name, args=[program.slug])


def page_of(job: Job, name: str = "job") -> str:
    return reverse(name, args=[job.program.slug, job.pk])


def brief(**changed: object) -> dict[str, object]:
    """What the studio's form sends."""
    sound = {"prompt": "a red ball", "steps": 8, "guidance": 3, "variations": 1, "idempotency_key": uuid.uuid4()}
    return {**sound, **changed}


def body(response: object) -> str:
    return response.content.decode()  # type: ignore[attr-defined]
