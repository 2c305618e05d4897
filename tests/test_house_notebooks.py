"""Committed notebooks keep the rules; each rule is also shown a notebook that breaks it."""

import ast
import io
import json
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FINDING = "application/vnd.csatlib.finding+json"
FIRST = ["config", "period", "by", "where"]
NETWORK = {"requests", "urllib", "urllib3", "http", "httpx", "aiohttp", "socket", "ftplib", "subprocess"}
DEFINES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def source_of(cell):
    return "".join(cell["source"])


def heading(notebook):
    """The H1 of the first cell."""
    return (source_of(notebook["cells"][0]).strip().splitlines() or [""])[0]


def parameter_problems(source):
    """What a parameters cell breaks: literals only, a comment on every line, the four names first."""
    names, statements = [], ast.parse(source).body
    for node in statements:
        if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)):
            yield f"parameters cell: line {node.lineno} is not name = literal"
            continue
        names.append(node.targets[0].id)
        try:
            ast.literal_eval(node.value)
        except ValueError:
            yield f"parameters cell: {names[-1]} is not a literal"
    if names[: len(FIRST)] != FIRST:
        yield f"parameters cell starts with {', '.join(names[:4])}, not {', '.join(FIRST)}"
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    commented = {token.start[0] for token in tokens if token.type == tokenize.COMMENT}
    bare = [at for at, line in enumerate(source.splitlines(), 1) if line.strip() and at not in commented]
    if bare:
        yield f"parameters cell: no comment on line {bare}"


def source_problems(source, may_import):
    """What the source of a code cell breaks."""
    if len(source.splitlines()) > 15:
        yield f"{len(source.splitlines())} lines of 15"
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except SyntaxError:
        yield "not plain Python (shell or magic?)"
        return
    for node in nodes:
        if isinstance(node, DEFINES):
            yield "defines a function or class"
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
            if not may_import:
                yield "imports outside the second cell"
            if NETWORK & {module.split(".")[0] for module in modules}:
                yield "uses the network or a shell"
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if re.match(r"/\w|~|[A-Za-z]:[\\/]|file:", node.value):
                yield f"absolute path {node.value!r}"
            if re.match(r"https?:", node.value):
                yield "uses the network or a shell"
        if isinstance(node, ast.Attribute) and node.attr in (
            "filterwarnings",
            "simplefilter",
            "system",
            "popen",
        ):
            yield f"calls {node.attr}"


def output_problems(cell):
    """What the outputs of a code cell break."""
    if cell["execution_count"] is None:
        yield "not executed"
    for output in cell["outputs"]:
        if output["output_type"] == "error":
            yield "an error output"
        if output.get("name") == "stderr":
            yield "stderr output"
        if "image/png" in output.get("data", {}) and not output["metadata"].get("image/png", {}).get("alt"):
            yield "a picture without alt text"


def shape_problems(notebook):
    """What the order of the cells and the metadata break."""
    cells = notebook["cells"]
    if cells[0]["cell_type"] != "markdown" or not re.fullmatch(r"# .+\?", heading(notebook)):
        yield "the first cell does not start with an H1 that is a question"
    titles = [
        line
        for cell in cells
        if cell["cell_type"] == "markdown"
        for line in source_of(cell).splitlines()
        if line.startswith("# ")
    ]
    if len(titles) != 1:
        yield f"{len(titles)} H1 of 1"
    kinds = [cell["cell_type"] for cell in cells[1:3]]
    tagged = [at for at, cell in enumerate(cells) if "parameters" in cell["metadata"].get("tags", [])]
    if kinds != ["code", "code"] or tagged != [2]:
        yield f"cells 2 and 3 must be imports and parameters; tagged parameters: {[at + 1 for at in tagged]}"
    if [cell.get("id") for cell in cells] != [str(at) for at in range(len(cells))]:
        yield "cell ids are not those of make notebooks"
    settings = notebook["metadata"].get("csatlib")
    lists = [settings.get(key) for key in ("tables", "optional")] if isinstance(settings, dict) else []
    if not lists or any(not isinstance(names, list) for names in lists) or not any(lists):
        yield 'no metadata csatlib {"tables": [...], "optional": [...]}'


def problems_of(notebook):
    """Return everything a notebook breaks."""
    found = list(shape_problems(notebook))
    code = [(at, cell) for at, cell in enumerate(notebook["cells"], 1) if cell["cell_type"] == "code"]
    for at, cell in code:
        source = source_of(cell)
        problems = [*source_problems(source, may_import=at == 2), *output_problems(cell)]
        if "parameters" in cell["metadata"].get("tags", []):
            problems += parameter_problems(source)
        found += [f"cell {at}: {problem}" for problem in problems]
    counts = [cell["execution_count"] for _, cell in code]
    if counts != list(range(1, len(code) + 1)):
        found.append(f"cells were not executed in order: {counts}")
    if not any(FINDING in output.get("data", {}) for _, cell in code for output in cell["outputs"]):
        found.append("no finding recorded")
    return found


def topic_of(path):
    """Topic of a notebook: 10_servqual -> servqual."""
    return path.stem.partition("_")[2]


