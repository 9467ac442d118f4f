"""``manage.py drill``: break a site of its own in every way we know, and count what it lost."""

import json
import signal
import sys
from argparse import ArgumentParser
from pathlib import Path
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from generation.drill import table, trials
from generation.drill.faults import FAULTS, PHASES, Fault
from generation.drill.servers import Missing, Redis, binaries
from generation.drill.site import Site, open_site


class Command(BaseCommand):
    help = (
        "Open a private site with real workers, inject one fault after the other, and let an independent checker "
        "judge. Ends with 1 if a job was lost, doubled, stuck or failed unreadably. The site in use is not touched."
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
        parser.add_argument("--json", action="store_true", help="a JSON object per line instead of the table")
        parser.add_argument("--database", choices=["sqlite", "postgresql"], help="default: PostgreSQL if it is there")
        parser.add_argument("--broker", choices=["file", "redis"], help="default: Redis if it is there")
        parser.add_argument("--keep", action="store_true", help="leave the site's folder with its logs")

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
        except Missing as missing:
            raise CommandError(f"The drill cannot run so: {missing}.") from missing
        except KeyboardInterrupt:
            raise CommandError("Interrupted; everything that the drill had started is ended.") from None
        if not all(row.holds for row in rows):
            raise CommandError("Not every trial holds.")

    def _drill(self, chosen: list[tuple[Fault, str]], options: dict[str, Any]) -> list[trials.Row]:
        database = options["database"] or ("postgresql" if _has(binaries) else "sqlite")
        broker = options["broker"] or ("redis" if _has(lambda: Redis(Path())) else "file")
        kept = {"batch": options["batch"], "keep": options["keep"]}
        with open_site(database=database, broker=broker, **kept) as site:
            if options["keep"]:
                self.stderr.write(f"The site's folder: {site.var}")
            return self._run(site, chosen, options)

    def _run(self, site: Site, chosen: list[tuple[Fault, str]], options: dict[str, Any]) -> list[trials.Row]:
        as_json, rows = options["json"], []
        if not as_json:
            self.stdout.write(f"{site.database.kind}, {site.broker.kind} broker, batches of {options['batch']}\n\n")
            self.stdout.write(table.heading())
        for row in trials.run(site, chosen, options["jobs"]):
            rows.append(row)
            self._tell(row, as_json=as_json)
        for trial in trials.away(site, chosen):
            self.stdout.write(json.dumps(vars(trial)) if as_json else table.not_run(trial))
        if not as_json:
            self.stdout.write("\n" + trials.overall(rows))
        return rows

    def _tell(self, row: trials.Row, *, as_json: bool) -> None:
        self.stdout.write(json.dumps(row.to_json()) if as_json else table.line(row))
        if not as_json and not row.holds:
            for finding in row.findings:
                self.stdout.write(f"    {finding}")
        self.stdout.flush()


def _has(server: Any) -> bool:
    try:
        server()
    except Missing:
        return False
    return True


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
