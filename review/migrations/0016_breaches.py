import json
from datetime import UTC, datetime, timedelta

import django.db.models.deletion
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from access.schema import append_only

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def fill(apps: StateApps, _editor: BaseDatabaseSchemaEditor) -> None:
    """What was missed before this table stands in the record: which look, what was promised, and when it was seen."""
    breach, look, entry = (
        apps.get_model(*name) for name in (('review', 'Breach'), ('review', 'Look'), ('access', 'Entry'))
    )
    for at_us, facts in entry.objects.filter(act='breach').values_list('at_us', 'facts'):
        said = json.loads(facts)
        if look.objects.filter(pk=said['look']).exists():
            instants = {'due_at': _instant(said['due_at_us']), 'seen_at': _instant(at_us)}
            breach.objects.get_or_create(look_id=said['look'], defaults=instants)


def _instant(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=int(microseconds))


class Migration(migrations.Migration):
    """Each missed deadline is a row of its own: also that of a second round, and of an appeal."""

    dependencies = [('access', '0006_opening'), ('review', '0015_looks_apart')]

    operations = [
        migrations.CreateModel(
            name='Breach',
            fields=[
                ('look', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='breach', serialize=False, to='review.look')),
                ('due_at', models.DateTimeField()),
                ('seen_at', models.DateTimeField()),
            ],
            options={
                'verbose_name_plural': 'breaches',
                'indexes': [models.Index(fields=['seen_at'], name='breaches_by_day')],
                'constraints': [models.CheckConstraint(condition=models.Q(('seen_at__gte', models.F('due_at'))), name='breach_is_seen_once_it_is_late')],
            },
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        *append_only('review_breach'),
        migrations.AddIndex(
            model_name='share',
            index=models.Index(fields=['-created_at', 'token'], name='shares_by_age'),
        ),
    ]
