"""``manage.py drill``: break a site of its own in every way we know, and count what it lost."""

import contextlib
import json
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError

from generation.drill import table, trials
from generation.drill.faults import FAULTS
from generation.drill.scene import PHASES, Fault
from generation.drill.servers import Missing, Redis, binaries
from generation.drill.site import Site, open_site


class Command(BaseCommand):
    help = (
        "Open a private site with real workers, inject one fault after the other, and let an independent checker "
        "judge. Ends with 1 if a job was lost, doubled, stuck, too late or failed unreadably. The site in use is not "
        "touched."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        names = ", ".join(fault.name for fault in FAULTS)
        parser.add_argument(
            "--only", nargs="+", default=[], metavar="NAME", help=f"words in the name of a fault: {names}"
        )
        parser.add_argument("--phase", nargs="+", default=[], choices=PHASES, help="where a fault strikes")
        parser.add_argument("--jobs", type=int, default=6, help="clips submitted in each trial")
        parser.add_argument("--batch", type=int, default=2, help="clips rendered together at most")
        parser.add_argument(
            "--leases", choices=["short", "site"], default="short", help="short ones, or those of settings.py"
        )
        parser.add_argument("--json", type=Path, metavar="FILE", help="write each row there, too: an object per line")
        parser.add_argument("--database", choices=["sqlite", "postgresql"], help="default: PostgreSQL if it is there")
        parser.add_argument("--broker", choices=["file", "redis"], help="default: Redis if it is there")
        parser.add_argument("--keep", action="store_true", help="leave the site's folder with its logs")
        parser.add_argument(
            "--unswept",
            action="store_true",
            help="negative control: nothing is swept, so trials of the broker must fail",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not sys.platform.startswith("linux"):
            raise CommandError("The drill needs Linux: it reads /proc and limits processes.")
        if options["jobs"] < 1 or options["batch"] < 1:
            raise CommandError("A trial needs at least one job and a batch at least one clip.")
        chosen = trials.chosen(options["only"], options["phase"])
        if not chosen:
            raise CommandError("No fault has such a name at such a phase. --help lists them.")
        signal.signal(signal.SIGTERM, _interrupt)
        try:
            rows = self._drill(chosen, options)
        except (Missing, TimeoutError) as trouble:
            raise CommandError(f"The drill cannot run so: {trouble}.") from trouble
        except KeyboardInterrupt:
            raise CommandError("Interrupted; everything that the drill had started is ended.") from None
        if not all(row.holds for row in rows):
            raise CommandError("Not every trial holds.")

    def _drill(self, chosen: list[tuple[Fault, str]], options: dict[str, Any]) -> list[trials.Row]:
        database = options["database"] or ("postgresql" if _has(binaries) else "sqlite")
        broker = options["broker"] or ("redis" if _has(lambda: Redis(Path())) else "file")
        kept = {name: options[name] for name in ("batch", "leases", "keep")}
        with (
            _written(options["json"]) as file,
            open_site(database=database, broker=broker, sweeps=not options["unswept"], **kept) as site,
        ):
            if options["keep"]:
                self.stderr.write(f"The site's folder: {site.var}")
            return self._run(site, chosen, options, file)

    def _run(
        self, site: Site, chosen: list[tuple[Fault, str]], options: dict[str, Any], file: TextIO | None
    ) -> list[trials.Row]:
        cold, rows = trials.warm(site), list[trials.Row]()
        self.stdout.write(
            f"{site.database.kind}, {site.broker.kind} broker, batches of {options['batch']}, {options['leases']} "
            f"leases. Cold start of a worker {cold.worker:.1f} s, of its child {cold.child:.1f} s\n\n{table.heading()}"
        )
        for row in trials.run(site, chosen, options["jobs"], cold):
            rows.append(row)
            self._tell(row)
            _write(file, row.to_json())
        for trial in trials.away(site, chosen):
            self.stdout.write(table.not_run(trial))
            _write(file, vars(trial))
        self.stdout.write("\n" + trials.overall(rows))
        _write(file, {"database": site.database.kind, "broker": site.broker.kind, "cold": vars(cold)})
        return rows

    def _tell(self, row: trials.Row) -> None:
        self.stdout.write(table.line(row))
        if not row.holds:
            for words in (*row.findings, *row.notes):
                self.stdout.write(f"    {words}")
        self.stdout.flush()


@contextlib.contextmanager
def _written(path: Path | None) -> Iterator[TextIO | None]:
    if path is None:
        yield None
        return
    with path.open("w") as file:
        yield file


def _write(file: TextIO | None, facts: dict[str, Any]) -> None:
    """A line at once: what was found before an interruption is kept."""
    if file:
        file.write(json.dumps(facts) + "\n")
        file.flush()


def _has(server: Any) -> bool:
    try:
        server()
    except Missing:
        return False
    return True


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
