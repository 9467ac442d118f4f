import unicodedata
from collections.abc import Iterator

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from access.schema import rebuilding, rule


def fold(text: str) -> str:
    """``access.text.fold`` as it was when this was written."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def fold_prompts(apps: StateApps, _editor: BaseDatabaseSchemaEditor) -> None:
    briefs = apps.get_model("generation", "Brief").objects
    for some in _in_pieces(briefs.only("prompt").order_by("pk")):
        for brief in some:
            brief.prompt_folded = fold(brief.prompt)
        briefs.bulk_update(some, ["prompt_folded"], batch_size=200)


def _in_pieces(briefs: models.QuerySet) -> Iterator[list[models.Model]]:
    """By key, since a cursor does not outlive a write on every database."""
    some = list(briefs[:2000])
    while some:
        yield some
        some = list(briefs.filter(pk__gt=some[-1].pk)[:2000])


class Migration(migrations.Migration):
    """Prompts are searched in their folded form. Rebuilding the table on SQLite drops its rules; they are said again,
    and stricter: of the same artist in the same program."""

    dependencies = [("access", "0004_rules_again"), ("generation", "0004_rules_again")]

    operations = [
        *rebuilding(
            migrations.AddField("brief", "prompt_folded", models.TextField(default="", editable=False), False),
        ),
        migrations.RunPython(fold_prompts, migrations.RunPython.noop),
        *rebuilding(
            migrations.AddConstraint(
                "brief",
                models.CheckConstraint(
                    condition=models.Q(("prompt", ""), models.Q(("prompt_folded", ""), _negated=True), _connector="OR"),
                    name="brief_can_be_found",
                ),
            ),
        ),
        rule(
            "brief_descends_from_ones_own",
            "generation_brief",
            "BEFORE INSERT",
            "NEW.parent_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM generation_job j "
            "JOIN access_enrollment made ON made.id = j.enrollment_id "
            "JOIN access_enrollment asks ON asks.id = NEW.enrollment_id "
            "WHERE j.id = NEW.parent_id AND made.user_id = asks.user_id AND made.program_id = asks.program_id)",
            "a brief descends from a job of the same artist in the same program",
        ),
        rule(
            "brief_begins_with_ones_own",
            "generation_brief",
            "BEFORE INSERT",
            "NEW.first_frame_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM generation_firstframe f "
            "JOIN access_enrollment brought ON brought.id = f.enrollment_id "
            "JOIN access_enrollment asks ON asks.id = NEW.enrollment_id "
            "WHERE f.id = NEW.first_frame_id AND brought.user_id = asks.user_id "
            "AND brought.program_id = asks.program_id)",
            "a first frame is one that the same artist brought to the same program",
        ),
    ]
