from django.db import migrations

from access.schema import append_only, rule, together


class Migration(migrations.Migration):
    dependencies = [("access", "0001_initial")]

    operations = [
        together(
            *append_only("access_agreementversion"),
            *append_only("access_signature"),
            *append_only("access_consent"),
            *append_only("access_entry"),
            rule(
                "stored_bytes_never_change",
                "access_storedfile",
                "BEFORE UPDATE",
                "NEW.sha256 <> OLD.sha256 OR NEW.size <> OLD.size",
                "a stored file keeps its hash",
            ),
            rule(
                "lifted_halt_stays_lifted",
                "access_halt",
                "BEFORE UPDATE",
                "OLD.lifted_at IS NOT NULL",
                "a lifted halt is history",
            ),
            rule(
                "signature_is_on_the_text",
                "access_signature",
                "BEFORE INSERT",
                "NOT EXISTS (SELECT 1 FROM access_agreementversion v WHERE v.id = NEW.version_id AND v.sha256 = NEW.text_sha256)",
                "a signature names the hash of its text",
            ),
        )
    ]
