"""The floor under every review queue: bare psycopg, a table, two transactions a decision, a hash chain behind a lock.

Claim: one row of the ordered partial index, past rivals' locks, marked as held. Decide: the held row is closed, the
decision written, an entry appended to a chain whose head is locked. Nothing is checked, nobody is told.
"""

import hashlib
import uuid
from contextlib import ExitStack
from functools import partial

import psycopg

from bench.together import together

TABLES = """
CREATE TABLE floor_queue (id uuid PRIMARY KEY, rank int, due_at timestamptz, state text, held_by int,
  until timestamptz);
CREATE INDEX floor_order ON floor_queue (rank DESC, due_at, id) WHERE state = 'waiting';
CREATE TABLE floor_decision (id uuid PRIMARY KEY, item uuid, by int, verdict text, words text, at timestamptz);
CREATE TABLE floor_chain (id int PRIMARY KEY, length bigint, head text);
CREATE TABLE floor_entry (number bigint PRIMARY KEY, at timestamptz, act text, facts text, previous text, hash text);
INSERT INTO floor_chain VALUES (1, 0, repeat('0', 64));
"""
CLAIM = """
UPDATE floor_queue SET state = 'held', held_by = %s, until = now() + interval '10 min' WHERE id = (
  SELECT id FROM floor_queue WHERE state = 'waiting' ORDER BY rank DESC, due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id"""


def fill(address: str, number: int) -> None:
    with psycopg.connect(address) as connection:
        connection.execute("DROP TABLE IF EXISTS floor_queue, floor_decision, floor_chain, floor_entry")
        connection.execute(TABLES)
        connection.execute(
            "INSERT INTO floor_queue SELECT gen_random_uuid(), 0, now() + n * interval '1 s', 'waiting' "
            "FROM generate_series(1, %s) n",
            [number],
        )
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE floor_queue")


def work(connection: psycopg.Connection, me: int, until: list[int], done: list[int]) -> None:
    """Claim and decide until nothing is left to do."""
    while until[0] > 0:
        until[0] -= 1
        row = connection.execute(CLAIM, [me]).fetchone()
        connection.commit()
        assert row is not None, "the floor's queue is empty"
        decide(connection, me, row[0])
        done.append(1)


def decide(connection: psycopg.Connection, me: int, item: uuid.UUID) -> None:
    closed = connection.execute(
        "UPDATE floor_queue SET state = 'decided' WHERE id = %s AND held_by = %s AND state = 'held' AND until > now()",
        [item, me],
    )
    assert closed.rowcount == 1, "lost a claim"
    connection.execute(
        "INSERT INTO floor_decision VALUES (%s, %s, %s, 'approved', '', now())", [uuid.uuid4(), item, me]
    )
    chain = connection.execute("SELECT length, head FROM floor_chain WHERE id = 1 FOR UPDATE").fetchone()
    assert chain is not None, "the chain has a head"
    number, facts = chain[0] + 1, f'{{"item":"{item}","by":{me},"verdict":"approved"}}'
    hashed = hashlib.sha256(f"{number}|decide|{facts}|{chain[1]}".encode()).hexdigest()
    connection.execute(
        "INSERT INTO floor_entry VALUES (%s, now(), 'decide', %s, %s, %s)", [number, facts, chain[1], hashed]
    )
    connection.execute("UPDATE floor_chain SET length = %s, head = %s WHERE id = 1", [number, hashed])
    connection.commit()


def rate(address: str, *, threads: int, decisions: int) -> float:
    """Decisions a second."""
    left, done = [decisions], list[int]()
    with ExitStack() as stack:
        lines = [stack.enter_context(psycopg.connect(address)) for _ in range(threads)]
        seconds = together([partial(work, line, number, left, done) for number, line in enumerate(lines)])
    return len(done) / seconds
