from django.db import migrations, models


class Migration(migrations.Migration):
    """The published figures count a day's appeals; an index of its own leaves the table and its rules alone."""

    dependencies = [('review', '0019_known_bad')]

    operations = [
        migrations.AddIndex(model_name='appeal', index=models.Index(fields=['opened_at'], name='appeals_by_day')),
    ]
