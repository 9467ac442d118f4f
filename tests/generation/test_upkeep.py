"""What the house notes by itself: of troubles, nothing that tells where things lie on its machines."""

import logging
from pathlib import Path

import pytest

from access import clock
from generation import upkeep
from generation.models import Pipeline
from tests import make


def told(words: str, folder: str = "/srv/models/wan") -> str:
    return upkeep.without_paths(words, Pipeline(folder=folder))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            "Unable to load weights from checkpoint file for '/srv/models/wan/transformer/part.safetensors' at "
            "'/srv/models/wan/transformer/part.safetensors'",
            "Unable to load weights from checkpoint file for 'the model folder/transformer/part.safetensors' at "
            "'the model folder/transformer/part.safetensors'",
        ),
        ("Nothing is in /srv/models/wan.", "Nothing is in the model folder."),
        ("No such folder: '/srv/models'", "No such folder: 'models'"),
        ("/srv/models/wan-14b/a.json is another one", "a.json is another one"),
        ("cut short: /srv/models/wa", "cut short: wa"),
        ("ffmpeg failed: /opt/site/var/media/tmp/0a1b/master.mkv: full", "ffmpeg failed: master.mkv: full"),
        ('File "/opt/site/.venv/lib/python3.11/site-packages/x.py"', 'File "x.py"'),
        ("file:///srv/models/wan/vae", "file://the model folder/vae"),
        ("file:///home/somebody/vae", "vae"),
    ],
    ids=str,
)
def test_no_path_of_the_machine_is_told(words: str, expected: str) -> None:
    assert told(words) == expected


@pytest.mark.parametrize(
    "words",
    ["see https://example.org/a/b/c, and/or float16/bfloat16", "transformer/evil.py is new", "3/4 of it"],
)
def test_what_is_no_path_of_the_machine_stays(words: str) -> None:
    assert told(words) == words


def test_a_folder_behind_a_link_has_two_names(tmp_path: Path) -> None:
    (tmp_path / "real folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real folder")
    words = f"{tmp_path}/real folder/vae and {tmp_path}/link/vae"
    assert told(words, folder=str(tmp_path / "link")) == "the model folder/vae and the model folder/vae"


@pytest.mark.django_db
def test_artists_read_no_paths_and_the_log_has_them(caplog: pytest.LogCaptureFixture) -> None:
    pipeline, now = make.pipeline(), clock.now()
    with caplog.at_level(logging.WARNING, logger="generation.upkeep"):
        upkeep.note_trouble(pipeline, f"It is not in {pipeline.path}/vae.")
    pipeline.refresh_from_db()
    assert pipeline.trouble == "It is not in the model folder/vae."
    assert pipeline.trouble_at and pipeline.trouble_at >= now
    assert str(pipeline.path) in caplog.text
    upkeep.note_trouble(pipeline, "")
    pipeline.refresh_from_db()
    assert pipeline.trouble == "" and pipeline.trouble_at is None
