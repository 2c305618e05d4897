import base64
import io
import re
import tomllib
import unicodedata
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from fontTools.pens.boundsPen import BoundsPen
from fontTools.ttLib import TTFont
from nbformat import v4

from csatlib import fonts, theme
from csatlib.publish import fonts as embedded
from csatlib.publish import html

ROOT = Path(__file__).parents[1]


@pytest.fixture
def shown(monkeypatch):
    outputs = []
    monkeypatch.setattr(theme, "display", lambda data, metadata=None, raw=False: outputs.append((data, metadata)))
    theme.use()
    return outputs


def picture(label):
    ax = plt.figure(figsize=(2, 1)).subplots()
    ax.set_yticks([0], [label], fontweight="bold")
    return ax


def ink(data):
    return base64.b64decode(data["image/png"])


@pytest.mark.parametrize("path", sorted(ROOT.glob("csatlib/locale/*.po")), ids=str)
def test_every_character_of_the_catalogue_can_be_drawn(path):
    lost = fonts.missing(path.read_text(encoding="utf-8"))
    assert not lost, f"{path.name}: no font has {lost}"


@pytest.mark.parametrize("path", [ROOT / "csat.toml", *sorted(ROOT.glob("examples/*/csat.toml"))], ids=str)
def test_every_label_of_the_settings_can_be_drawn(path):
    text = path.read_text(encoding="utf-8")
    tomllib.loads(text)
    lost = {c for c in fonts.missing(text) if unicodedata.category(c).startswith("L")}
    lost = "".join(sorted(c for c in lost if "HANGUL" not in unicodedata.name(c)))
    assert not lost, f"{path.parent.name}: no font has {lost}"


def test_what_no_font_has_is_found():
    assert (
        fonts.missing("Gap 差距，。“−→†·\N{HANGUL SYLLABLE HAN}\N{GRINNING FACE}\n") == "\N{HANGUL SYLLABLE HAN}"
    )


def test_chinese_labels_are_drawn_without_a_word(shown, caplog):
    theme.show(picture("响应性"), title="t", caption="c", alt="a")
    theme.show(picture("保证性"), title="t", caption="c", alt="a")
    assert ink(shown[1][0]) != ink(shown[3][0])
    assert "lost" not in shown[1][1]["image/png"]
    assert not caplog.records


def test_a_character_without_a_glyph_is_told_not_silently_a_box(shown):
    theme.show(picture("서비스"), title="t", caption="c", alt="a")
    told = shown[1][1]["image/png"]["lost"]
    assert all(character in told for character in "서비스")
    image = v4.new_output("display_data", data=shown[1][0], metadata=shown[1][1])
    book = v4.new_notebook(cells=[v4.new_markdown_cell("# Q?"), v4.new_code_cell("s", outputs=[image])])
    page = html.page(book, run={})
    assert "no font here can draw" in html.plain(page)
    assert any("서" in warning for warning in embedded.warnings(page))


def test_english_pictures_do_not_depend_on_the_second_font(shown):
    theme.show(picture("Prompt service −0.3"), title="t", caption="c", alt="a")
    with plt.rc_context({"font.family": [fonts.LATIN]}):
        theme.show(picture("Prompt service −0.3"), title="t", caption="c", alt="a")
    assert ink(shown[1][0]) == ink(shown[3][0])


def page_of(text):
    return html.page(v4.new_notebook(cells=[v4.new_markdown_cell(text)]), run={})


def font_in(page):
    found = re.search(r"@font-face\{[^}]*base64,([A-Za-z0-9+/=]+)", page)
    return found and base64.b64decode(found[1])


def test_a_chinese_page_carries_just_its_characters():
    page = page_of("# 差距？\n\nGap of <b>service</b>")
    cmap = TTFont(io.BytesIO(font_in(page))).getBestCmap()
    assert {chr(code) for code in cmap} == set("差距？")
    assert len(page) < 40_000
    assert "font-src data:" in page
    assert page == page_of("# 差距？\n\nGap of <b>service</b>")
    assert embedded.warnings(page) == []
    with TTFont(fonts.chinese()) as whole:
        assert TTFont(io.BytesIO(font_in(page)))["head"].modified == whole["head"].modified, "a time stamp"


def test_an_english_page_carries_no_font():
    page = page_of("# Is it “good” – yes → −1?")
    assert "@font-face" not in page
    assert embedded.warnings(page) == []


def test_a_page_stays_under_its_limit_and_says_what_that_costs(monkeypatch):
    monkeypatch.setattr(embedded, "LIMIT", 1000)
    page = page_of("# 差距？")
    assert "@font-face" not in page
    size, room = embedded.warnings(page)
    assert "more than" in size
    assert "no room for a Chinese font" in room


def test_committed_reports_are_under_one_megabyte_without_a_warning():
    import nbformat

    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        page = html.page(nbformat.read(path, as_version=4), run={})
        assert embedded.warnings(page) == [], path.name


def test_paper_gets_the_same_letters_as_true_type():
    """Every character keeps its width and its outline, within two thousandths of the letter's height."""
    page = embedded.embed("<style>/* fonts */</style>差距，满意")
    printed = embedded.for_paper(page)
    assert printed.split("base64,")[0] == page.split("base64,")[0]
    before, after = (
        TTFont(io.BytesIO(base64.b64decode(re.search(r"base64,([^)]+)", text)[1]))) for text in (page, printed)
    )
    assert "glyf" in after
    assert before.getBestCmap().keys() == after.getBestCmap().keys()
    for code, name in after.getBestCmap().items():
        old = before.getBestCmap()[code]
        assert after["hmtx"][name][0] == before["hmtx"][old][0]
        boxes = []
        for font, glyph in ((before, old), (after, name)):
            pen = BoundsPen(font.getGlyphSet())
            font.getGlyphSet()[glyph].draw(pen)
            boxes.append(pen.bounds)
        assert boxes[1] == pytest.approx(boxes[0], abs=2)
    assert embedded.for_paper(printed) == printed
    assert embedded.for_paper("<p>no font</p>") == "<p>no font</p>"
