"""The drill's table, for people."""

from generation.drill.timing import Wait, percentile
from generation.drill.trials import NotRun, Row

COLUMNS = (
    ("fault", 19),
    ("phase", 8),
    ("jobs", 5),
    ("made", 5),
    ("lost", 5),
    ("double", 7),
    ("stuck", 6),
    ("unread.", 8),
    ("torn", 5),
    ("books", 6),
    ("orphans", 8),
    ("back p50/p95", 14),
    ("limit", 7),
    ("again p50/p95", 15),
    ("limit", 7),
    ("verdict", 0),
)


def heading() -> str:
    return _line([name for name, _ in COLUMNS])


def line(row: Row) -> str:
    """One trial. ``books`` are faults of quota and record; ``orphans`` are files without a row."""
    counts = row.counts
    books = counts["audit"] + counts["quota"]
    verdict = "holds" if row.holds else "FAILS: " + "; ".join(row.troubles)
    kinds = [counts[kind] for kind in ("lost", "double", "stuck", "unreadable", "torn")]
    cells = [row.fault, row.phase, row.jobs, row.made, *kinds, books, counts["orphan"]]
    times = [_times(row.back), _limit(row.back), _times(row.again), _limit(row.again)]
    return _line([*map(str, cells), *times, verdict])


def not_run(trial: NotRun) -> str:
    return f"{trial.fault:<19}{trial.phase:<8}not run: {trial.why}"


def _times(waits: list[Wait]) -> str:
    seconds = [wait.seconds for wait in waits]
    middle, late = percentile(seconds, 0.5), percentile(seconds, 0.95)
    return "-" if middle is None or late is None else f"{middle:.1f} / {late:.1f} s"


def _limit(waits: list[Wait]) -> str:
    """That of the last job."""
    return f"{waits[-1].limit:.1f} s" if waits else "-"


def _line(cells: list[str]) -> str:
    return "".join(f"{cell:<{width}}" for cell, (_, width) in zip(cells, COLUMNS, strict=True)).rstrip()
