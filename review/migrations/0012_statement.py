import uuid

import django.db.models.deletion
from django.db import migrations, models

from access.schema import append_only, rule


class Migration(migrations.Migration):
    dependencies = [('review', '0011_screen')]

    operations = [
        migrations.CreateModel(
            name='Statement',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('issued_at', models.DateTimeField()),
                ('appeal', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='statement', to='review.appeal')),
                ('decision', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='statement', to='review.decision')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('appeal__isnull', False), ('decision', None)), models.Q(('appeal', None), ('decision__isnull', False)), _connector='OR'), name='statement_is_of_one_thing')],
            },
        ),
        *append_only('review_statement'),
        rule(
            'statement_is_of_what_is_in_effect',
            'review_statement',
            'BEFORE INSERT',
            "(NEW.decision_id IS NOT NULL AND (NOT EXISTS (SELECT 1 FROM review_decision d WHERE d.id = NEW.decision_id "
            "AND d.effective_at <= NEW.issued_at) "
            "OR EXISTS (SELECT 1 FROM review_withdrawal w WHERE w.decision_id = NEW.decision_id))) "
            "OR (NEW.appeal_id IS NOT NULL AND EXISTS (SELECT 1 FROM review_appeal a WHERE a.id = NEW.appeal_id "
            "AND a.state = 'open'))",
            'nobody is told of what is not in effect',
        ),
    ]
