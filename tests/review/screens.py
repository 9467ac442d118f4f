"""The review screen from outside: its addresses, and what its form sends."""

import json
import uuid
from typing import Any

from django.test import Client
from django.urls import reverse

from access.models import User
from review import moderation
from review.models import Claim, Submission
from tests.review.cast import Cast


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def path(name: str, cast: Cast, *args: object) -> str:
    return reverse(name, args=[cast.program.slug, *args])


def ballot(held: Claim, verdict: str = "approved", **fields: Any) -> dict[str, Any]:
    """What the page sends: all of the clip played, a key of its own."""
    whole = [[0, moderation.duration_ms(held.submission)]]
    shown = {"fence": held.fence, "round": held.round, "shown_sha256": held.shown.sha256, "on": held.look_id}
    report = {"played": json.dumps(whole), "scripted": "1", "key": uuid.uuid4(), "next": "1"}
    return {"verdict": verdict, **shown, **report, **fields}


def no(cast: Cast, held: Claim, **fields: Any) -> dict[str, Any]:
    return ballot(held, "rejected", **{"clause": cast.clause.pk, "words": "The knife.", "whole": "on", **fields})


def page_of(client: Client, cast: Cast, held: Claim) -> str:
    return client.get(path("review", cast, held.look_id)).content.decode()


def artists_page(cast: Cast, submission: Submission) -> str:
    """What its artist reads of a submission, on one line."""
    answer = signed_in(cast.artist.user).get(path("submission", cast, submission.pk))
    assert answer.status_code == 200
    return " ".join(answer.content.decode().replace("\xa0", " ").split())
