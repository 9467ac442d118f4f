from typing import Any

from django.core.management.base import BaseCommand, CommandError

from access import audit
from access.models import Chain


class Command(BaseCommand):
    help = "Recompute every audit chain from its first entry; ends with an error naming the first fault of each."

    def handle(self, *args: Any, **options: Any) -> None:
        faults = []
        for chain in Chain.objects.order_by("key"):
            fault = audit.verify(chain)
            faults += [fault] if fault else []
            self.stdout.write(
                str(fault) if fault else f"chain {chain.key}: {chain.length} entries hold, head {chain.head}"
            )
        if faults:
            raise CommandError(f"{len(faults)} of the chains do not hold.")
