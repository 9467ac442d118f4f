"""What pages of the ground floor show of generation."""

from typing import Any

from django import template

from access.models import Program
from generation import line
from generation.models import Pipeline

register = template.Library()


@register.simple_tag
def queue_of(program: Program) -> dict[str, Any]:
    """How many jobs of the program wait and run, and since when the oldest waits."""
    return line.depth(program)


@register.simple_tag
def pipelines_in_trouble() -> list[Pipeline]:
    """Pipelines that workers cannot use at present, with the reason."""
    return list(Pipeline.objects.filter(is_active=True).exclude(trouble=""))
