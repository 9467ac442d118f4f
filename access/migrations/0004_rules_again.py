from django.db import migrations

from access.schema import append_only


class Migration(migrations.Migration):
    """0003 rebuilt this table on SQLite, which drops its triggers."""

    dependencies = [("access", "0003_agreement_allows_download")]

    operations = [*append_only("access_agreementversion")]
