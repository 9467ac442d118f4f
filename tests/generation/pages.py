"""What tests of the artist's pages share: a browser without script, addresses, and a sound brief."""

import html
import re
import uuid
from typing import Any

from django.test import Client
from django.urls import reverse

from access.models import Enrollment, Program
from generation.models import Job, Pipeline


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


def fields_on(page: str) -> dict[str, str]:
    """What a browser would send of the page's form: inputs that are checked or typed in, selects and text areas."""
    form = page[page.index('id="studio"') : page.index("</form>", page.index('id="studio"'))]
    found = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and 'type="file"' not in tag and ('type="radio"' not in tag or " checked" in tag):
            found[name[1]] = html.unescape(value[1]) if value else ""
    for name, text in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>\n?([^<]*)<', form):
        found[name] = html.unescape(text).rstrip("\n")
    for name, options in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options) or re.search(r'value="([^"]*)"', options)
        found[name] = chosen[1] if chosen else ""
    return found


def prompt_on(page: str) -> str:
    return fields_on(page)["prompt"]


def declare(pipeline: Pipeline, **overrides: Any) -> Pipeline:
    Pipeline.objects.filter(pk=pipeline.pk).update(overrides=overrides)
    pipeline.refresh_from_db()
    return pipeline


def press(client: Client, job: Job, name: str, key: uuid.UUID | None = None) -> Any:
    return client.post(page_of(job, name), {"idempotency_key": key or uuid.uuid4()})


def key_on(page: str) -> str:
    found = re.search(r'name="idempotency_key" value="([^"]+)"', page)
    assert found
    return found[1]
