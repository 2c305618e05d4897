"""No sentence a reader sees claims more than the figures show: the table of words, enforced."""

import ast
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FORBIDDEN = {
    r"\bdriv(e|es|en|ers?|ing)\b": "moves together with",
    r"\bsignifican(t|tly|ce)\b": "beyond random variation",
    r"\bno (evidence|sign) of\b": "cannot tell: a true change of ... would be detected 8 times in 10",
    r"\bcaus(e|es|ed|ing|al|ally)\b|\bbecause of\b|\bdue to\b|\blead(s|ing)? to\b|\bthanks to\b": "association",
    r"\b(effect|impact|influence) of\b|\b(affects?|influences?|explains why)\b": "moves together with",
    r"\breasons? (for|of|why)\b": "similar customers left more often",
    r"\bexpected gain\b": "if the association holds in full",
    r"\bNPS\b[^.]{0,40}(?<!95 )%|(?<!95 )%[^.]{0,20}\bNPS\b": "NPS is in points",
    r"\bover-?deliver": "never advises a cut",
    r"\bprobability (of|that)\b[^.]*\b(top|best|first)\b": "rank stability",
    r"\bproves?\b|\bproof\b": "shows, is in line with",
}
ALLOWED = {  # text -> why the word is right there
    "find the cause, name an owner and a date": "tells to look for it, does not name one",
    "not what it costs or what caused it": "says what a gap does not show",
}


def literals(source, name):
    """Sentences in say(...) and mark(...), and those that answer(), show() or table() get as plain text."""
    for node in ast.walk(ast.parse(source)):
        called = isinstance(node, ast.Call) and (getattr(node.func, "id", "") or getattr(node.func, "attr", ""))
        if called in ("say", "mark"):
            given = node.args[:1]
        elif called in ("answer", "show", "table"):
            given = [*node.args, *(keyword.value for keyword in node.keywords)]
        else:
            continue
        for part in given:
            for text in ast.walk(part):
                if isinstance(text, ast.Constant) and isinstance(text.value, str):
                    yield f"{name}:{text.lineno}", text.value


def sentences():
    """Every text written for a reader, with its place."""
    for path in sorted((ROOT / "csatlib").rglob("*.py")):
        yield from literals(path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix())
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for at, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"], 1):
            source, place = "".join(cell["source"]), f"{path.name} cell {at}"
            if cell["cell_type"] == "markdown":
                yield place, source
            else:
                yield from literals(source, place)
    for path in sorted((ROOT / "csatlib" / "publish" / "templates").rglob("*.j2")):
        for text in re.findall(r"say\([\"'](.+?)[\"'][,)]", path.read_text(encoding="utf-8")):
            yield path.name, text
    for path in sorted((ROOT / "csatlib" / "locale").glob("*.po")):
        from babel.messages.pofile import read_po

        with open(path, encoding="utf-8") as file:
            yield from ((f"{path.name}: {entry.id[:30]}", entry.id) for entry in read_po(file) if entry.id)


def problems_of(text):
    text = " ".join(text.split())
    for right in ALLOWED:
        text = re.sub(re.escape(right), "", text, flags=re.IGNORECASE)
    for pattern, instead in FORBIDDEN.items():
        if found := re.search(pattern, text, re.IGNORECASE):
            yield f"{found[0]!r} in {text[max(0, found.start() - 40) : found.end() + 30]!r}; say: {instead}"


def test_no_sentence_says_more_than_the_figures():
    texts = list(sentences())
    assert len(texts) > 100
    problems = [f"{place}: {problem}" for place, text in texts for problem in problems_of(text)]
    assert not problems, "\n".join(problems)


def test_what_is_allowed_is_still_said():
    said = " ".join(" ".join(text.split()) for _, text in sentences()).lower()
    assert [text for text in ALLOWED if text.lower() not in said] == []


@pytest.mark.parametrize(
    "text",
    [
        "Reliability drives satisfaction.",
        "The main drivers of loyalty",
        "A significant fall",
        "There is no evidence of change.",
        "It fell because of the strike.",
        "Waiting causes complaints.",
        "Delays lead to complaints.",
        "The effect of waiting",
        "The reason for leaving: {reason}",
        "An expected gain of {n}",
        "NPS rose to {n} %",
        "{n} % NPS",
        "Tangibles are over-delivered: save there.",
        "probability that it is the top item",
        "This proves it.",
    ],
)
def test_every_rule_sees_what_breaks_it(text):
    assert list(problems_of(text))


@pytest.mark.parametrize("text", ["North moves together with waiting.", "NPS in points with 95 % interval"])
def test_plain_words_pass(text):
    assert not list(problems_of(text))
