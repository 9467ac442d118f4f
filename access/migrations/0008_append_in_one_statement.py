"""On PostgreSQL the chain is appended to by the server: whoever holds its head waits for no client meanwhile."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

# The hash is that of ``access.audit.entry_hash``, which verifies what is written here. Each statement of the function
# sees what was committed before it, so the head is the one that the rival left whose lock was waited for.
APPEND = """
CREATE FUNCTION access_append(chain_key text, entries jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    chain record;
    one jsonb;
    place_ bigint;
    before text;
    hashed text;
    entry bigint;
BEGIN
    SELECT * INTO chain FROM access_chain c WHERE c.key = chain_key FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    place_ := chain.length;
    before := chain.head;
    FOR one IN SELECT each.value FROM jsonb_array_elements(entries) WITH ORDINALITY AS each(value, place)
        ORDER BY each.place
    LOOP
        place_ := place_ + 1;
        SELECT encode(sha256(string_agg(int8send(octet_length(part.raw)::bigint) || part.raw, ''::bytea
                ORDER BY part.place)), 'hex') INTO hashed
            FROM (SELECT convert_to(field.value, 'UTF8') AS raw, field.place FROM unnest(ARRAY[
                'vernissage-audit-1', chain_key, place_::text, one->>'at_us', one->>'actor', one->>'act',
                one->>'subject', one->>'facts', one->>'private_digest', before
            ]) WITH ORDINALITY AS field(value, place)) AS part;
        INSERT INTO access_entry
            (chain_id, number, at_us, actor, act, subject, facts, private_digest, previous, hash)
        VALUES (chain.id, place_, (one->>'at_us')::bigint, one->>'actor', one->>'act', one->>'subject', one->>'facts',
            one->>'private_digest', before, hashed)
        RETURNING id INTO entry;
        IF one->>'private_digest' <> '' THEN
            INSERT INTO access_entrytext (entry_id, salt, text) VALUES (entry, one->>'salt', one->>'text');
        END IF;
        before := hashed;
    END LOOP;
    UPDATE access_chain SET length = place_, head = before WHERE id = chain.id;
    RETURN true;
END $$
"""


def add(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute(APPEND, params=None)


def drop(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute("DROP FUNCTION access_append(text, jsonb)")


class Migration(migrations.Migration):
    dependencies = [("access", "0007_promise_in_terms")]

    operations = [migrations.RunPython(add, drop)]
