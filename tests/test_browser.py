"""The pages in a real browser: quiet, self-contained, readable on a phone, in the dark, by keyboard, on paper."""

import re
from pathlib import Path

import nbformat
import pytest

from csatlib.publish import html, site

CHROMIUM = Path("/usr/bin/chromium")
if not CHROMIUM.exists():
    pytest.skip("Debian's package chromium is not installed", allow_module_level=True)

from axe_playwright_python.base import AXE_SCRIPT  # noqa: E402
from playwright.sync_api import expect, sync_playwright  # noqa: E402

ROOT = Path(__file__).parents[1]
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NOTEBOOKS = [path for path in PATHS if '"lesson": true' not in path.read_text(encoding="utf-8")]  # no report
PAGES = [*(path.stem for path in NOTEBOOKS), "index", "failed", "chinese"]
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
RUN = {"company": "Sample company", "period": "2026-10", "source": "data/sample", "language": "en"}
RUN |= {"counts": [{"table": "responses", "read": 7521, "used": 417, "rejected": 2}]}
RUN |= {"parameters": {"by": "region", "where": {}}, "versions": {"Python": "3.11"}}
SMALLEST = """() => {
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  while (walk.nextNode()) {
    const inside = walk.currentNode.parentElement, size = parseFloat(getComputedStyle(inside).fontSize);
    if (walk.currentNode.data.trim() && inside.checkVisibility() && size < 12)
      found.push(size + " px: " + walk.currentNode.data.trim().slice(0, 40));
  }
  return found;
}"""
OVERFLOW = """() => {
  const wide = document.documentElement.clientWidth, aside = ".csat-scroll, pre, .csat-skip, .csat-switch";
  const out = [...document.body.querySelectorAll("*")]
    .filter(e => !e.closest(aside) && e.getBoundingClientRect().right > wide + 1)
    .map(e => e.tagName + "." + e.className);
  return document.documentElement.scrollWidth > wide ? ["the page scrolls sideways", ...out] : out;
}"""
CHINESE = "# 服务在哪里没有达到客户的期望？\n\n响应性的差距最大。\n\n## 数据\n\n十月。\n\n## 测量\n\n表格。"

CHINESE_TABLE = """<figure class="csat-table"><figcaption>差距</figcaption>
<table><thead><tr><th scope="col">维度</th><th scope="col">差距</th></tr></thead>
<tbody><tr><th scope="row">响应性</th><td>−1.16</td></tr></tbody></table></figure>"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A published folder made from the committed notebooks: name -> file."""
    out = tmp_path_factory.mktemp("site")
    (out / "manifest.jsonl").write_text("")
    folder = out / "2026-10" / "all"
    folder.mkdir(parents=True)
    for path in NOTEBOOKS:
        book = nbformat.read(path, as_version=4)
        book.metadata.csatlib["run"] = RUN | {"segment": None, "finished": "2026-11-01 08:00 UTC"}
        nbformat.write(book, folder / path.name)
        page = html.page(book, run=RUN, finished="now", index="../../index.html", workbook=f"{path.stem}.xlsx")
        (folder / f"{path.stem}.html").write_text(page, encoding="utf-8")
        (folder / f"{path.stem}.xlsx").write_bytes(b"")
    failure = {
        "error": "ValueError: no",
        "cell": "cell 5",
        "source": "raise ValueError('no')",
        "traceback": "x" * 300,
    }
    facts = {"title": "Failed", "heading": "Where?", "notebook": "20_x.ipynb", "failure": failure, "run": RUN}
    page = html.render("failed.html.j2", index="../../index.html", good="20_x.html", **facts)
    (folder / "failed.html").write_text(page, encoding="utf-8")
    table = nbformat.v4.new_output("display_data", data={"text/html": CHINESE_TABLE})
    cells = [nbformat.v4.new_markdown_cell(CHINESE), nbformat.v4.new_code_cell("", outputs=[table])]
    book = nbformat.v4.new_notebook(cells=cells)
    page = html.page(book, run=RUN | {"language": "zh", "company": "样例公司"}, index="../../index.html")
    (folder / "chinese.html").write_text(page, encoding="utf-8")
    site.build(out, company="Sample company")
    return {path.stem: path for path in (*folder.glob("*.html"), out / "index.html")}


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture
def visit(browser, pages):
    """Open pages; at the end, whatever the console said or the page asked for is an error."""
    contexts, heard = [], []

    def opened(name, size=DESK, scheme="light"):
        context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")
        contexts.append(context)
        page = context.new_page()
        here = pages[name].as_uri()
        again = f"Unsafe attempt to load URL {here} from frame with URL {here}"  # DevTools read the page's styles
        said = lambda message: not message.text.startswith(again)  # noqa: E731
        page.on("console", lambda message: heard.append(f"{name}: {message.text}") if said(message) else None)
        page.on("pageerror", lambda error: heard.append(f"{name}: {error}"))
        outside = lambda asked: not asked.url.startswith(("data:", here))  # noqa: E731
        page.on("request", lambda asked: heard.append(f"{name} asks for {asked.url}") if outside(asked) else None)
        page.goto(here)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not heard, "\n".join(heard)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_no_barrier(visit, name, scheme):
    """Axe-core: contrast, names, landmarks, order of headings, tables, keyboard; in the dark contrast only."""
    page = visit(name, PHONE if scheme == "dark" else DESK, scheme)
    page.evaluate(AXE_SCRIPT)
    rules = "runOnly: ['color-contrast']" if scheme == "dark" else "resultTypes: ['violations']"
    found = page.evaluate(f"axe.run({{{rules}}})")["violations"]
    told = [f"{v['id']}: {node['html'][:160]} {node['failureSummary']}" for v in found for node in v["nodes"]]
    assert not told, "\n".join(told)


