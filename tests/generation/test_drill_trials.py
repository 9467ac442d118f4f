"""What the drill says of a trial, and a drill of one fault from the command to the verdict."""

import contextlib
import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from generation.drill import checker, table, timing, trials
from generation.drill.checker import Entry, Evidence
from generation.drill.faults import FAULTS, kill_child
from generation.drill.scene import Fault, Scene
from generation.drill.site import Note, Site, Worker, open_site
from generation.drill.timing import ColdStart, Wait


# --- how long it took -------------------------------------------------------------------------------------------------
def test_percentiles_are_of_the_values_that_were_seen() -> None:
    assert timing.percentile([], 0.95) is None
    assert timing.percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert timing.percentile([float(n) for n in range(1, 101)], 0.95) == 95.0


DEADLY = next(fault for fault in FAULTS if fault.strike is kill_child)
HARMLESS = next(fault for fault in FAULTS if fault.name == "no fault")
STRUCK_AT, COLD = 1000.0, ColdStart(worker=3.0, child=6.0)


class Noted(Site):
    """A site without processes, of which only is what children noted."""

    noted: list[Note]

    def __init__(self, *args: object, **facts: object) -> None:
        super().__init__(*args, **facts)
        self.noted = []

    def notes(self) -> list[Note]:
        return self.noted


