"""What the artist's pages share: how an output is shown."""

from typing import Any

from django.urls import reverse

from generation.models import Output


def shown(output: Output) -> dict[str, Any]:
    """An output with the addresses of its renditions, for templates."""
    urls = {
        f"{r.recipe}_url": reverse("media", args=[r.file_id])
        for r in output.renditions.all()
        if r.personal_to_id is None
    }
    return {"id": output.pk, "output": output, "seconds": output.seconds, **urls}
