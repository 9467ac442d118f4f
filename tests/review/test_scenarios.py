"""The state machine of submissions as one table: each verb in each state, and the state after it or the refusal.

The table is ``scenes.txt``. A state is a paragraph: its name and where the submission stands, then each outcome with
the verbs that have it; an outcome that begins with ``!`` is a refusal, after which everything stands where it stood.
"""

from collections import Counter
from pathlib import Path

import pytest
from django.db import transaction

from access import clock
from access.refusals import Refused
from tests import make
from tests.review.cast import At, Cast
from tests.review.scenes import NEEDS, NOTHING, STATES, VERBS, Scene

Table = dict[str, tuple[str, dict[str, str]]]  # state → where it stands, verb → outcome


def read() -> Table:
    table: Table = {}
    for paragraph in Path(__file__).with_name("scenes.txt").read_text().strip().split("\n\n"):
        head, *lines = paragraph.splitlines()
        name, stands = head.removeprefix("# ").split(": ")
        rows = [line.split(": ") for line in lines]
        table[name] = stands, {verb: outcome for outcome, verbs in rows for verb in verbs.split(", ")}
        assert sum(len(verbs.split(", ")) for _, verbs in rows) == len(table[name][1]), f"{name}: a verb is there twice"
    return table


TABLE = read()


def test_every_verb_has_its_outcome_in_every_state() -> None:
    assert list(TABLE) == list(STATES)
    missing = [(name, verb) for name, (_, outcomes) in TABLE.items() for verb in VERBS if verb not in outcomes]
    unknown = [(name, verb) for name, (_, outcomes) in TABLE.items() for verb in outcomes if verb not in VERBS]
    assert (missing, unknown) == ([], [])


def test_every_verb_succeeds_somewhere_unless_it_is_nobodys() -> None:
    worked = {verb for _, outcomes in TABLE.values() for verb, outcome in outcomes.items() if outcome[0] != "!"}
    never = {"withdraw by a reviewer", "answer by a reviewer", "say critique by a reviewer"}
    assert set(VERBS) - worked == never


def outcome(scene: Scene, verb: str) -> str:
    """What becomes of it; afterwards everything is as it was."""
    scene = scene.fresh()
    if verb in NEEDS and getattr(scene, NEEDS[verb]) is None:
        return NOTHING
    with transaction.atomic():
        try:
            VERBS[verb](scene)
            return scene.state()
        except Refused as refusal:
            began = scene.state()
            assert began == scene.fresh().state()
            return f"!{type(refusal).__name__}"
        finally:
            transaction.set_rollback(True)


@pytest.mark.parametrize("name", STATES)
def test_scenario(cast: Cast, at: At, name: str) -> None:
    stands, expected = TABLE[name]
    people = make.lead(program=cast.program), make.reviewer(program=cast.program)
    scene = Scene(cast, at, *people, cast.output(), cast.submission())
    STATES[name](scene)
    at(instant := clock.now())
    assert scene.fresh().state() == stands
    found = {}
    for verb in VERBS:
        found[verb] = outcome(scene, verb)
        at(instant)
        assert scene.fresh().state() == stands, verb
    assert found == expected


def test_every_refusal_says_what_to_do() -> None:
    refusals = [cls for cls in Refused.__subclasses__() if cls.__module__ == "review.refusals"]
    for refusal in refusals:
        assert len(str(refusal().sentence)) > 30, refusal
    assert [code for code, times in Counter(cls.code for cls in refusals).items() if times > 1] == []
