"""The diffusers engine: any local text-to-video folder with a step callback. Imported in a worker's child only."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # before the libraries are imported: nothing is ever fetched
os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

from generation.diffusers_engine.engine import DiffusersEngine

__all__ = ["DiffusersEngine"]
