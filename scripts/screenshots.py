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
ALSO_DARK = {"landing", "studio", "job-finished", "library", "share"}
ALSO_DARK |= {"review-revealed", "review-rounds", "lead", "submission-rejected"}


# The interface's own colors, light and dark: however many a clip has, a small red dot stays red.
OURS = [
    *(0xEF, 0xEF, 0xED), *(0xF8, 0xF8, 0xF7), *(0x15, 0x15, 0x17), *(0x55, 0x55, 0x5A), *(0xB4, 0x2A, 0x13),
    *(0x11, 0x11, 0x13), *(0x1B, 0x1B, 0x1E), *(0xED, 0xEC, 0xEA), *(0xA9, 0xA8, 0xAD), *(0xFF, 0x7A, 0x5C),
]  # fmt: skip


def shoot(page: Page, name: str) -> None:
    """One picture in 256 colors, which nobody sees and which a repository thanks for.

    Of the whole page; of the window alone where a bar stands at its foot, which would lie across the middle.
    """
    has_bar = page.locator(".screen__bar").count() and name.endswith(("-wide", "-dark"))
    picture = Image.open(io.BytesIO(page.screenshot(full_page=not has_bar, animations="disabled"))).convert("RGB")
    palette = Image.new("P", (1, 1))
    palette.putpalette([*(picture.quantize(246).getpalette() or [])[: 246 * 3], *OURS])
    picture.quantize(palette=palette, dither=Image.Dither.NONE).save(FOLDER / f"{name}.png", optimize=True)


SETTLED = """async () => {
  const twice = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const videos = [...document.querySelectorAll("video")];
  for (const video of videos) video.preload = "auto";
  const loads = () => videos.some((video) => video.readyState < 2 && !video.error);
  for (let n = 0; n < 50 && loads(); n += 1) await new Promise((done) => setTimeout(done, 100));
  await document.fonts.ready;
  await twice();
}"""  # sizes have been followed, and no player still turns its wheel


def take(page: Page, name: str) -> None:
    """The page as it is, at each size."""
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate(SETTLED)
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
