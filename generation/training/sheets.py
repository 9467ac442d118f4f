"""Contact sheets: a prompt and five of its frames, on a dark page."""

import textwrap
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

PAPER, INK, FAINT = (19, 19, 22), (214, 210, 202), (128, 124, 118)
FRAME_W, FRAME_H, GAP, MARGIN, CAPTION = 168, 112, 6, 44, 46
SHOWN = (0, 4, 8, 12, 16)

# A look at landscapes, patterns and shapes; the last two are words the model never saw.
CONTACT_PROMPTS = [
    "the sun rising over the sea",
    "a boat with a red sail sailing right on the sea at sunset",
    "the moon rising over the mountains at night",
    "falling snow over hills at night",
    "pink clouds moving left over hills at sunset",
    "clouds drifting right over green hills",
    "a white sailboat moving left on the ocean at night",
    "sunset over hills",
    "a red sailboat moving left on the ocean at sunset",
    "a yellow sailboat moving right on the ocean",
    "pink ripples spreading on a dark blue background",
    "expanding yellow rings on a black background",
    "waves of blue and white stripes moving up",
    "wavy purple and yellow stripes moving left",
    "a red ball moving right on a cream background",
    "a yellow star falling on a dark blue background",
    "a large orange circle floating up on a black background",
    "a blue square sliding left on a white background",
    "a green triangle moving right on a cream background",
    "a large pink star flying left on a dark green background",
    "a large blue box moving up on a cream background",
    "a purple circle growing on a sky blue background",
    "a cat walking through a city street",
    "an old garden in the summer rain",
]


def contact_sheet(
    clips: list[NDArray[np.uint8]], prompts: list[str], marks: list[str], columns: int = 2
) -> Image.Image:
    """Lay out the clips; ``marks`` are small notes after the prompts and may be empty."""
    cell_w = len(SHOWN) * (FRAME_W + GAP) - GAP
    cell_h = FRAME_H + CAPTION
    rows = -(-len(clips) // columns)
    sheet = Image.new("RGB", (2 * MARGIN + columns * (cell_w + MARGIN) - MARGIN, 2 * MARGIN + rows * cell_h), PAPER)
    for n, (clip, prompt, mark) in enumerate(zip(clips, prompts, marks, strict=True)):
        corner = (MARGIN + n % columns * (cell_w + MARGIN), MARGIN + n // columns * cell_h)
        _lay_cell(sheet, corner, clip, prompt, mark)
    return sheet


def _lay_cell(sheet: Image.Image, corner: tuple[int, int], clip: NDArray[np.uint8], prompt: str, mark: str) -> None:
    x, y = corner
    for n, frame in enumerate(SHOWN):
        picture = Image.fromarray(clip[frame]).resize((FRAME_W, FRAME_H), Image.Resampling.LANCZOS)
        sheet.paste(picture, (x + n * (FRAME_W + GAP), y))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    words = textwrap.shorten(prompt, 90, placeholder="…")
    pen.text((x, y + FRAME_H + 8), words, INK, font=font)
    pen.text((x + pen.textlength(words, font=font) + 12, y + FRAME_H + 8), mark, FAINT, font=font)


def save(sheet: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, optimize=True)
