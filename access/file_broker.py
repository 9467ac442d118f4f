"""The broker of the embedded site: messages as files in a folder, without a server.

It is kombu's ``filesystem`` transport, except that a message appears whole. Kombu (5.7) makes the file and writes it
afterwards; a reader that comes in between reads nothing, and Celery ends the whole worker with what it calls an
unrecoverable error. Seen once in minutes on a busy machine.
"""

import os
import time
import uuid
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.encoding import str_to_bytes
from kombu.utils.json import dumps

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
