"""Copies that artists take with them: where their agreement lets them, and never without a trace."""

import hashlib
import json

import pytest
from django.test import Client

from access import enrollment
from access.models import AgreementVersion, Enrollment, Entry, Program
from generation import copying
from generation.recipes import recipe_of
from generation.refusals import NoDownload
from tests import make
from tests.generation.artists import agree, finished, moved, publish
from tests.generation.pages import body, client_of, page_of


@pytest.fixture
def client(artist: Enrollment) -> Client:
    return client_of(artist)


@pytest.fixture
def stranger(program: Program) -> Client:
    """Another artist of the same program."""
    return client_of(make.artist(program=program))


def test_a_clip_is_downloaded_where_the_agreement_allows_it(
    client: Client, stranger: Client, artist: Enrollment, program: Program
) -> None:
    output = finished(artist, prompt='Un été… "rouge"/bleu', seed=7)
    agree(artist, allows_download=True)
    page = body(client.get(page_of(output.job)))
    assert page_of(output.job, "download_clip") in page and page_of(output.job, "download_recipe") in page
    response = client.get(page_of(output.job, "download_clip"))
    assert response.status_code == 200 and response["Content-Type"] == "video/mp4"
    assert response["Content-Disposition"] == 'attachment; filename="un-ete-rougebleu-7.mp4"'
    playable = output.renditions.get(recipe="playable")
    assert hashlib.sha256(response.content).hexdigest() == playable.sha256
    assert stranger.get(page_of(output.job, "download_clip")).status_code == 404


def test_a_recipe_is_downloaded_as_json(client: Client, artist: Enrollment) -> None:
    output = finished(artist, prompt="Un été rouge", seed=7)
    agree(artist, allows_download=True)
    response = client.get(page_of(output.job, "download_recipe"))
    assert response["Content-Type"] == "application/json"
    assert response["Content-Disposition"] == 'attachment; filename="un-ete-rouge-7.json"'
    assert (response["Cache-Control"], response.json()["prompt"]) == ("private, no-store", "Un été rouge")
    assert response.json() == json.loads(json.dumps(recipe_of(output)))


@pytest.mark.parametrize("name", ["download_clip", "download_recipe"])
def test_nothing_is_downloaded_where_it_does_not(client: Client, artist: Enrollment, name: str) -> None:
    output = finished(artist)
    agree(artist, allows_download=False)
    assert page_of(output.job, name) not in body(client.get(page_of(output.job)))
    response = client.get(page_of(output.job, name))
    assert response.status_code == 403 and "does not let you keep copies" in body(response)
    assert 'controlslist="nodownload"' in body(client.get(page_of(output.job)))
    assert not Entry.objects.filter(act=name).exists()


@pytest.mark.parametrize("name", ["download_clip", "download_recipe"])
def test_who_has_not_signed_what_allows_it_takes_no_copies(client: Client, artist: Enrollment, name: str) -> None:
    output = finished(artist)
    version = publish(artist, allows_download=True)
    assert client.get(page_of(output.job, name)).status_code == 403
    enrollment.sign(version, enrollment=artist, credential=None, seen_sha256=version.sha256)
    page = body(client.get(page_of(output.job)))
    assert page_of(output.job, name) in page and "nodownload" not in page
    assert client.get(page_of(output.job, name)).status_code == 200
    anew = moved(artist, signed=False)
    assert client.get(page_of(output.job, name)).status_code == 403
    enrollment.sign(version, enrollment=anew, credential=None, seen_sha256=version.sha256)
    assert client.get(page_of(output.job, name)).status_code == 200


@pytest.mark.parametrize(
    ("method", "asked", "traces"),
    [
        ("get", "", 1),
        ("get", "bytes=0-", 1),
        ("get", "bytes=0-9", 1),
        ("get", "bytes=-99999999", 1),
        ("get", "lines=1-", 1),
        ("get", "bytes=10-", 0),
        ("get", "bytes=-9", 0),
        ("head", "", 0),
    ],
)
def test_a_copy_leaves_a_trace_once(client: Client, artist: Enrollment, method: str, asked: str, traces: int) -> None:
    output = finished(artist)
    agree(artist, allows_download=True)
    response = getattr(client, method)(page_of(output.job, "download_clip"), headers={"Range": asked} if asked else {})
    assert response.status_code in (200, 206)
    found = Entry.objects.filter(act="download_clip", subject=f"output:{output.pk}", actor=str(artist.user_id))
    assert found.count() == traces
    assert not traces or output.renditions.get(recipe="playable").sha256 in found.get().facts


def test_a_recipe_leaves_a_trace(client: Client, artist: Enrollment) -> None:
    output = finished(artist)
    agree(artist, allows_download=True)
    client.head(page_of(output.job, "download_recipe"))
    assert not Entry.objects.filter(act="download_recipe").exists()
    client.get(page_of(output.job, "download_recipe"))
    assert output.master_sha256 in Entry.objects.get(act="download_recipe").facts


def test_nobody_takes_a_copy_of_what_is_not_theirs(artist: Enrollment, program: Program) -> None:
    output = finished(artist)
    other = make.artist(program=program)
    agree(artist, allows_download=True)
    for version in AgreementVersion.objects.unsigned_by(other):
        enrollment.sign(version, enrollment=other, credential=None, seen_sha256=version.sha256)
    with pytest.raises(NoDownload):
        copying.take_copy(output, by=other.user, kind=copying.Kind.CLIP)


def test_there_is_nothing_to_download_before_there_is_a_clip(client: Client, artist: Enrollment) -> None:
    job = make.job(enrollment=artist)
    assert client.get(page_of(job, "download_clip")).status_code == 404


def test_the_name_of_a_copy_of_a_prompt_in_another_script(client: Client, artist: Enrollment) -> None:
    output = finished(artist, prompt="כדור אדום", seed=7)
    agree(artist, allows_download=True)
    assert 'filename="clip-7.mp4"' in client.get(page_of(output.job, "download_clip"))["Content-Disposition"]
