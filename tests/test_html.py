import base64
import re
from html import unescape

import nbformat
import pytest
from nbformat import v4

from csatlib.publish import html

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><circle r="1"/></svg>'
HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>"
TABLE = (
    '<figure class="csat-table"><figcaption>Gaps by {by}</figcaption><table><thead><tr><th>Dimension</th>'
    "<th>Gap</th></tr></thead><tbody><tr><th>Empathy</th><td>-0.86</td></tr></tbody></table></figure>"
)
ANSWER = '<section class="csat-answer"><p><b>Answer</b> Service falls short.</p></section>'
FINDING = {
    "application/vnd.csatlib.finding+json": {"statement": "internal record"},
    "text/html": '<p class="csat-finding">Empathy is low.</p>',
    "text/plain": "finding as text",
}


def shown(data, **metadata):
    return v4.new_output("display_data", data=data, metadata=metadata)


def code(source: str, *outputs, tags=()):
    return v4.new_code_cell(source, outputs=list(outputs), metadata={"tags": list(tags)})


def notebook(*cells):
    return v4.new_notebook(cells=list(cells))


@pytest.fixture(scope="module")
def page() -> str:
    """A page with everything a notebook may hold."""
    about = {"alt": 'Gap by "month" & region', "caption": "The gap by month", "width": 720}
    result = v4.new_output("execute_result", data={"text/html": TABLE.format(by="month"), "text/plain": "t"})
    book = notebook(
        v4.new_markdown_cell("# Is it *good*?\n\nA lead. [paper](https://example.org/p) [data](#data)"),
        code("import math"),
        code("period = '2026-10'", tags=["parameters"]),
        v4.new_markdown_cell(f"## Data\n\n{HOSTILE}\n\n### Detail\n\n[next](20_drivers.ipynb)"),
        code("theme.table(a)", shown({"text/html": TABLE.format(by="region"), "text/plain": "t"})),
        code("theme.show(ax)", shown({"image/png": PNG, "text/plain": "p"}, **{"image/png": about})),
        v4.new_markdown_cell("## Data\n\nagain"),
        code("b", result),
        code("theme.show(svg)", shown({"image/svg+xml": SVG}, **{"image/svg+xml": {"alt": "a circle"}})),
        code("theme.answer(c)", shown({"text/html": ANSWER, "text/plain": "a"})),
        code("findings.record(d)", shown(FINDING)),
        code("print(e)", v4.new_output("stream", name="stdout", text=HOSTILE)),
        code("warn(f)", v4.new_output("stream", name="stderr", text="a warning")),
        code("g", shown({"text/markdown": f"**Strong** {HOSTILE}", "text/plain": "m"})),
    )
    counts = [{"table": "responses", "read": 6412, "used": 352, "rejected": 3}]
    run = {"company": "A & B", "period": "2026-10", "segment": "region: <North>", "source": "data/sample"}
    run |= {"counts": counts, "parameters": {"where": {"x": HOSTILE}}, "versions": {"Python": "3.11"}}
    return html.page(book, run=run, finished="2026-11-01 08:00 UTC", index="../../index.html")


def body(page: str) -> str:
    return page.split('<main id="csat-main">')[1].split("</main>")[0]


def test_policy_and_no_outside_reference(page):
    policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)"', page)[1]
    assert policy.replace("&#39;", "'").startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")
    assert page.index("Content-Security-Policy") < page.index("<style>")
    assert not re.search(r"""(src|href|action)\s*=\s*["']?\s*(https?:)?//""", page, re.I)
    assert not re.search(r"@import|url\((?!['\"]?data:)", page)
    assert "<script" not in page
    assert len(page) < 50_000


def test_title_company_period_and_segment(page):
    assert "<title>Is it good? · A &amp; B · 2026-10 · region: &lt;North&gt;</title>" in page
    assert page.count("<h1>") == 1
    assert "<h1>Is it good?</h1>" in page


def test_answer_stands_below_the_title_and_only_there(page):
    head = page.split("<body>")[1].split("<main")[0]
    assert head.index("</h1>") < head.index('<section class="csat-answer">') < head.index("csat-contents")
    assert "csat-answer" not in body(page)


def test_contents_link_to_the_second_level(page):
    links = re.findall(r'<li><a href="#([^"]+)">([^<]+)</a>', page)
    assert links == [("data", "Data"), ("data-2", "Data")]
    assert set(re.findall(r'<h2 id="([^"]+)"', page)) >= {"data", "data-2"}


def test_everything_from_data_is_inert(page):
    assert "&lt;script&gt;" in body(page)
    assert "&lt;script&gt;" in page.split("csat-foot")[-1]
    assert "onerror" not in re.sub(r"&lt;img src=x onerror=alert\(1\)&gt;", "", page)


def test_tables_and_figures_are_numbered_in_order(page):
    plain = html.plain(body(page))
    assert "Table 1. Gaps by region" in plain
    assert "Table 2. Gaps by month" in plain
    assert "Figure 1. The gap by month" in plain
    assert "Figure 2." in plain
    scrolling = re.findall(r'<div class="csat-scroll" [^>]*aria-labelledby="([^"]*)"', body(page))
    assert scrolling == ["table-1", "table-2"]


