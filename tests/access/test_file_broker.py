"""The embedded broker: what is read was written whole."""

import threading
import time
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu import Connection
from kombu.transport import filesystem

from access import file_broker
from access.file_broker import Channel, Transport


def channel(transport: Any, folder: Path) -> Any:
    options = {name: str(folder) for name in ("data_folder_in", "data_folder_out", "control_folder")}
    return Connection(transport=transport, transport_options=options).channel()


def read_while_written(transport: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What a reader gets who looks all the time while one message is put."""
    seen: list[object] = []
    module = filesystem if transport is filesystem.Transport else file_broker
    dumps = module.dumps

    def slow(payload: Any) -> str:
        text = dumps(payload)
        time.sleep(0.3)
        return text

    monkeypatch.setattr(module, "dumps", slow)
    writer, reader = channel(transport, tmp_path), channel(transport, tmp_path)
    putting = threading.Thread(target=lambda: writer._put("render", {"look": 1}))
    putting.start()
    deadline = time.monotonic() + 5
    while not seen and time.monotonic() < deadline:
        try:
            seen.append(reader._get("render"))
        except Empty:
            time.sleep(0.01)
        except ValueError as torn:
            seen.append(torn)
    putting.join()
    return seen


def test_a_message_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_while_written(Transport, tmp_path, monkeypatch) == [{"look": 1}]
    assert not list(tmp_path.iterdir())


def test_control_kombus_own_transport_tears_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, kombu mended it and ``access.file_broker`` can go."""
    (torn,) = read_while_written(filesystem.Transport, tmp_path, monkeypatch)
    assert isinstance(torn, ValueError)


def test_messages_come_in_the_order_they_were_put(tmp_path: Path) -> None:
    both = channel(Transport, tmp_path)
    for number in range(20):
        both._put("render", {"number": number})
    assert [both._get("render")["number"] for _ in range(20)] == list(range(20))


def test_queues_are_apart(tmp_path: Path) -> None:
    both = channel(Transport, tmp_path)
    both._put("render-large", {})
    with pytest.raises(Empty):
        both._get("render")


def test_a_table_that_is_being_written_is_empty(tmp_path: Path) -> None:
    (tmp_path / "celery.exchange").write_text("")
    both = channel(Transport, tmp_path)
    assert isinstance(both, Channel) and both.get_table("celery") == []
