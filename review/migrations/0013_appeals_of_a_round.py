from django.db import migrations, models


class Migration(migrations.Migration):
    """A no may be appealed by its artist and be looked at again by rule, in the same round: two looks of one kind."""

    dependencies = [("review", "0012_statement")]

    operations = [
        migrations.RemoveConstraint(model_name="look", name="one_look_of_a_kind_and_round"),
        migrations.AddConstraint(
            model_name="look",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("kind__in", ["first", "second", "tie_break"]), models.Q(("state", "dropped"), _negated=True)
                ),
                fields=("submission", "round", "kind"),
                name="one_look_of_a_kind_and_round",
            ),
        ),
    ]
