from django.db import migrations


class Migration(migrations.Migration):
    """A program's promise stands in its review terms; review has written it there by now."""

    dependencies = [("access", "0006_opening"), ("review", "0004_looks_of_before")]

    operations = [
        migrations.RemoveConstraint(model_name="program", name="program_promises_a_deadline"),
        migrations.RemoveField(model_name="program", name="review_hours"),
    ]
