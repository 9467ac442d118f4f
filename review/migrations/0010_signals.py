import django.db.models.deletion
from django.db import migrations, models

from access.schema import append_only, rule


class Migration(migrations.Migration):

    dependencies = [
        ('generation', '0005_search'),
        ('review', '0005_rules_again'),
    ]

    operations = [
        migrations.CreateModel(
            name='Deposit',
            fields=[
                ('decision', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='deposit', serialize=False, to='review.decision')),
                ('banked_at', models.DateTimeField()),
                ('output', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deposits', to='generation.output')),
            ],
        ),
        migrations.CreateModel(
            name='Examination',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveSmallIntegerField()),
                ('bank_upto', models.BigIntegerField(default=0)),
                ('trouble', models.CharField(blank=True, max_length=300)),
                ('examined_at', models.DateTimeField()),
                ('output', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='examinations', to='generation.output')),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='FrameHash',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveSmallIntegerField()),
                ('at_ms', models.PositiveIntegerField()),
                ('quality', models.PositiveSmallIntegerField()),
                ('turned', models.TextField()),
                ('crops', models.TextField(blank=True)),
                ('output', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='frame_hashes', to='generation.output')),
            ],
            options={
                'ordering': ['at_ms'],
            },
        ),
        migrations.CreateModel(
            name='BankEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('origin', models.CharField(choices=[('rejected', 'Rejected'), ('approved', 'Approved'), ('imported', 'Imported')], max_length=8)),
                ('pdq', models.CharField(max_length=64)),
                ('label', models.CharField(blank=True, max_length=120)),
                ('entered_at', models.DateTimeField()),
                ('removed_at', models.DateTimeField(blank=True, null=True)),
                ('deposit', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='review.deposit')),
                ('frame', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='review.framehash')),
            ],
            options={
                'verbose_name_plural': 'bank entries',
            },
        ),
        migrations.CreateModel(
            name='Signal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('known_bad', 'Known Bad'), ('flashing', 'Flashing'), ('like_rejected', 'Like Rejected'), ('same_bytes', 'Same Bytes'), ('duplicate', 'Duplicate'), ('like_approved', 'Like Approved'), ('black', 'Black'), ('frozen', 'Frozen')], max_length=13)),
                ('recipe', models.CharField(max_length=16)),
                ('version', models.PositiveSmallIntegerField()),
                ('threshold', models.FloatField()),
                ('measured', models.FloatField()),
                ('from_ms', models.PositiveIntegerField(blank=True, null=True)),
                ('to_ms', models.PositiveIntegerField(blank=True, null=True)),
                ('theirs_ms', models.PositiveIntegerField(blank=True, null=True)),
                ('facts', models.JSONField(default=dict)),
                ('raised_at', models.DateTimeField()),
                ('entry', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='review.bankentry')),
                ('examination', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='signals', to='review.examination')),
                ('output', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='signals', to='generation.output')),
                ('theirs', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='generation.output')),
            ],
        ),
        migrations.AddConstraint(
            model_name='examination',
            constraint=models.UniqueConstraint(condition=models.Q(('trouble', '')), fields=('output', 'version', 'bank_upto'), name='examined_once_with_a_bank'),
        ),
        migrations.AddConstraint(
            model_name='framehash',
            constraint=models.UniqueConstraint(fields=('output', 'version', 'at_ms'), name='one_hash_of_a_frame'),
        ),
        migrations.AddConstraint(
            model_name='framehash',
            constraint=models.CheckConstraint(condition=models.Q(('quality__lte', 100)), name='quality_up_to_100'),
        ),
        migrations.AddConstraint(
            model_name='bankentry',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('deposit', None), ('frame', None), ('origin', 'imported'), models.Q(('label', ''), _negated=True)), models.Q(('deposit__isnull', False), ('frame__isnull', False), ('origin__in', ['rejected', 'approved'])), _connector='OR'), name='bank_entry_says_whence'),
        ),
        migrations.AddConstraint(
            model_name='bankentry',
            constraint=models.UniqueConstraint(condition=models.Q(('origin', 'imported'), ('removed_at', None)), fields=('pdq', 'label'), name='one_live_entry_of_a_label'),
        ),
        migrations.AddConstraint(
            model_name='bankentry',
            constraint=models.CheckConstraint(condition=models.Q(('removed_at', None), ('removed_at__gte', models.F('entered_at')), _connector='OR'), name='bank_entry_leaves_afterwards'),
        ),
        migrations.AddConstraint(
            model_name='signal',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['known_bad', 'flashing', 'like_rejected', 'same_bytes', 'duplicate', 'like_approved', 'black', 'frozen'])), name='signal_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='signal',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind__in', ['known_bad', 'like_rejected', 'like_approved']), _negated=True), ('entry__isnull', False), _connector='OR'), name='match_names_its_entry'),
        ),
        migrations.AddConstraint(
            model_name='signal',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind__in', ['like_rejected', 'like_approved', 'same_bytes', 'duplicate']), _negated=True), ('theirs__isnull', False), _connector='OR'), name='likeness_names_the_other'),
        ),
        migrations.AddConstraint(
            model_name='signal',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('from_ms', None), ('to_ms', None)), ('to_ms__gte', models.F('from_ms')), _connector='OR'), name='signal_ends_after_it_begins'),
        ),
        *append_only('review_framehash'),
        *append_only('review_deposit'),
        *append_only('review_examination'),
        *append_only('review_signal'),
        rule(
            'deposit_is_of_a_decision_in_effect',
            'review_deposit',
            'BEFORE INSERT',
            "NOT EXISTS (SELECT 1 FROM review_decision d JOIN review_submission s ON s.id = d.submission_id "
            "WHERE d.id = NEW.decision_id AND s.output_id = NEW.output_id AND d.verdict IN ('approved', 'rejected') "
            "AND d.effective_at <= NEW.banked_at) "
            "OR EXISTS (SELECT 1 FROM review_withdrawal w WHERE w.decision_id = NEW.decision_id) "
            "OR EXISTS (SELECT 1 FROM review_decision o WHERE o.overturns_id = NEW.decision_id)",
            'only a yes or a no in effect puts frames into the bank',
        ),
        rule(
            'bank_entry_is_of_its_deposit',
            'review_bankentry',
            'BEFORE INSERT',
            "NEW.deposit_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM review_deposit p "
            "JOIN review_decision d ON d.id = p.decision_id JOIN review_framehash f ON f.output_id = p.output_id "
            "WHERE p.decision_id = NEW.deposit_id AND f.id = NEW.frame_id AND d.verdict = NEW.origin)",
            'an entry names a frame of the output that the decision was on, and its verdict',
        ),
        rule(
            'bank_entry_only_leaves',
            'review_bankentry',
            'BEFORE UPDATE',
            "OLD.removed_at IS NOT NULL OR NEW.removed_at IS NULL OR NEW.pdq <> OLD.pdq OR NEW.label <> OLD.label "
            "OR NEW.origin <> OLD.origin OR NEW.entered_at <> OLD.entered_at "
            "OR COALESCE(NEW.frame_id, 0) <> COALESCE(OLD.frame_id, 0)",
            'an entry of the bank changes only by leaving, once',
        ),
        rule(
            'bank_entry_never_goes',
            'review_bankentry',
            'BEFORE DELETE',
            '1 = 1',
            'an entry that left the bank stays as a row that says when',
        ),
    ]
