"""A PostgreSQL of a benchmark's own, with the durability of a default installation: what a reviewer's verdict costs."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from generation.drill.servers import Postgres


@contextmanager
def postgres() -> Iterator[str]:
    """The address of an empty database, gone afterwards.

    Raises:
        generation.drill.servers.Missing: this machine has no PostgreSQL.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)  # the server runs as somebody else where we are root
        server = Postgres(home)
        server.start()
        try:
            yield server.url
        finally:
            server.stop()
