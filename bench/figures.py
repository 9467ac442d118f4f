from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True)
class Figure:
    """One measured figure; ``ok`` if the value is at most the target, or ``at_least`` it, and what else is asked
    ``holds``."""

    name: str
    value: float
    unit: str
    target: float
    details: dict[str, object] = field(default_factory=dict)
    at_least: bool = False
    holds: bool = True

    def as_line(self) -> dict[str, object]:
        reached = self.value >= self.target if self.at_least else self.value <= self.target
        ok = reached and self.holds
        figures = {"name": self.name, "value": round(self.value, 3), "unit": self.unit, "target": self.target, "ok": ok}
        return figures | self.details


def middle(seconds: list[float]) -> float:
    """The median of at least ten measurements."""
    assert len(seconds) >= 10, "too few to speak of a median"
    return median(seconds)
