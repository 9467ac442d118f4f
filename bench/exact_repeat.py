"""A first render over its exact repeat, each from the POST of the brief to the first byte of the clip, by http."""

import json
import tempfile
from pathlib import Path

from bench.figures import Figure, middle
from bench.submit_to_playable import render, sign
from bench.visitor import Visitor
from scripts.private_site import ROOT, private_site

ROUNDS = 12


def measure() -> Figure:
    studio = json.loads((ROOT / "generation/pocket/studio.json").read_text())
    first, again = [], []
    with tempfile.TemporaryDirectory() as folder, private_site(Path(folder)) as site:
        visitor = Visitor(site.url)
        visitor.sign_in(*site.people["artist"])
        sign(visitor)
        for seed, prompt in enumerate(studio["surprises"][: ROUNDS + 1]):
            first.append(render(visitor, prompt, seed, studio["defaults"]))
            again.append(render(visitor, prompt, seed, studio["defaults"]))
    a, b = middle(first[1:]), middle(again[1:])
    details: dict[str, object] = {"first_ms": round(a * 1000), "repeat_ms": round(b * 1000), "rounds": ROUNDS}
    return Figure("exact_repeat", a / b, "times faster", 10, details, at_least=True)
