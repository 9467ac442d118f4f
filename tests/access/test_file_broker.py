"""The embedded broker: what is read was written whole."""

import os
import threading
import time
from pathlib import Path
from queue import Empty
from types import SimpleNamespace
from typing import Any

import billiard
import pytest
from kombu import Connection, Queue
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


# --- looking --------------------------------------------------------------------------------------------------------
def connection(folder: Path) -> Connection:
    options = {name: str(folder) for name in ("data_folder_in", "data_folder_out", "control_folder")}
    return Connection(transport=Transport, transport_options=options)


class Listener:
    """Takes what is delivered, as a worker's connection does."""

    def __init__(self, folder: Path) -> None:
        self.connection = connection(folder)
        self.heard: list[object] = []
        self.consumer = self.connection.Consumer(Queue("render"), no_ack=True)
        self.consumer.register_callback(lambda body, message: self.heard.append(body))
        self.consumer.consume()

    def listen(self, seconds: float) -> bool:
        try:
            self.connection.drain_events(timeout=seconds)
        except TimeoutError:
            return False
        return True


def put(folder: Path, *numbers: int) -> None:
    with connection(folder) as writer:
        producer = writer.Producer()
        for number in numbers:
            producer.publish(number, routing_key="render", declare=[Queue("render")])


def test_every_message_is_delivered_also_those_of_one_tick(tmp_path: Path) -> None:
    listener = Listener(tmp_path)
    for burst in range(10):
        put(tmp_path, *range(burst * 5, burst * 5 + 5))
        assert all(listener.listen(5) for _ in range(5))
    assert listener.heard == list(range(50))
    assert not listener.listen(0.05)


def test_a_message_that_comes_while_one_listens_is_delivered(tmp_path: Path) -> None:
    listener = Listener(tmp_path)
    listener.listen(0.1)
    later = threading.Timer(0.3, put, (tmp_path, 7))
    later.start()
    assert listener.listen(5) and listener.heard == [7]
    later.join()


def test_a_folder_in_which_nothing_changes_is_seldom_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listener = Listener(tmp_path)
    listener.listen(0.2)
    reads: list[str] = []
    find = Channel._get

    def counted(self: Any, queue: str) -> Any:
        reads.append(queue)
        return find(self, queue)

    monkeypatch.setattr(Channel, "_get", counted)
    assert not listener.listen(1.0)
    assert 1 <= len(reads) <= 1 + 1.0 / file_broker.READ_EVERY


def test_what_could_not_be_taken_at_once_is_found_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker at its prefetch limit looks away: later nothing changes any more, and the message is there."""
    listener = Listener(tmp_path)
    with monkeypatch.context() as busy:
        busy.setattr(Channel, "_get", lambda self, queue: (_ for _ in ()).throw(Empty()))
        put(tmp_path, 7)
        assert not listener.listen(0.3)
    assert listener.listen(5) and listener.heard == [7]


# --- locks of the dead ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("children", "is_freed"), [([], True), ([None], True), ([4_000_001], False)], ids=["none", "being forked", "alive"]
)
def test_a_lock_that_a_dead_child_held_is_free_before_the_next_is_forked(
    monkeypatch: pytest.MonkeyPatch, children: list[int | None], is_freed: bool
) -> None:
    held: Any = billiard.get_context().SimpleQueue()
    held._rlock.acquire()
    pool = SimpleNamespace(info={"processes": children}, _pool=SimpleNamespace(_inqueue=held, _outqueue=None))
    monkeypatch.setattr(file_broker, "_pools", [pool])
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    assert held._rlock.acquire(block=False) is is_freed
