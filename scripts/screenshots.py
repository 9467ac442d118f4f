"""Walk a private site and write ``docs/screenshots``: every page at 1440 and 390 pixels, light; some of them dark."""

import io
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from scripts.private_site import ROOT, private_site
from scripts.tour import launch, walk

FOLDER = ROOT / "docs/screenshots"
SIZES = {"wide": (1440, 900), "narrow": (390, 844)}
ALSO_DARK = {"landing", "studio", "job-finished", "library", "review-revealed", "share"}


def shoot(page: Page, name: str) -> None:
    """One picture in 256 colors, which nobody sees and which a repository thanks for."""
    picture = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    picture.quantize(256, dither=Image.Dither.NONE).save(FOLDER / f"{name}.png", optimize=True)


def take(page: Page, name: str) -> None:
    """The page as it is, at each size."""
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        shoot(page, f"{name}-{size}")
    if name in ALSO_DARK:
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size({"width": 1440, "height": 900})
        shoot(page, f"{name}-dark")
        page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1440, "height": 900})


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright, private_site(Path(folder)) as site:
        for name, page in walk(site, launch(playwright)):
            take(page, name)
            print(name, flush=True)


if __name__ == "__main__":
    main()
