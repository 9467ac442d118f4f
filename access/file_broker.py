"""The broker of the embedded site: messages as files in a folder, without a server.

It is kombu's ``filesystem`` transport, except in two things. A message appears whole: kombu (5.7) makes the file and
writes it afterwards; a reader that comes in between reads nothing, and Celery ends the whole worker with what it calls
an unrecoverable error. Seen once in minutes on a busy machine. And a folder in which nothing changed is not read again,
so that one can look a hundred times a second for less than it costs kombu to look twenty times.

With a broker without an event loop Celery's children share one queue of tasks, and an idle child waits at it with the
queue's lock in its hand. One that is killed then takes the lock with it, and billiard (4.3) lets its successor wait for
it for ever: a worker that lives, and hears no bell any more. ``free_locks`` gives it back.
"""

import os
import socket
import time
import uuid
from queue import Empty
from typing import Any

from celery.signals import worker_ready
from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.encoding import str_to_bytes
from kombu.utils.json import dumps

LOOK_EVERY = 0.01  # seconds between two looks at the time of the folder's last change
READ_EVERY = 0.25  # seconds after which it is read all the same: a message may have been left by who could not take it
FRESH = 0.05  # seconds in which a folder may change once more and keep its time: filesystems count in ticks
UNWRITTEN = ".unwritten"  # no queue's name, so no reader takes it for a message


class Channel(filesystem.Channel):
    """Writes beside, renames into place."""

    def _put(self, queue: str, payload: dict[str, Any], **_: Any) -> None:  # type: ignore[override]  # kombu's bases disagree
        name = f"{time.monotonic_ns():020d}_{uuid.uuid4()}.{queue}.msg"
        target = os.path.join(self.data_folder_out, name)  # noqa: PTH118  kombu's folders are strings
        try:
            with open(target + UNWRITTEN, "xb") as file:  # noqa: PTH123
                file.write(str_to_bytes(dumps(payload)))
            os.rename(target + UNWRITTEN, target)  # noqa: PTH104
        except OSError as trouble:
            raise ChannelError(f"Cannot write {target!r}.") from trouble

    def get_table(self, exchange: str) -> list[Any]:
        """The queues of an exchange; none while somebody is just writing the table down."""
        try:
            return list(super().get_table(exchange))
        except ValueError:
            return []


class Transport(filesystem.Transport):
    Channel = Channel

    def __init__(self, client: Any, **options: Any) -> None:
        super().__init__(client, **options)
        self.folder = client.transport_options["data_folder_in"]
        self.read_at, self.seen = 0.0, 0

    def drain_events(self, connection: Any, timeout: float | None = None) -> Any:  # type: ignore[override]  # as kombu calls it
        """Deliver one message.

        Raises:
            TimeoutError: none came within ``timeout`` seconds.
        """
        until = float("inf") if timeout is None else time.monotonic() + timeout
        while True:
            if self._may_have_news():
                try:
                    return self.cycle.get(self._deliver, timeout=timeout)  # type: ignore[union-attr]  # set in __init__
                except Empty:
                    pass
            if time.monotonic() >= until:
                raise socket.timeout  # noqa: UP041  what Celery waits for, by the name it knows
            time.sleep(LOOK_EVERY)

    def _may_have_news(self) -> bool:
        """Whether the folder changed since it was read, or just now, or was not read for long."""
        changed, now = os.stat(self.folder).st_mtime_ns, time.monotonic()  # noqa: PTH116
        known = changed == self.seen and time.time() - changed / 1e9 > FRESH
        if known and now - self.read_at < READ_EVERY:
            return False
        self.seen, self.read_at = changed, now
        return True


# --- locks of the dead ------------------------------------------------------------------------------------------------
_pools: list[Any] = []  # the pool of this process, if it is a worker's parent


@worker_ready.connect
def remember(sender: Any, **_: object) -> None:
    _pools.append(sender.pool)


def free_locks() -> None:
    """Free the queues' locks while no child lives: then nobody holds one by right. Called before each fork."""
    for pool in _pools:
        if any(pool.info.get("processes", [])):  # the one that is about to be forked has no id yet
            continue
        queues = (getattr(pool._pool, name, None) for name in ("_inqueue", "_outqueue"))
        for lock in (getattr(queue, name, None) for queue in queues for name in ("_rlock", "_wlock")):
            if lock is not None:
                lock.acquire(block=False)
                lock.release()


os.register_at_fork(before=free_locks)