class Record:
    """A record of claims and ends, each so many seconds after the fault, and what children noted of themselves."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.site = Noted(Path(), None, None, has_small_disk=False, leases={"denoise": 5, "encode": 7})

    def say(self, at: float, act: str, job: str, attempt: int, **facts: object) -> None:
        told = json.dumps({"attempt": attempt, **facts})
        at_us = round((STRUCK_AT + at) * 1e6)
        self.entries.append(Entry("p", 1, at_us, "", act, f"job:{job}", told, "", "", ""))

    def claim(self, at: float, job: str, *, until: float, batch: str = "", pid: int = 7, attempt: int = 2) -> None:
        self.say(at, "claim_job", job, attempt, worker=f"here:{pid}", batch=batch or job)
        self.say(until, "finish_job", job, attempt)

    def note(self, at: float, event: str, pid: int = 7) -> None:
        self.site.noted.append(Note(STRUCK_AT + at, pid, "render1", event))

    def scene(self, **hit: int) -> Scene:
        return Scene(self.site, None, "denoise", hit=hit, at=STRUCK_AT)

    def evidence(self) -> Evidence:
        return Evidence({}, {}, [], set(), set(), {}, {}, {}, self.entries, {}, Path())

    def agains(self, fault: Fault, **hit: int) -> list[tuple[float, float]]:
        waits = timing.agains(self.evidence(), self.scene(**hit), fault, COLD)
        return [(round(wait.seconds, 3), round(wait.limit, 3)) for wait in waits]


def test_a_job_that_was_hit_is_back_within_its_lease_and_a_sweep() -> None:
    record = Record()
    record.say(-1, "requeue_job", "a", 1)  # before the fault
    record.say(6, "requeue_job", "b", 1)
    record.say(7, "requeue_job", "c", 2)  # of an attempt that was not hit
    assert timing.backs(record.evidence(), record.scene(a=1, b=1, c=1), DEADLY) == [Wait(6.0, 15.0)]


def test_a_job_claimed_beside_the_phase_has_the_lease_of_its_own() -> None:
    record = Record()
    record.site.leases["load"] = 40
    record.say(6, "requeue_job", "a", 1)
    record.say(46, "requeue_job", "b", 1)
    scene = record.scene(a=1, b=1)
    scene.phases = {"a": "denoise", "b": "load"}
    assert timing.backs(record.evidence(), scene, DEADLY) == [Wait(6.0, 15.0), Wait(46.0, 50.0)]


def test_it_runs_again_within_a_cold_start_more() -> None:
    record = Record()
    record.claim(20, "a", until=22)
    assert record.agains(DEADLY, a=1) == [(20.0, 5 + 10 + 6)]
    assert record.agains(HARMLESS, a=1) == [(20.0, 5 + 10)]  # nothing started anew
    whole = next(fault for fault in FAULTS if fault.starts == "worker")
    assert record.agains(whole, a=1) == [(20.0, 5 + 10 + 1 + 3 + 6)]
    assert record.agains(DEADLY, a=2) == []  # it ended in the attempt that was hit


def test_what_was_hit_as_well_and_came_before_is_waited_for() -> None:
    record = Record()
    record.claim(10, "a", until=13)
    record.claim(13, "b", until=15)
    record.claim(15, "c", until=16)
    record.claim(14, "other", until=18, attempt=1)  # was not hit: no excuse
    assert record.agains(DEADLY, a=1, b=1, c=1) == [(10.0, 21.0), (13.0, 24.0), (15.0, 26.0)]


def test_a_batch_waits_for_none_of_its_own_and_overlapping_renders_count_once() -> None:
    record = Record()
    for job in ("a", "b"):
        record.claim(10, job, until=14, batch="first")
    record.claim(12, "c", until=16)
    record.claim(15, "d", until=18)
    assert [limit for _, limit in record.agains(DEADLY, a=1, b=1, c=1, d=1)] == [21.0, 21.0, 23.0, 26.0]


def test_loading_is_not_allowed_for_twice() -> None:
    record = Record()
    record.note(19, "loaded")
    record.claim(10, "a", until=21)
    record.claim(21, "b", until=22)
    assert record.agains(DEADLY, a=1, b=1) == [(10.0, 21.0), (21.0, 23.0)]


def test_a_cold_start_is_boot_and_load_without_the_wait_for_a_bell() -> None:
    record = Record()
    record.site.workers = [Worker("render1", None, Path(), STRUCK_AT)]
    record.note(4, "born")
    record.note(9, "loading")  # five seconds after, since nobody rang
    record.note(15, "loaded")
    record.note(30, "loading")  # the imports are done
    record.note(50, "loaded")
    assert timing.cold_start(record.site) == ColdStart(4.0, 6.0)
    assert timing.cold_start(record.site, STRUCK_AT + 20) == ColdStart(0.0, 0.0)
    assert COLD.or_longer(ColdStart(2.0, 9.0)) == ColdStart(3.0, 9.0)


# --- the verdict ------------------------------------------------------------------------------------------------------
def row(**facts: object) -> trials.Row:
    healthy = {"jobs": 6, "made": 6, "back": [Wait(9.0, 15.0)], "again": [Wait(12.0, 21.0)]}
    return trials.Row("child killed", "denoise", **{**healthy, **facts})


@pytest.mark.parametrize("kind", [kind for kind in checker.KINDS if kind not in trials.LEFT])
def test_no_trial_holds_that_lost_or_spoiled_anything(kind: str) -> None:
    counts = {**dict.fromkeys(checker.KINDS, 0), kind: 1}
    assert list(trials.shortcomings(row(counts=counts), DEADLY)) == [f"1 {kind}"]


def test_bytes_without_a_row_are_left_by_a_death_alone() -> None:
    counts = {**dict.fromkeys(checker.KINDS, 0), "orphan": 3}
    assert list(trials.shortcomings(row(counts=counts), DEADLY)) == []
    assert list(trials.shortcomings(row(counts=counts), HARMLESS)) == ["3 orphan"]


def test_a_trial_holds_only_if_all_is_made_and_in_time() -> None:
    assert list(trials.shortcomings(row(), DEADLY)) == []
    assert list(trials.shortcomings(row(failed=1), DEADLY)) == ["1 failed"]
    late = row(back=[Wait(3.0, 15.0), Wait(15.2, 15.0)], again=[Wait(16.0, 21.0), Wait(24.5, 23.0)])
    assert list(trials.shortcomings(late, DEADLY)) == [
        "back in the line after 15.2 s, limit 15.0 s",
        "running again after 24.5 s, limit 23.0 s",
    ]


def test_the_table_shows_both_waits_with_their_limits_and_the_verdict() -> None:
    words = table.line(row(again=[Wait(12.0, 21.0), Wait(13.5, 23.4)], troubles=["2 stuck"]))
    assert "9.0 / 9.0 s   15.0 s 12.0 / 13.5 s  23.4 s FAILS: 2 stuck" in words
    assert len(table.heading().split()) > len(table.COLUMNS)


def test_all_together_says_what_of_it_is_within_the_lease_and_ten_seconds() -> None:
    rows = [
        row(again=[Wait(14.0, 21.0, 5.0), Wait(18.0, 23.0, 5.0)], seconds=90.0),
        trials.Row("in the end", "-", jobs=6),
    ]
    said = trials.overall(rows)
    assert "2 of 2 trials hold, 6 jobs, 2 minutes." in said
    assert "Running again within the lease and 10 s: 1 of 2; p95 is the lease and 13.0 s." in said


def test_a_trial_that_errs_is_a_row_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    faults = [Fault(name, lambda scene: None, ("denoise",)) for name in ("first", "second")]
    mended: list[object] = []
    monkeypatch.setattr(trials, "run_one", lambda *_: 1 / 0)
    monkeypatch.setattr(trials, "mend", mended.append)
    monkeypatch.setattr(trials, "in_the_end", lambda site: trials.Row("in the end", "-"))
    monkeypatch.setattr(trials, "away", lambda site, trials: [])
    rows = list(trials.run("site", [(fault, "denoise") for fault in faults], 6, COLD))
    assert [(row.fault, row.holds) for row in rows] == [("first", False), ("second", False), ("in the end", True)]
    assert rows[0].troubles == ["errs: ZeroDivisionError: division by zero"] and mended == ["site", "site"]


# --- the whole --------------------------------------------------------------------------------------------------------
@pytest.mark.ml
def test_a_drill_of_one_death_holds_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """As a person calls it: real pipeline, real workers, kill -9 of the child while it denoises."""
    chosen = ["--only", "child killed", "--phase", "denoise", "--jobs", "2", "--json", str(tmp_path / "rows")]
    command = [sys.executable, "manage.py", "drill", *chosen, "--database", "sqlite", "--broker", "file"]
    (folder := tmp_path / "drill").mkdir()
    own = {"TMPDIR": str(folder), "VAR_DIR": str(tmp_path / "var"), "DJANGO_SETTINGS_MODULE": "vernissage.settings"}
    done = subprocess.run(
        command,
        cwd=settings.BASE_DIR,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    trial, end, run = [json.loads(line) for line in (tmp_path / "rows").read_text().splitlines()]
    assert (trial["jobs"], trial["made"], trial["verdict"]) == (2, 2, "holds")
    assert (end["jobs"], end["made"], end["counts"]["late"]) == (2, 2, 0)
    assert len(trial["again"]) == len(trial["back"]) > 0  # somebody was hit, and runs again
    assert run["cold"]["worker"] > 0 and run["cold"]["child"] > 0
    assert "child killed" in done.stdout and " minutes" in done.stdout
    assert list(folder.iterdir()) == []
    assert str(folder) not in Path("/proc/mounts").read_text()
    assert processes_with(str(folder)) == []


def processes_with(word: str) -> list[str]:
    """The command lines of processes that know of a folder by their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"VAR_DIR={word}" in (process / "environ").read_text(errors="replace"):
                found.append((process / "cmdline").read_text(errors="replace"))
    return found


@pytest.mark.ml
def test_without_a_sweep_a_lost_bell_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control of the broker's trials: what they judge is the sweep, and nothing else rings for it."""
    monkeypatch.setattr(trials, "QUIET_WITHIN", 20.0)
    (chosen,) = trials.chosen(["broker emptied"], [])
    with open_site(database="sqlite", broker="file", sweeps=False) as site:
        emptied, findings = trials.run_one(site, *chosen, 1, set(), trials.warm(site))
    assert emptied.troubles == ["2 stuck"] and emptied.made == 1
    assert {finding.words for finding in findings} == {"still queued"}


def test_an_unknown_fault_is_refused_with_a_sentence() -> None:
    with pytest.raises(CommandError, match="No fault has such a name"):
        call_command("drill", "--only", "flood", stdout=StringIO())
