from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from generation import fetching, registry
from generation.management.commands.pin_pipeline import registered
from generation.refusals import Trouble


class Command(BaseCommand):
    help = "Download a registered model from the hub at its pinned revision into its folder, and pin what came."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="of the model in the registry, which names hub id, revision and folder")

    def handle(self, *args: Any, **options: Any) -> None:
        row = registered(options["slug"])
        try:
            fetching.fetch(row)
            pinned = registry.pin(row, by=None)
        except Trouble as trouble:
            raise CommandError(str(trouble)) from trouble
        self.stdout.write(f"{pinned.slug}: {len(pinned.manifest)} files fetched and pinned, {pinned.manifest_sha256}")
