from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from generation import registry
from generation.models import Pipeline
from generation.refusals import Trouble


class Command(BaseCommand):
    help = "Trust a registered model's folder as it is now: workers load no other bytes under its name."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="of the model in the registry")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            pinned = registry.pin(registered(options["slug"]), by=None)
        except Trouble as trouble:
            raise CommandError(str(trouble)) from trouble
        self.stdout.write(f"{pinned.slug}: {len(pinned.manifest)} files pinned, {pinned.manifest_sha256}")


def registered(slug: str) -> Pipeline:
    """The row of a slug.

    Raises:
        CommandError: there is none; the words name those that there are.
    """
    row = Pipeline.objects.filter(slug=slug).first()
    if row is None:
        known = ", ".join(Pipeline.objects.order_by("pk").values_list("slug", flat=True)) or "none yet"
        raise CommandError(f"No model {slug} is registered. Registered: {known}.")
    return row