def test_images_are_embedded_with_alt_text_and_width(page):
    assert f'src="data:image/png;base64,{PNG}"' in page
    assert 'width="720"' in page
    alts = [unescape(alt) for alt in re.findall(r'<img [^>]*alt="([^"]*)"', page)]
    assert alts == ['Gap by "month" & region', "a circle"]
    encoded = re.search(r"data:image/svg\+xml;base64,([^\"]+)", page)[1]
    assert base64.b64decode(encoded).decode() == SVG


def test_a_finding_shows_its_line_only(page):
    assert '<p class="csat-finding">Empathy is low.</p>' in page
    assert "internal record" not in page
    assert "finding as text" not in page


def test_code_and_warnings_are_behind_the_switch(page):
    assert '<input type="checkbox" id="csat-show-code" class="csat-switch">' in page
    assert ".csat-code { display: none;" in page
    hidden = re.findall(r'<div class="csat-code">(.*?)</div>', page, re.DOTALL)
    assert any("a warning" in part for part in hidden)
    assert "a warning" not in re.sub(r'<div class="csat-code">.*?</div>', "", page, flags=re.DOTALL)


def test_links_to_notebooks_and_outside(page):
    assert '<a href="20_drivers.html">next</a>' in page
    assert "paper" in page
    assert "(https://example.org/p)" in page
    assert '<a href="#data">data</a>' in page


def test_footer_tells_where_the_figures_come_from(page):
    foot = html.plain(page.split('<footer class="csat-foot">')[1])
    for part in ("responses 6,412 352 3", "data/sample", "where = ", "Python 3.11", "2026-11-01 08:00 UTC"):
        assert part in foot


def test_page_depends_on_its_arguments_only():
    book = notebook(v4.new_markdown_cell("# Q?"), code("x", shown({"text/plain": "1 < 2"})))
    before = nbformat.writes(book)
    first, second = html.page(book, run={}), html.page(book, run={})
    assert first == second
    assert "Made" not in first
    assert "1 &lt; 2" in first
    assert nbformat.writes(book) == before


def test_every_image_without_alt_text_is_named():
    image = shown({"image/png": PNG})
    book = notebook(
        v4.new_markdown_cell("# Q?"),
        code("p = 1", tags=["parameters"]),
        code("p = 2", tags=["injected-parameters"]),
        v4.new_markdown_cell("## Measure"),
        code("a", image),
        code("b", shown({"image/png": PNG}, **{"image/png": {"alt": " "}})),
    )
    with pytest.raises(ValueError, match=r"cell 4 \(under 'Measure'\): an image .*alt=.*cell 5"):
        html.page(book, run={})


def test_number_keeps_its_input_and_labels_figures():
    book = notebook(code("a", shown({"image/png": PNG}, **{"image/png": {"alt": "dot"}})))
    numbered = html.number(book)
    assert numbered.cells[0].outputs[0].metadata["image/png"]["label"] == "Figure 1."
    assert "label" not in book.cells[0].outputs[0].metadata["image/png"]


@pytest.mark.parametrize(
    "bad",
    [
        "<script>1</script>",
        '<img src="https://example.org/x.png" alt="x">',
        '<img src="data:image/png;base64,AA">',
        '<a href="//example.org">x</a>',
        '<a href="javascript:alert(1)">x</a>',
        '<p onclick="x()">x</p>',
        "<iframe></iframe>",
        '<p style="background: url(https://example.org/x)">x</p>',
        "<style>@import 'x.css';</style>",
        '<link rel="stylesheet" href="x.css">',
    ],
)
def test_a_page_that_reaches_outside_is_refused(bad):
    with pytest.raises(ValueError, match="not safe to publish"):
        html.check(f"<p>fine</p>{bad}")
    with pytest.raises(ValueError, match=r"cell 2 \(under 'Q\?'\): .*"):
        html.page(notebook(v4.new_markdown_cell("# Q?"), code("x", shown({"text/html": bad}))), run={})


def test_attachment_of_a_markdown_cell_is_embedded():
    cell = v4.new_markdown_cell(
        "# Q?\n\n![a dot](attachment:dot.png)", attachments={"dot.png": {"image/png": PNG}}
    )
    assert f'src="data:image/png;base64,{PNG}" alt="a dot"' in html.page(notebook(cell), run={})


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("mode", [0, 1])
@pytest.mark.parametrize("ground", ["page", "wash", "answer", "warn-wash"])
@pytest.mark.parametrize("text", ["ink", "soft", "accent", "warn", "string", "word"])
def test_contrast_is_at_least_wcag_aa_in_both_modes(mode, ground, text):
    """WCAG 2.1, 1.4.3: 4.5 to 1."""
    block = re.findall(r":root \{(.*?)\}", html.css(), re.DOTALL)[mode]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
    light, dark = sorted((_luminance(colours[ground]), _luminance(colours[text])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5
