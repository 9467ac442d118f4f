from typing import Any

from django.core.management.base import BaseCommand

from access.models import Program
from review import transparency


class Command(BaseCommand):
    help = "Count the published figures of every open program now, instead of within the hour."

    def handle(self, *args: Any, **options: Any) -> None:
        for program in Program.objects.exclude(opened_at=None).order_by("slug"):
            counted = transparency.renew(program)
            said = f"counted up to {counted.at:%Y-%m-%d %H:%M} UTC" if counted else "somebody is counting already"
            self.stdout.write(f"{program.slug}: {said}")
