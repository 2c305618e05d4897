"""Every sentence a reader sees is in the catalogue, translated, with the places it names; none bypasses it."""

import ast
import json
import re
import string
from html.parser import HTMLParser
from pathlib import Path

import jinja2
import pytest

from csatlib import theme, words
from csatlib.publish import html
from tools import catalogue

ROOT = Path(__file__).parents[1]
SAID, WRITTEN = catalogue.sentences()
MODULES = sorted((ROOT / "csatlib").rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TEMPLATES = sorted((ROOT / "csatlib" / "publish" / "templates").rglob("*.j2"))
OTHERS = [language for language in words.LANGUAGES if language != "en"]
READ = {"answer", "evidence", "action", "caption", "title", "note", "alt", "statement", "unit", "names", "rows"}
READ_FIRST = {"answer", "set_xlabel", "set_ylabel", "set_title", "set_label", "annotate", "suptitle"}


@pytest.fixture(autouse=True)
def english():
    yield
    words.use("en")


def places(sentence):
    """Named places with conversion and format, as often as they stand there."""
    parsed = string.Formatter().parse(sentence)
    return {(name, conversion, form) for _, name, form, conversion in parsed if name is not None}


def lost_places(translations):
    return [
        f"{english!r}: {translation!r} has other places"
        for english, translation in translations.items()
        if translation and places(english) != places(translation)
    ]


def shape(markdown):
    """What a translated cell keeps: levels of headings, items of lists, code, targets of links, no loose mark."""
    lines = markdown.splitlines()
    headings = [line.split(" ")[0] for line in lines if re.match(r"#+ ", line)]
    items = sum(bool(re.match(r"\s*([-*]|\d+\.) ", line)) for line in lines)
    # beside full-width signs, *words。*more is no emphasis: the asterisks would stand on the page
    loose = "*" in html.plain(html._markdown(markdown, {}, [], set()))
    return headings, items, sorted(re.findall(r"`[^`]+`", markdown)), re.findall(r"\]\(([^)]+)\)", markdown), loose


def lost_shape(translations):
    return [
        f"{english!r}: {shape(english)} became {shape(translation)}"
        for english, translation in translations.items()
        if translation and shape(english) != shape(translation)
    ]


@pytest.mark.parametrize("language", OTHERS)
def test_catalogue_is_complete_and_in_step(language):
    path = words.CATALOGUES / f"{language}.po"
    translations = catalogue.read(path)
    found = list(catalogue.problems(translations, SAID | WRITTEN))
    assert not found, "\n".join([*found, "mend: python -m tools.catalogue, then fill in the empty ones"])
    assert path.read_text(encoding="utf-8") == catalogue.text(language, translations)
    assert not lost_places({english: translations[english] for english in SAID})
    assert not lost_shape({english: translations[english] for english in WRITTEN})


def test_what_is_wrong_with_a_catalogue_is_seen():
    old = {"Gap": "差距", "{n} answers": "", "Gone": "旧"}
    assert list(catalogue.problems(old, ["Gap", "{n} answers", "New"])) == [
        "no translation of 'New'",
        "no translation of '{n} answers'",
        "no longer in the source: 'Gone'",
    ]
    assert lost_places({"{n} answers from {group}": "{group}：{m}个答案", "{n:,} rows": "{n}行"})
    assert not lost_places({"{n} answers from {group}": "{group}：{n}个答案", "Not yet": ""})
    assert lost_shape({"## Data\n\n- one\n- two": "## 数据\n\n- 一"})
    assert lost_shape({"See `csat check`.": "见csat check。"})
    assert lost_shape({"[more](10_servqual.ipynb)": "[更多](index.ipynb)"})
    assert not lost_shape({"## Data\n\n*one*": "## 数据\n\n一"})
    assert lost_shape({"Two. *One.* Three.": "二。*一。*三。"})


def test_a_catalogue_stays_as_it_is_written(tmp_path):
    translations = {"New": "", "B {n}": "乙{n}", 'A "quoted"\nline': "甲“引”\n行"}
    text = catalogue.text("zh", translations)
    (tmp_path / "zh.po").write_text(text, encoding="utf-8")
    assert catalogue.read(tmp_path / "zh.po") == translations
    assert catalogue.text("zh", dict(reversed(translations.items()))) == text
    assert text.index('msgid "New"') < text.index("quoted") < text.index('msgid "B {n}"')
    assert not re.search(r"\d{4}-\d\d-\d\d|#:", text)


def test_update_keeps_fills_and_drops(tmp_path, monkeypatch, capsys):
    (tmp_path / "sent").mkdir()
    monkeypatch.setattr(catalogue, "CATALOGUES", tmp_path)
    old, sent = {"Gap": "差距", "Gone": "旧"}, {"Gap": "缺口", "Expected": "期望", "Not needed": "多余"}
    (tmp_path / "zh.po").write_text(catalogue.text("zh", old), encoding="utf-8")
    (tmp_path / "sent" / "zh.po").write_text(catalogue.text("zh", sent), encoding="utf-8")
    assert catalogue.main(["--check"]) == 1
    assert catalogue.read(tmp_path / "zh.po") == old
    assert catalogue.main([str(tmp_path / "sent" / "zh.po")]) == 0
    new = catalogue.read(tmp_path / "zh.po")
    assert set(new) == SAID | WRITTEN
    assert (new["Gap"], new["Expected"], new["Received"]) == ("差距", "期望", "")
    assert "zh: no translation of 'Received'" in capsys.readouterr().out


def test_sentences_are_found_where_they_stand():
    source = '"""Do.\n\n    >>> say("in a docstring")\n"""\nsay("a" " b", n=1)\nwords.say("c")\nmark("d")'
    assert list(catalogue.in_python(source + "\ndef say(m): say(LATER['x'])")) == ["a b", "c", "d"]
    assert list(catalogue.in_template('{{ say("x") }}<b title="{{ csat.say("y", n=2) }}">{{ csat.title }}')) == [
        "x",
        "y",
    ]
    assert {"Answer", "All reports", "Dimension"} <= SAID
    assert any(cell.startswith("## What this does not show") for cell in WRITTEN)


def calls(tree, *names):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
            if name in names:
                yield name, node


def is_text(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def is_variable(node):
    """Tell whether an expression can only give what was marked elsewhere."""
    if isinstance(node, ast.IfExp):
        return is_variable(node.body) and is_variable(node.orelse)
    if isinstance(node, ast.Call):
        name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
        return name == "mark" or (name == "get" and all(map(is_variable, node.args[1:])))
    return isinstance(node, ast.Name | ast.Attribute | ast.Subscript)


def not_literal(source):
    """Calls of say and mark that the catalogue cannot read; say also takes a variable that was marked."""
    for name, call in calls(ast.parse(source), *catalogue.WORDS):
        first = call.args[0] if call.args else None
        if not is_text(first) and not (name == "say" and is_variable(first)):
            yield f"line {call.lineno}: {ast.unparse(call)[:70]}"


def loose(node, known):
    """Texts within an argument that did not go through say: literals, f-strings, names that hold one."""
    if isinstance(node, ast.Name):
        yield from loose(known.get(node.id), {})
    elif is_text(node):
        if re.search(r"[^\W\d_]", node.value):
            yield node.value
    elif isinstance(node, ast.JoinedStr):
        if any(is_text(part) and re.search(r"[^\W\d_]|\S", part.value) for part in node.values):
            yield ast.unparse(node)
    elif isinstance(node, ast.Dict):
        for value in node.values:
            yield from loose(value, known)
    elif isinstance(node, ast.BinOp):
        yield from loose(node.left, known)
        yield from loose(node.right, known)
    elif isinstance(node, ast.IfExp):
        yield from loose(node.body, known)
        yield from loose(node.orelse, known)


def assigned(tree):
    """Names that hold a text, an f-string or a dictionary of them."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                pairs = [(target, node.value)]
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    pairs = list(zip(target.elts, node.value.elts, strict=False))
                found |= {name.id: value for name, value in pairs if isinstance(name, ast.Name)}
    return found


def unsaid(source):
    """Texts for a reader in a notebook's code that bypass say."""
    tree = ast.parse(source)
    known = assigned(tree)
    for name, call in calls(tree, "table", "show", "answer", "record", *READ_FIRST):
        given = [word.value for word in call.keywords if word.arg in READ]
        given += call.args[:1] if name in READ_FIRST else []
        for value in given:
            yield from (f"line {call.lineno}: {text}" for text in loose(value, known))


def code(path):
    """All code of a notebook but its parameters and imports, as one source."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    kept = [c for c in cells if c["cell_type"] == "code" and "parameters" not in c["metadata"].get("tags", [])]
    return "\n".join("".join(cell["source"]) for cell in kept)


def test_sentences_are_literals():
    sources = [(path, path.read_text(encoding="utf-8")) for path in MODULES] + [(p, code(p)) for p in NOTEBOOKS]
    found = [f"{path.relative_to(ROOT)} {text}" for path, source in sources for text in not_literal(source)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "source",
    [
        'say(f"{n} rows")',
        'say("a" + b)',
        'say("{n}".format(n=1))',
        'say("a" if b else "c")',
        "mark(text)",
        "say()",
    ],
)
def test_a_sentence_that_is_no_literal_is_seen(source):
    assert list(not_literal(source))


def test_marked_variables_may_be_said():
    assert not list(not_literal('later = mark("a")\nsay(later)\nsay(LATER["x"])\nsay(words.LATER)'))
    assert not list(not_literal('say(a if b else c)\nsay(LATER.get(x, mark("b")))'))
    assert list(not_literal('say(LATER.get(x, "b"))'))


def test_no_text_for_a_reader_bypasses_the_catalogue():
    plots = [path for path in MODULES if path.stem == "plots" or path.parent.name == "plots"]
    sources = [(path, code(path)) for path in NOTEBOOKS]
    sources += [(path, path.read_text(encoding="utf-8")) for path in plots]
    found = [f"{path.relative_to(ROOT)} {text}" for path, source in sources for text in unsaid(source)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "source",
    [
        'theme.table(t, caption="Gap")',
        'theme.table(t, caption=f"Gap, {period}")',
        'theme.table(t, rows={"label": "Dimension"})',
        'theme.table(t, names={"": say("Gap")} | {"x": "Expected"})',
        'sides = {"expectation": "Expected"}\ntheme.table(t, names=sides)',
        'theme.show(ax, title="It fell." if a else say("It rose."))',
        'theme.answer("It fell.", evidence=e, action=a)',
        'theme.answer(f"{a} {b}: {c}", evidence=e, action=a)',
        'unit, action = f"points of {high}", 1\nfindings.record("m", row, unit=unit)',
        'findings.record("m", row, statement="It fell.")',
        'ax.set_xlabel("Gap")',
    ],
)
def test_a_text_that_bypasses_the_catalogue_is_seen(source):
    assert list(unsaid(source))


def test_what_may_stand_for_itself():
    source = (
        'theme.table(t, caption=say("Gap, {p}", p=f"{x:g}"), names={d: scale.label(d)}, rows={"g": ws.name(by)})'
    )
    assert not list(
        unsaid(source + '\nfindings.record(f"gap.{d}", row, direction="lower_is_better", unit=say("points"))')
    )


def bare(source):
    """Words of a template that no say() gives; what a reader sees of attributes counts."""
    stream = jinja2.Environment(autoescape=True).lex(source)
    text = "".join(
        value if kind == "data" else "\N{OBJECT REPLACEMENT CHARACTER}" if "begin" in kind else ""
        for _, kind, value in stream
    )
    found = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            found.extend(v for name, v in attrs if name in ("alt", "title", "aria-label", "placeholder") and v)

        def handle_data(self, data):
            if self.cdata_elem is None:
                found.append(data)

    Reader().feed(text)
    return [part.strip() for part in found if re.search(r"[^\W\d_]", part)]


def test_templates_hold_no_words_of_their_own():
    found = [f"{path.name}: {text}" for path in TEMPLATES for text in bare(path.read_text(encoding="utf-8"))]
    assert not found, "\n".join(found)
    assert bare('<p title="Why">{{ say("x") }} rows</p>') == ["Why", "\N{OBJECT REPLACEMENT CHARACTER} rows"]


def test_every_notebook_takes_the_language_of_the_settings():
    for path in NOTEBOOKS:
        given = [{word.arg for word in call.keywords} for _, call in calls(ast.parse(code(path)), "use")]
        assert given, f"{path.name}: no theme.use(...)"
        assert any("language" in names for names in given), f"{path.name}: theme.use(..., language=ws.language)"


def test_chinese_is_spoken_and_english_again():
    theme.use(language="zh")
    assert words.language() == "zh"
    assert words.say("Answer") == "结论"
    assert words.listed(["甲", "乙", "丙"]) == "甲、乙和丙"
    assert words.together("一。", "", "二。") == "一。二。"
    cell = next(cell for cell in WRITTEN if cell.startswith("## What this does not show"))
    assert words.look_up(f"{cell}\n").startswith("## ")
    assert words.look_up(f"{cell}\n") != f"{cell}\n"
    assert words.look_up("") == ""
    assert words.look_up("  {not} in the catalogue\n") == "  {not} in the catalogue\n"
    theme.use()
    assert words.language() == "zh"
    theme.use(language="en")
    assert words.together("One.", "Two.") == "One. Two."
