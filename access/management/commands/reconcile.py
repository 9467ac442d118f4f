from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from access.models import StoredFile


class Command(BaseCommand):
    help = "List rows without a file and files without a row. Changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        rows = set(StoredFile.objects.values_list("sha256", flat=True))
        files = {path.name for path in Path(settings.MEDIA_DIR).glob("??/*")}
        for sha256 in sorted(rows - files):
            self.stdout.write(f"row without a file: {sha256}")
        for sha256 in sorted(files - rows):
            self.stdout.write(f"file without a row: {sha256}")
        self.stdout.write(
            f"{len(rows & files)} match, {len(rows - files)} rows and {len(files - rows)} files stand alone."
        )
