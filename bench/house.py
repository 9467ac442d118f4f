"""A site's folder without its servers: for figures that are taken inside one process, with the product's own verbs."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.private_site import ROOT, environment


@contextmanager
def house(database: str = "") -> Iterator[dict[str, str]]:
    """The environment of an empty, migrated site of its own, gone afterwards; on SQLite unless told another address."""
    with tempfile.TemporaryDirectory() as folder:
        told = environment(Path(folder), "http://127.0.0.1:8000")
        told |= {"PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "vernissage.settings", "LOG_LEVEL": "WARNING"}
        # Without a pool: as many connections as threads, as the bare side has them.
        told |= {"DATABASE_URL": database, "DATABASE_POOL": "0"} if database else {}
        for command in ("migrate", "seed_demo"):
            subprocess.run(
                [sys.executable, "manage.py", command], cwd=ROOT, env=told, check=True, stdout=subprocess.DEVNULL
            )
        yield told


def measured_inside(module: str, *arguments: str, database: str = "") -> Any:
    """What ``bench/inside/<module>.py`` finds, as a process of its own in a house of its own."""
    with house(database) as told:
        return found_inside(told, module, *arguments)


def found_inside(told: dict[str, str], module: str, *arguments: str) -> Any:
    """What ``bench/inside/<module>.py`` finds, as a process of its own in this house: the last line that it prints."""
    command = [sys.executable, "-m", "bench.inside", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=told, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.strip().splitlines()[-1])