def test_notebooks_keep_the_rules():
    assert PATHS, "no notebook found"
    problems = []
    for path in PATHS:
        found = problems_of(json.loads(path.read_text(encoding="utf-8")))
        if not re.fullmatch(r"\d\d_[a-z][a-z0-9_]*", path.stem):
            found.append("the name is not NN_topic")
        if path.stat().st_size > 300_000:
            found.append(f"{path.stat().st_size / 1000:.0f} KB of 300")
        if not (ROOT / "tests" / f"test_{topic_of(path)}.py").exists():
            found.append(f"no tests/test_{topic_of(path)}.py")
        problems += [f"{path.name}: {problem}" for problem in found]
    assert not problems, "\n".join(problems)


def rows(page):
    """Rows of the table notebook | question | module, as cells."""
    table = re.search(r"^\| notebook \| question \| module \|\n\|[ :|-]+\|\n((?:\|.*\|\n)*)", page, re.MULTILINE)
    assert table, "no table with the header | notebook | question | module |"
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[1].splitlines()]


def expected_row(path):
    """Cells the README must show for a notebook."""
    question = heading(json.loads(path.read_text(encoding="utf-8"))).removeprefix("# ")
    return [f"[{path.stem}](notebooks/{path.name})", question]


def test_readme_table_matches_the_tree():
    found = rows((ROOT / "README.md").read_text(encoding="utf-8"))
    assert [row[:2] for row in found] == [expected_row(path) for path in PATHS]
    for path, (_, _, module) in zip(PATHS, found, strict=True):
        place = ROOT / module.strip("`")
        assert place.is_dir() or place.with_suffix(".py").is_file(), f"{module} is not in the tree"
        topic = ROOT / "csatlib" / topic_of(path)
        if topic.is_dir() or topic.with_suffix(".py").is_file():
            assert module == f"`csatlib/{topic_of(path)}`"


def cell(kind, source, **rest):
    extra = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "source": source, "metadata": {}} | extra | rest


@pytest.fixture
def good():
    """Make the smallest notebook that keeps every rule."""
    picture = {
        "output_type": "display_data",
        "data": {"image/png": ""},
        "metadata": {"image/png": {"alt": "x"}},
    }
    finding = {"output_type": "display_data", "data": {FINDING: {}}, "metadata": {}}
    parameters = 'config = "csat.toml"  # settings\nperiod = "2026-10"  # month\nby = "region"  # column\n'
    cells = [
        cell("markdown", "# Where do we fall short?\n\nText."),
        cell("code", "from csatlib import theme"),
        cell("code", parameters + "where = {}  # rows", metadata={"tags": ["parameters"]}),
        cell("code", "theme.show(1)", outputs=[picture, finding]),
    ]
    for at, each in enumerate(cells):
        each["id"] = str(at)
        if at:
            each["execution_count"] = at
    return {"cells": cells, "metadata": {"csatlib": {"tables": ["responses"], "optional": []}}}


def test_a_good_notebook_has_no_problem(good):
    assert problems_of(good) == []


@pytest.mark.parametrize(
    ("at", "change", "problem"),
    [
        (0, {"source": "# Gaps"}, "H1 that is a question"),
        (0, {"source": "# A?\n# B?"}, "2 H1 of 1"),
        (0, {"id": "a1b2"}, "cell ids"),
        (2, {"metadata": {}}, "imports and parameters"),
        (2, {"source": 'config = "a"  # a'}, "parameters cell starts with config"),
        (2, {"source": "config = open('a')  # a"}, "config is not a literal"),
        (2, {"source": "config = 1"}, "no comment on line [1]"),
        (2, {"source": "print(1)  # a"}, "not name = literal"),
        (3, {"source": "import os"}, "imports outside the second cell"),
        (1, {"source": "import urllib.request"}, "uses the network"),
        (1, {"source": "from socket import socket"}, "uses the network"),
        (3, {"source": "read('https" + "://x')"}, "uses the network"),
        (3, {"source": "def f(): pass"}, "defines"),
        (3, {"source": "f = lambda: 1"}, "defines"),
        (3, {"source": "class A: pass"}, "defines"),
        (3, {"source": "!ls"}, "shell or magic"),
        (3, {"source": "%autoreload 2"}, "shell or magic"),
        (3, {"source": "read('/data/x.csv')"}, "absolute path"),
        (3, {"source": "read('C:/x.csv')"}, "absolute path"),
        (3, {"source": "warnings.filterwarnings('ignore')"}, "calls filterwarnings"),
        (3, {"source": "x = 1\n" * 16}, "16 lines of 15"),
        (3, {"execution_count": None}, "not executed"),
        (3, {"execution_count": 7}, "executed in order"),
        (3, {"outputs": []}, "no finding"),
        (3, {"outputs": [{"output_type": "error"}]}, "an error output"),
        (3, {"outputs": [{"output_type": "stream", "name": "stderr"}]}, "stderr output"),
        (3, {"outputs": [{"output_type": "x", "data": {"image/png": ""}, "metadata": {}}]}, "alt text"),
    ],
)
def test_every_rule_sees_what_breaks_it(good, at, change, problem):
    good["cells"][at].update(change)
    assert any(problem in found for found in problems_of(good)), problems_of(good)


@pytest.mark.parametrize("settings", [None, {"tables": []}, {"tables": "responses", "optional": []}])
def test_metadata_rule_sees_what_breaks_it(good, settings):
    good["metadata"]["csatlib"] = settings
    assert any("no metadata csatlib" in found for found in problems_of(good))
