from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0006_opening'),
        ('generation', '0005_search'),
        ('review', '0014_checks'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name='look',
            index=models.Index(condition=models.Q(('state', 'waiting'), models.Q(('for_leads', True), models.Q(('kind', 'first'), _negated=True), models.Q(('reserved_for__isnull', False), ('reserved_until', None)), _connector='OR')), fields=['program'], name='looks_apart'),
        ),
    ]
