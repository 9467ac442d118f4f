from typing import Any

from django.core.management.base import BaseCommand, CommandError

from access.models import StoredFile
from access.verifying import verify_media


class Command(BaseCommand):
    help = "Hash every stored file in full; ends with an error if one does not have its hash."

    def handle(self, *args: Any, **options: Any) -> None:
        broken = verify_media()
        self.stdout.write(f"{StoredFile.objects.count() - len(broken)} files hold, {len(broken)} do not.")
        if broken:
            raise CommandError("Broken: " + ", ".join(file.sha256 for file in broken))
