"""Charts say what the table says, and nothing of what it hides."""

from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.template.loader import render_to_string

from review import charts, figures
from review.figures import Row
from review.transparency import Month


def row(**facts: Any) -> Row:
    none = dict.fromkeys(("submitted", "approved", "rejected", "changes", "breaches", "appeals", "overturned"), 0)
    start = datetime(2026, 3, 1, tzinfo=UTC)
    month = Month(start, datetime(2026, 4, 1, tzinfo=UTC), **{**none, "median": None, "p95": None, **facts})
    return figures.row(month, [])


def test_bars_stand_on_one_another_in_proportion() -> None:
    chart = charts.volumes([row(approved=40, rejected=20, changes=10), row(approved=80)])
    approved, changes, rejected, second = chart.bars
    assert [bar.kind for bar in chart.bars] == ["approved", "changes", "rejected", "approved"]
    assert second.height == pytest.approx(2 * approved.height, abs=0.2)
    assert changes.y + changes.height == pytest.approx(approved.y, abs=0.2)
    assert rejected.y + rejected.height == pytest.approx(changes.y, abs=0.2)
    assert approved.y + approved.height == pytest.approx(charts.GROUND, abs=0.2)


def test_what_is_hidden_is_not_drawn_but_marked() -> None:
    chart = charts.volumes([row(approved=40, rejected=3), row(approved=40, rejected=5)])
    assert [bar.kind for bar in chart.bars] == ["approved", "approved", "rejected"]
    assert [gap.x for gap in chart.gaps] == [chart.labels[0].x]


def test_waits_reach_from_the_median_to_the_95th_percentile() -> None:
    median, p95 = charts.waiting([row(approved=30, median=3600 * 10, p95=3600 * 30)]).bars
    assert (median.kind, p95.kind) == ("median", "p95")
    assert p95.height == pytest.approx(2 * median.height, abs=0.3)
    few = charts.waiting([row(approved=3, median=3600, p95=3600)])
    assert few.is_empty and few.bars == [] and len(few.gaps) == 1


@pytest.mark.parametrize("most", [1, 3, 4, 7, 10, 99, 100, 101, 4321, 1_000_000, 0.3])
def test_a_scale_has_few_round_steps_and_room_for_all(most: float) -> None:
    step = charts.scale(most)
    assert 1 <= most / step <= 4 or step == 0.1
    assert f"{step:.0e}"[0] in "125"
    chart = charts.volumes([row(approved=int(most) + 5)])
    assert all(bar.y >= charts.TOP - 0.1 and bar.y + bar.height <= charts.GROUND + 0.2 for bar in chart.bars)


def test_no_months_make_an_empty_chart() -> None:
    assert charts.volumes([]).is_empty and charts.waiting([]).is_empty


def test_the_drawing_is_an_image_with_a_name_and_no_color_of_its_own() -> None:
    chart = charts.volumes([row(approved=40, rejected=20, changes=10)])
    drawn = render_to_string(
        "review/_chart.html", {"chart": chart, "name": "x", "title": "Answers", "desc": "By month"}
    )
    svg = ET.fromstring(drawn.strip())
    assert svg.get("role") == "img" and svg.get("aria-labelledby") == "x-title x-desc"
    assert svg.find("title").text == "Answers" and svg.find("desc").text == "By month"
    assert "#" not in drawn.replace("url(#x-hatch)", "") and "style" not in drawn
    assert len(svg.findall("rect")) == 3