@pytest.mark.parametrize("name", PAGES)
def test_reads_on_a_phone(visit, name):
    page = visit(name, PHONE)
    assert not page.evaluate(OVERFLOW)
    assert not page.evaluate(SMALLEST)


@pytest.mark.parametrize("name", [path.stem for path in NOTEBOOKS])
def test_contents_and_code_by_mouse_and_by_keyboard(visit, name):
    page = visit(name)
    code = page.locator(".csat-code").first
    assert not code.is_visible()
    page.get_by_text("Show code").click()
    assert code.is_visible()
    page.locator("#csat-show-code").focus()
    ring = "getComputedStyle(document.querySelector('label[for=csat-show-code]')).outlineStyle"
    page.keyboard.press("Space")
    assert not code.is_visible()
    assert page.evaluate(ring) == "solid"
    for link in page.locator(".csat-contents a").all():
        target = page.locator(link.get_attribute("href"))
        link.click()
        expect(target).to_be_in_viewport()
        page.evaluate("scrollTo(0, 0)")
    page.goto(page.url.partition("#")[0])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "csat-skip"
    assert page.locator(".csat-skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#csat-main$"))


@pytest.mark.parametrize("name", PAGES)
def test_prints(visit, name, tmp_path):
    page = visit(name)
    page.emulate_media(media="print")
    made = page.pdf(prefer_css_page_size=True)
    assert made.startswith(b"%PDF")
    page.set_viewport_size({"width": 660, "height": 900})  # the width of A4 within its margins
    assert not page.evaluate(
        "[...document.querySelectorAll('.csat-scroll')].filter(e => e.scrollWidth > e.clientWidth + 1).length"
    )
    assert not page.evaluate(OVERFLOW)
    assert not page.locator(".csat-bar").first.is_visible() if page.locator(".csat-bar").count() else True


def test_chinese_is_drawn_with_the_font_in_the_page(visit):
    page = visit("chinese")
    session = page.context.new_cdp_session(page)
    session.send("DOM.enable")
    session.send("CSS.enable")
    root = session.send("DOM.getDocument")["root"]["nodeId"]
    nodes = session.send("DOM.querySelectorAll", {"nodeId": root, "selector": "h1, h2, p, a, th, td, b, dd"})
    drawn = total = 0
    for node in nodes["nodeIds"]:
        text = session.send("DOM.getOuterHTML", {"nodeId": node})["outerHTML"]
        own = re.sub(r"<[^>]*>", "", text) if re.fullmatch(r"<[^>]*>[^<]*</\w+>", text) else ""
        total += sum(ord(character) >= 0x2E80 for character in own)
        used = session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"] if own else []
        drawn += sum(font["glyphCount"] for font in used if font["isCustomFont"])
    assert drawn == total > 40
