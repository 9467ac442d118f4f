"""``manage.py train_pocket {transformer,decoder,export}``: make the pocket model, part by part.

The transformer and the decoder write checkpoints under ``var/training``; ``export`` fills the shipped folder.
"""

import logging
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

ROOT = Path(__file__).resolve().parents[3]
POCKET = ROOT / "generation" / "pocket"
STATE, VAE = ROOT / "var" / "training" / "state.pt", ROOT / "var" / "training" / "vae"


class Command(BaseCommand):
    help = "Train the pocket model's transformer, tune its VAE decoder, or export both as the folder that ships."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--folder", type=Path, default=POCKET, help="the shipped pipeline folder")
        parts = parser.add_subparsers(dest="part", required=True)
        self._add_transformer(parts.add_parser("transformer", help="train transformer and text encoder"))
        self._add_decoder(parts.add_parser("decoder", help="tune the VAE's decoder; latents keep their meaning"))
        self._add_export(parts.add_parser("export", help="write the shipped folder from the checkpoints"))

    def _add_transformer(self, parser: ArgumentParser) -> None:
        parser.add_argument("--minutes", type=float, required=True)
        parser.add_argument(
            "--state", type=Path, default=STATE, help="checkpoint: gone on from if there, else from the folder"
        )
        parser.add_argument(
            "--anneal", type=float, default=0.5, help="share of the time in which the rate falls to 3 %%"
        )
        parser.add_argument("--processes", type=int, default=2, help="of one thread each; as many as free cores")
        parser.add_argument("--batch", type=int, default=14, help="clips per process and step")
        parser.add_argument("--pool", type=int, default=3000, help="latents kept per process")
        parser.add_argument("--fresh", type=int, default=2, help="of a batch, how many are drawn anew")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--no-compile", action="store_true", help="spare the compiler, for a short run")

    def _add_decoder(self, parser: ArgumentParser) -> None:
        parser.add_argument("--minutes", type=float, required=True)
        parser.add_argument("--vae", type=Path, default=VAE, help="gone on from if there, else from the folder")
        parser.add_argument("--batch", type=int, default=4)
        parser.add_argument("--rate", type=float, default=1.0, help="times the built-in learning rates")
        parser.add_argument("--seed", type=int, default=1)

    def _add_export(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--state", type=Path, default=STATE, help="the transformer's checkpoint; kept as it is if absent"
        )
        parser.add_argument("--vae", type=Path, default=VAE, help="the tuned VAE; kept as it is if absent")

    def handle(self, *args: Any, **options: Any) -> None:
        logging.basicConfig(level=logging.INFO, format="%(message)s")
        getattr(self, f"_{options['part']}")(options)

    def _transformer(self, options: dict[str, Any]) -> None:
        from generation.training.trainer import Recipe, train

        given = {
            name: options[name]
            for name in ("state", "minutes", "anneal", "processes", "batch", "pool", "fresh", "seed")
        }
        train(Recipe(pipeline=options["folder"], compile=not options["no_compile"], **given))

    def _decoder(self, options: dict[str, Any]) -> None:
        from generation.training.decoder import DecoderRecipe, tune

        given = {name: options[name] for name in ("vae", "minutes", "batch", "rate", "seed")}
        tune(DecoderRecipe(pipeline=options["folder"], **given))

    def _export(self, options: dict[str, Any]) -> None:
        from generation.training.export import Shipment, export

        state, vae = (path if path.exists() else None for path in (options["state"], options["vae"]))
        size = export(Shipment(base=options["folder"], state=state, vae=vae, target=options["folder"]))
        self.stdout.write(f"wrote {options['folder']}: {size / 1e6:.1f} MB")
