from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from review import banking, hash_lists


class Command(BaseCommand):
    help = (
        "Enter a list of known-bad PDQ hashes into the bank that submissions are compared with: a line each, "
        "hash,label. The same list a second time changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="text or CSV, UTF-8")
        parser.add_argument("--label", default="", help="for lines that have none of their own")
        parser.add_argument("--remove", action="store_true", help="take what the list names out of the bank instead")

    def handle(self, *args: Any, **options: Any) -> None:
        path, verb = options["file"], banking.take_out if options["remove"] else banking.take_in
        try:
            with path.open(encoding="utf-8", errors="replace") as file:
                tally = verb(hash_lists.read(file, label=options["label"]), source=path.name)
        except OSError as missing:
            raise CommandError(f"{path} cannot be read: {missing.strerror}.") from missing
        done = "left the bank" if options["remove"] else "entered the bank"
        self.stdout.write(f"{tally.changed} {done}, {tally.unchanged} changed nothing")
        for bad in tally.bad:
            self.stderr.write(f"line {bad.number}: {bad.why}: {bad.line}")
        if tally.bad:
            raise CommandError(f"Not read: {len(tally.bad)} lines, named above. Mend them and import the list again.")
