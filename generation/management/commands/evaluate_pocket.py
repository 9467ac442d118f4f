"""``manage.py evaluate_pocket --seed N``: does the pocket model draw what it never was shown?"""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

POCKET = Path(__file__).resolve().parents[2] / "pocket"


class Command(BaseCommand):
    help = "Ask the pocket model for combinations that training refused; the last line is a JSON object of fractions."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=1, help="of the choice of prompts and of the noise")
        parser.add_argument("--prompts", type=int, default=200)
        parser.add_argument("--folder", type=Path, default=POCKET, help="a pipeline folder with its studio.json")
        parser.add_argument("--steps", type=int, help="denoising steps (default: studio.json)")
        parser.add_argument("--guidance", type=float, help="guidance scale (default: studio.json)")
        parser.add_argument("--by", choices=["motion", "shape", "color", "background"], help="also the score of each")
        parser.add_argument("--sheet", type=Path, help="write a picture of the first 40 answers with their marks")
        parser.add_argument("--contact-sheet", type=Path, help="write the contact sheet of 24 prompts, and ask nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        from generation.training import evaluation

        page = json.loads((options["folder"] / "studio.json").read_text(encoding="utf-8"))
        steps = options["steps"] or page["defaults"]["steps"]
        guidance = options["guidance"] if options["guidance"] is not None else page["defaults"]["guidance"]
        setting = evaluation.Setting(steps, guidance, page["call"])
        pipeline = evaluation.load(options["folder"])
        if options["contact_sheet"]:
            self._draw_contact_sheet(pipeline, setting, options)
        else:
            self._evaluate(pipeline, setting, options)

    def _evaluate(self, pipeline: Any, setting: Any, options: dict[str, Any]) -> None:
        from generation.training import evaluation

        asked = evaluation.questions(options["prompts"], options["seed"])
        answers = evaluation.ask(pipeline, asked, setting)
        if options["by"]:
            for value, found in evaluation.score_by(answers, options["by"]).items():
                self.stdout.write(f"{value:12} {found}")
        if options["sheet"]:
            self._draw_answers(answers[:40], options["sheet"])
        self.stdout.write(json.dumps(evaluation.report(answers, setting, options["seed"])))

    def _draw_answers(self, answers: list[Any], path: Path) -> None:
        from generation.training import sheets

        marks = [", ".join(f"no {name}" for name, right in answer.marks.items() if not right) for answer in answers]
        prompts = [answer.question.prompt for answer in answers]
        sheets.save(sheets.contact_sheet([answer.clip for answer in answers], prompts, marks), path)

    def _draw_contact_sheet(self, pipeline: Any, setting: Any, options: dict[str, Any]) -> None:
        from generation.training import evaluation, sheets

        prompts = sheets.CONTACT_PROMPTS
        seeds = [options["seed"] + n for n in range(len(prompts))]
        clips = list(evaluation.generate(pipeline, prompts, seeds, setting))
        sheets.save(sheets.contact_sheet(clips, prompts, [""] * len(prompts)), options["contact_sheet"])
        self.stdout.write(f"wrote {options['contact_sheet']}")
