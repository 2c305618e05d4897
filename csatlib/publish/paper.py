"""Pages as PDF for paper and as a long picture for the phone, made by the system's Chromium."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
WIDTH, SCALE = 360, 3  # a phone's width; 1,080 px wide, so the page's smallest text of 12 px has 36
BARE = ".csat-bar, .csat-foot table, .csat-foot p, .csat-foot dl > div:not(:last-child) { display: none }"
ALSO_LONG = "9"  # notebooks of the last stage are also made into one long picture


def make(pages: Iterable[Path]) -> list[Path]:
    """Print published pages beside themselves: A4 with bookmarks and embedded fonts; 9x also as a long picture.

    Parameters
    ----------
    pages : iterable of Path
        Published HTML files; where PDF or picture is newer than the page it stays.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    ImportError
        There is no Chromium, or no playwright to drive it.
    """
    todo = [(page, target) for page in pages for target in _targets(page) if _is_older(target, page)]
    if not todo:
        return []
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise ImportError(
            "PDF and pictures need Chromium; on Debian: apt install chromium. HTML and XLSX are there"
        )
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise ImportError("PDF and pictures need playwright: pip install playwright") from error
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=browser, args=list(FLAGS))
        for page, target in todo:
            part = target.with_name(f".work-{target.name}")
            _print(chromium, page, part, long=target.suffix == ".png")
            part.replace(target)
        chromium.close()
    return [target for _, target in todo]


def _print(chromium, page: Path, target: Path, *, long: bool) -> None:
    size = {"width": WIDTH, "height": 800} if long else {"width": 1000, "height": 1400}
    tab = chromium.new_page(viewport=size, device_scale_factor=SCALE if long else 1, color_scheme="light")
    tab.goto(page.resolve().as_uri())
    if long:
        tab.add_style_tag(content=BARE)  # nothing to press in a picture
        tab.screenshot(path=target, full_page=True, type="png")
        with Image.open(target) as image:
            few = image.convert("RGB").quantize(256)
        few.save(target, format="PNG", optimize=True)
    else:
        tab.pdf(path=target, prefer_css_page_size=True, print_background=True, outline=True, tagged=True)
    tab.close()


def _targets(page: Path) -> list[Path]:
    return [page.with_suffix(".pdf"), *([page.with_suffix(".png")] if page.name.startswith(ALSO_LONG) else [])]


def _is_older(target: Path, page: Path) -> bool:
    return not target.exists() or target.stat().st_mtime < page.stat().st_mtime
