"""The proof of a decision: what is in the file, what checks it alone, what changes it shows, and who gets it."""

import copy
import hashlib
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from access import audit, clock
from access.models import Chain, Enrollment, Entry, EntryText
from review import appeals, proof, tasks
from review.models import Decision, Statement
from scripts import verify_decision
from tests import make
from tests.review import stages
from tests.review.cast import At, Cast, make_cast

pytestmark = pytest.mark.django_db
SCRIPT = Path(verify_decision.__file__)


def download(cast: Cast, decision: Decision) -> dict[str, Any]:
    client = Client()
    client.force_login(cast.artist.user)
    answer = client.get(reverse("decision_proof", args=[decision.pk]))
    assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/json"
    assert f"decision-{decision.pk}.json" in answer.headers["Content-Disposition"]
    return json.loads(answer.content)  # type: ignore[no-any-return]


def run(document: dict[str, Any], tmp_path: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """The script alone, in a Python that sees nothing of ours."""
    file = tmp_path / "decision.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    command = [sys.executable, "-I", "-S", str(SCRIPT), str(file), *more]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)


def test_a_downloaded_no_is_checked_by_plain_python(cast: Cast, at: At, tmp_path: Path) -> None:
    decision = stages.no(cast, at, cast.submission(), private_note="between us")
    tasks.settle()
    cast.submission()  # the chain goes on
    document = download(cast, decision)
    checked = run(document, tmp_path)
    assert checked.returncode == 0 and "rejected" in checked.stdout, checked.stdout + checked.stderr
    told = document["says"][0]
    assert told["clause"] == {"code": "2", "title": "Violence", "text": "Violence: the whole clause."}
    assert told["words"] == stages.WORDS and told["range_ms"] == [0, 600] and len(told["notes"]) == 3
    assert document["head"]["hash"] == Chain.objects.get(program=cast.program).head
    assert "between us" not in json.dumps(document)


def test_the_statement_cites_the_sealed_record_of_the_verdict(cast: Cast, at: At) -> None:
    decision = stages.no(cast, at, cast.submission())
    proof.issue(decision)
    sealed = Entry.objects.get(subject=f"decision:{decision.pk}", act="decide")
    entry = Entry.objects.get(act="state_reasons")
    facts = json.loads(entry.facts)
    assert facts["record"] == {"number": sealed.number, "hash": sealed.hash} and entry.actor == ""
    assert audit.verify(Chain.objects.get(program=cast.program)) is None


def test_an_appeal_and_what_the_artist_did_are_in_the_file(cast: Cast, at: At, tmp_path: Path) -> None:
    decision = stages.no(cast, at, cast.submission(statement="What I mean."))
    appeals.open_appeal(decision, by=cast.artist.user, words="Look again.")
    cast.give(cast.claim(decision.submission, by=cast.rival), "rejected", words="It stays so.")
    document = download(cast, decision)
    assert run(document, tmp_path).returncode == 0
    acts = [entry["act"] for entry in document["entries"]]
    assert sorted(acts) == ["appeal", "state_reasons", "state_reasons", "submit"]
    assert [said["kind"] for said in document["says"]] == ["decision", "appeal"]
    assert document["says"][1]["answer"] == "It stays so."


def forged(document: dict[str, Any], statement: dict[str, Any], number: int) -> dict[str, Any]:
    """Another verdict, with every hash of the statement itself made anew; the document that says so."""
    said = json.loads(statement["text"]) | {"verdict": "approved"}
    statement.update(number=number, text=audit.canonical(said))
    digest = hashlib.sha256(f"{statement['salt']}:{statement['text']}".encode()).hexdigest()
    statement.update(private_digest=digest)
    statement.update(hash=verify_decision.entry_hash(statement))
    document["says"] = [said]
    verify_decision.check_entry(statement)
    verify_decision.check_statements(document)
    return document


def changed(document: dict[str, Any], what: str) -> dict[str, Any]:
    """The same file with one thing in it changed."""
    other = copy.deepcopy(document)
    statement = next(entry for entry in other["entries"] if entry["act"] == "state_reasons")
    said, link = other["says"][0], other["links"][-1]
    changes: dict[str, Any] = {
        "verdict": lambda: said.update(verdict="approved"),
        "verdict and text": lambda: (
            said.update(verdict="approved"),
            statement.update(text=statement["text"].replace('"rejected"', '"approved"')),
        ),
        "instant": lambda: statement.update(at_us=statement["at_us"] + 1),
        "actor": lambda: statement.update(actor="somebody"),
        "facts": lambda: statement.update(facts=statement["facts"].replace("decision:", "decisiom:")),
        "chain": lambda: statement.update(chain="program-0"),
        "hash": lambda: statement.update(hash="0" * 64),
        "a link": lambda: link.__setitem__(1, "0" * 64),
        "the head": lambda: other["head"].update(hash="0" * 64),
        "a gap": lambda: other["links"].pop(1),
        "the links": lambda: other.update(links=[[n, p, "f" * 64] for n, p, _h in other["links"]]),
        "no statement": lambda: other.update(entries=[e for e in other["entries"] if e is not statement], says=[]),
        "format": lambda: other.update(format="another"),
        "salt": lambda: statement.update(salt="0" * 32),
        "no links": lambda: other.update(links=[], links_reach_the_head=False),
        "moved before the links": lambda: forged(other, statement, number=other["links"][0][0] - 1),
        "moved beyond the links": lambda: (other.update(links_reach_the_head=False), forged(other, statement, 10**6)),
        "rewritten in its place": lambda: forged(other, statement, number=statement["number"]),
    }
    changes[what]()
    return other


CHANGES = (
    "verdict", "verdict and text", "instant", "actor", "facts", "chain", "hash", "a link", "the head", "a gap",
    "the links", "no statement", "format", "salt", "no links", "moved before the links", "moved beyond the links",
    "rewritten in its place",
)  # fmt: skip


def test_each_change_is_seen(cast: Cast, at: At, tmp_path: Path) -> None:
    decision = stages.no(cast, at, cast.submission())
    proof.issue(decision)
    cast.submission()
    document = download(cast, decision)
    verify_decision.verify(document)
    for what in CHANGES:
        with pytest.raises(verify_decision.Fault):
            verify_decision.verify(changed(document, what))
    assert run(changed(document, "instant"), tmp_path).returncode == 1
    assert run({"format": verify_decision.FORMAT}, tmp_path).returncode == 1
    head = f"{document['head']['number']}:{document['head']['hash']}"
    for what in CHANGES[-4:]:
        assert run(changed(document, what), tmp_path, "--head", head).returncode == 1


def test_a_head_noted_earlier_shows_a_record_that_was_rewritten(cast: Cast, at: At, tmp_path: Path) -> None:
    decision = stages.no(cast, at, cast.submission())
    head = download(cast, decision)["head"]
    cast.submission()
    later = download(cast, decision)
    assert run(later, tmp_path, "--head", f"{head['number']}:{head['hash']}").returncode == 0
    forged = run(later, tmp_path, "--head", f"{head['number']}:{'a' * 64}")
    assert forged.returncode == 1 and "rewritten" in forged.stdout
    assert run(later, tmp_path, "--head", f"{head['number'] + 99}:{'a' * 64}").returncode == 1


def test_a_statement_is_entered_once(cast: Cast, at: At) -> None:
    decision = stages.no(cast, at, cast.submission())
    assert proof.settle() == 1 and proof.settle() == 0
    assert proof.issue(decision) == Statement.objects.get() and Entry.objects.filter(act="state_reasons").count() == 1


def test_nothing_is_stated_before_it_is_in_effect_nor_of_what_was_undone(cast: Cast, at: At) -> None:
    decision = cast.reject(cast.claim(cast.submission()))
    assert proof.settle() == 0
    with pytest.raises(IntegrityError), transaction.atomic():
        Statement.objects.create(decision=decision, issued_at=clock.now())
    client = Client()
    client.force_login(cast.artist.user)
    assert client.get(reverse("decision_proof", args=[decision.pk])).status_code == 404


def test_a_statement_is_never_changed(cast: Cast, at: At) -> None:
    proof.issue(stages.no(cast, at, cast.submission()))
    for write in (lambda: Statement.objects.update(issued_at=clock.now()), Statement.objects.all().delete):
        with pytest.raises(IntegrityError), transaction.atomic():
            write()


def test_it_is_theirs_after_they_left_and_nobody_elses(cast: Cast, at: At, tmp_path: Path) -> None:
    decision = stages.no(cast, at, cast.submission())
    Enrollment.objects.filter(pk=cast.artist.pk).update(ended_at=clock.now())
    assert run(download(cast, decision), tmp_path).returncode == 0
    client = Client()
    client.force_login(cast.artist.user)
    page = client.get(reverse("decisions")).content.decode()
    assert reverse("decision_proof", args=[decision.pk]) in page and "Tide" in page
    for other in (make.artist(program=cast.program).user, cast.reviewer, make.lead(program=cast.program)):
        client.force_login(other)
        assert client.get(reverse("decision_proof", args=[decision.pk])).status_code == 404
        assert "Tide" not in client.get(reverse("decisions")).content.decode()


def test_erased_words_leave_the_chain_and_the_hashes(cast: Cast, at: At, tmp_path: Path) -> None:
    decision = stages.no(cast, at, cast.submission())
    proof.issue(decision)
    EntryText.objects.filter(entry__act="state_reasons").delete()
    document = download(cast, decision)
    assert audit.verify(Chain.objects.get(program=cast.program)) is None
    said = run(document, tmp_path)
    assert said.returncode == 1 and "erased" in said.stdout and document["links_reach_the_head"]


def test_more_links_than_fit_are_left_out_and_said_so(
    cast: Cast, at: At, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decision = stages.no(cast, at, cast.submission())
    proof.issue(decision)
    cast.submission()
    monkeypatch.setattr(proof, "MOST_LINKS", 1)
    document = download(cast, decision)
    assert not document["links_reach_the_head"] and len(document["links"]) == 1
    checked = run(document, tmp_path)
    assert checked.returncode == 0 and "not tied to the head" in checked.stdout
    head = f"{document['head']['number']}:{document['head']['hash']}"
    assert run(document, tmp_path, "--head", head).returncode == 1


def test_every_statement_is_among_the_links_however_many_lie_between(
    cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    decision = stages.no(cast, at, cast.submission())
    proof.issue(decision)
    appeals.open_appeal(decision, by=cast.artist.user, words="Look again.")
    cast.give(cast.claim(decision.submission, by=cast.rival), "rejected", words="It stays so.")
    monkeypatch.setattr(proof, "MOST_LINKS", 1)
    document = download(cast, decision)
    numbers = [entry["number"] for entry in document["entries"] if entry["act"] == "state_reasons"]
    assert [document["links"][0][0], document["links"][-1][0]] == numbers
    verify_decision.verify(document)


def test_a_head_noted_before_the_statement_proves_nothing_of_it(cast: Cast, at: At, tmp_path: Path) -> None:
    chain = Chain.objects.get(program=cast.submission().program)
    document = download(cast, stages.no(cast, at, cast.submission()))
    checked = run(document, tmp_path, "--head", f"{chain.length}:{chain.head}")
    assert checked.returncode == 1 and "says nothing about that one" in checked.stdout


def test_what_took_effect_long_ago_is_stated_when_somebody_asks(cast: Cast, at: At) -> None:
    decision = stages.no(cast, at, cast.submission())
    at(decision.effective_at + timedelta(days=30))
    assert proof.settle() == 0
    assert download(cast, decision)["says"][0]["decision"] == str(decision.pk)


def test_another_programs_chain_is_not_in_it(cast: Cast, at: At) -> None:
    other = make_cast()
    stages.no(other, at, other.submission())
    document = download(cast, stages.no(cast, at, cast.submission()))
    assert {entry["chain"] for entry in document["entries"]} == {f"program-{cast.program.pk}"}
