"""The tree keeps the rules of the house: floors, lengths, docstrings, dependencies, true pages."""

import ast
import importlib.util
import re
import subprocess
import sys
import tomllib
import zipfile
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
import yaml

from tools import lock

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MODULES = sorted((ROOT / "csatlib").rglob("*.py"))
TARGETS = ("help", "setup", "report", "notebooks", "words", "test", "test-all", "bench", "lab", "lint", "lock")
FLOORS = {
    "__main__": 5,
    "cli": 4,
    "publish": 3,
    "theme": 1,
    "findings": 1,
    "tiles": 1.5,  # made of what theme makes
    "apart": 1.5,
    "tables": 1,
    "stats": 0,
    "disclosure": 0,
    "exhibit": 0.5,  # says and protects what theme shows
    "fonts": 0,
    "masking": 0,
    "words": 0,
}
TOPIC_FLOOR = 2
IMPORTED_AS = {
    "fonttools": "fontTools",
    "ibis-framework": "ibis",
    "ipython": "IPython",
    "pillow": "PIL",
    "pyyaml": "yaml",
    "scikit-learn": "sklearn",
}
CONDA_NAMES = {"python-duckdb": "duckdb", "ibis-duckdb": "ibis-framework", "dask-core": "dask"}


@cache
def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def short(path):
    return path.relative_to(ROOT).as_posix()


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {name_of(path): path for path in MODULES}


@cache
def imported(path):
    """Dotted names a file imports, wherever in the file; a submodule where the name is one."""
    return set(imports_of(path))


def imports_of(path):
    package = name_of(path).split(".")
    package = package if path.name == "__init__.py" else package[:-1]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield full if full in NAMES else base


def floor(name):
    """Floor and package of a module below csatlib; the package itself lies under all."""
    parts = name.split(".")
    return (FLOORS.get(parts[1], TOPIC_FLOOR), parts[1]) if len(parts) > 1 else (-1, "")


def misplaced(importer, name):
    """Tell whether a module may not import another one of csatlib."""
    (own, package), (other, target) = floor(importer), floor(name)
    return package != target and other >= own


def test_floors_are_known():
    assert misplaced("csatlib.stats.moments", "csatlib.theme")
    assert misplaced("csatlib.findings", "csatlib.tables.scale")
    assert misplaced("csatlib.servqual.plots", "csatlib.drivers")
    assert not misplaced("csatlib.servqual", "csatlib.stats.moments")
    assert not misplaced("csatlib.tables.workspace", "csatlib.tables.config")


def test_files_import_from_floors_below():
    problems = [
        f"{short(path)} imports {name}"
        for path in MODULES
        for name in sorted(imported(path))
        if name.split(".")[0] == "csatlib" and misplaced(name_of(path), name)
    ]
    assert not problems, "\n".join(problems)


def test_no_import_circles():
    graph = {
        name_of(path): {name for name in imported(path) if name in NAMES and name != name_of(path)}
        for path in MODULES
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"import circle: {' <- '.join(error.args[1])}")


def test_no_star_import():
    stars = [
        short(path)
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
    ]
    assert not stars, "\n".join(stars)


def test_package_holds_only_a_docstring():
    body = tree(ROOT / "csatlib" / "__init__.py").body
    assert len(body) == 1
    assert ast.get_docstring(tree(ROOT / "csatlib" / "__init__.py"))


def functions(node):
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [found for found in ast.walk(node) if isinstance(found, kinds)]


def body_lines(function):
    """Lines of a function's body, its docstring not counted."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def test_modules_and_functions_are_short():
    paths = [*MODULES, *sorted((ROOT / "tools").glob("*.py"))]
    long = [
        f"{short(path)}: {lines} lines of 400"
        for path in paths
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400
    ]
    long += [
        f"{short(path)}:{function.lineno} {function.name}: {body_lines(function)} lines of 40"
        for path in paths
        for function in functions(tree(path))
        if body_lines(function) > 40
    ]
    assert not long, "\n".join(long)


def exported(path):
    """Names a package offers as ``__all__`` of its ``__init__``, or None where its modules are the offer."""
    for node in tree(path.parent / "__init__.py").body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return set(ast.literal_eval(node.value))
    return None


@cache
def is_internal(path):
    """Tell whether only modules of its own package import a module, and some do."""
    name, package = name_of(path), floor(name_of(path))[1]
    notebooks = [source for found in ROOT.glob("notebooks/*.ipynb") for source in [found.read_text("utf-8")]]
    stem = re.escape(path.stem)
    words = re.compile(rf"\b{stem}\.[a-z]|import [^\\\n]*\b{stem}\b")  # used or imported, not only a word
    users = {floor(name_of(other))[1] for other in MODULES if name in imported(other)}
    return users == {package} and not any(words.search(source) for source in notebooks)


def public(path):
    """Functions and classes of a file that users call; pages and commands are not called from outside."""
    aside = floor(name_of(path))[0] > TOPIC_FLOOR or is_internal(path)
    offered = exported(path) if path.name != "__init__.py" else None
    kinds = (ast.FunctionDef, ast.ClassDef)
    nodes = [node for node in tree(path).body if isinstance(node, kinds) and not node.name.startswith("_")]
    called = [node for node in nodes if node.name != "main" and (offered is None or node.name in offered)]
    return [] if aside and not offered else called


def returns_something(function):
    inner = {id(n) for f in functions(function) if f is not function for n in ast.walk(f)}
    own = [node for node in ast.walk(function) if id(node) not in inner]
    returns = any(isinstance(node, ast.Return) and node.value is not None for node in own)
    return returns or any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in own)


def missing_sections(node):
    """What a public function's or class's docstring lacks."""
    text = ast.get_docstring(node) or ""
    inner = [found for found in functions(node) if found is not node and not found.name.startswith("_")]
    is_record = isinstance(node, ast.ClassDef) and not inner
    doctests = text + "".join(ast.get_docstring(found) or "" for found in inner)
    needs = {"a doctest": is_record or ">>> " in doctests, "a docstring": text}
    if isinstance(node, ast.FunctionDef):
        given = [a for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs) if a.arg != "self"]
        needs["Parameters"] = not given or "Parameters\n---" in text
        needs["Returns"] = not returns_something(node) or re.search(r"^(Returns|Yields)\n---", text, re.MULTILINE)
    return [section for section, found in needs.items() if not found]


def test_public_docstrings_are_complete():
    problems = [
        f"{short(path)}:{node.lineno} {node.name} lacks {', '.join(lacking)}"
        for path in MODULES
        for node in public(path)
        if (lacking := missing_sections(node))
    ]
    assert not problems, "\n".join(problems)


def test_missing_sections_are_seen():
    bare = ast.parse('def f(a):\n    """Do."""\n    return a\n').body[0]
    assert missing_sections(bare) == ["a doctest", "Parameters", "Returns"]
    assert missing_sections(ast.parse("class A:\n    def f(self): pass\n").body[0]) == [
        "a doctest",
        "a docstring",
    ]
    assert missing_sections(ast.parse('class A:\n    """Row."""\n    a: int\n').body[0]) == []
    assert missing_sections(ast.parse('def f():\n    """Do.\n\n    >>> f()\n    """\n').body[0]) == []


def requirement(text):
    """Name and version bounds: ``ibis-framework[duckdb]>=11`` -> ibis-framework, >=11."""
    name, bounds = re.fullmatch(r"([A-Za-z0-9._-]+)(?:\[.*\])?\s*(.*)", text).groups()
    return lock.canonical(name), bounds


def declared():
    project = PYPROJECT["project"]
    return dict(map(requirement, project["dependencies"] + project["optional-dependencies"]["dev"]))


def test_environment_names_every_dependency_with_a_reason():
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    named = yaml.safe_load(text)["dependencies"]
    named += [entry for part in named if isinstance(part, dict) for entry in part["pip"]]
    conda = dict(map(requirement, (entry for entry in named if isinstance(entry, str))))
    assert conda.pop("python") == PYPROJECT["project"]["requires-python"]
    conda.pop("pip")
    assert {CONDA_NAMES.get(name, name): bounds for name, bounds in conda.items()} == declared()
    lines = [line for line in text.split("\ndependencies:\n")[1].splitlines() if re.match(r" +- (?!pip:)", line)]
    assert not [line for line in lines[1:] if not re.search(r"\S  # \S", line)]


def test_what_is_imported_is_declared():
    known = set(sys.stdlib_module_names) | {"csatlib", "tools", "tests", "benchmarks"}
    extras = [text for extra in PYPROJECT["project"]["optional-dependencies"].values() for text in extra]
    names = {*declared(), *dict(map(requirement, extras))}
    known |= {IMPORTED_AS.get(name, name.replace("-", "_")) for name in names}
    folders = ("tools", "tests", "benchmarks")
    paths = [*MODULES, *(path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))]
    own = {path.stem for path in paths}
    undeclared = sorted(
        {
            f"{short(path)} imports {name.split('.')[0]}"
            for path in paths
            for name in imported(path)
            if name.split(".")[0] not in known | own
        }
    )
    assert not undeclared, "\n".join(undeclared)


def test_lock_holds_every_dependency_and_no_address():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert not lock.addresses(text)
    assert not set(declared()) - set(lock.locked(text))
    assert {"hatchling", "editables"} <= set(lock.locked(text))
    entries = re.findall(r"^[A-Za-z0-9].*==.*\n.*", text, re.MULTILINE)
    bare = [entry for entry in entries if "\n    --hash=sha256:" not in entry]
    assert not bare, "\n".join(bare)


def files():
    """Files git has or would take."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    if listed.returncode == 0 and listed.stdout:
        return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
    found = (short(path) for path in sorted(ROOT.rglob("*")) if path.is_file())
    return [name for name in found if not re.search(r"(^|/)(\.venv|\.git|__pycache__|\.\w+_cache)/", name)]


def test_no_paths_of_a_machine_no_stray_files():
    names = files()
    assert "uv.lock" not in names
    assert not [name for name in names if (ROOT / name).stat().st_size > 1_000_000 and "data/" not in name]
    place = re.compile(r"(?<![\w.\]])(/(home|Users)/\w|[A-Z]:\\\\?Users)" + "|index-" + "url[ =]https?")
    found = []
    for name in names:
        if name.endswith((".py", ".md", ".toml", ".yml", ".ipynb", ".html", ".lock", ".json")) or "." not in name:
            text = (ROOT / name).read_text(encoding="utf-8", errors="replace")
            found += [f"{name}: {hit.group()}" for hit in place.finditer(text) if name != short(Path(__file__))]
    assert not found, "\n".join(found)


def test_ignored_patterns_are_anchored():
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {"/reports/*", "!/reports/README.md", "/.venv/"} <= set(lines)
    assert "reports/" not in lines


def test_wheel_holds_templates_and_command(tmp_path):
    from hatchling.builders.wheel import WheelBuilder

    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
        (scripts,) = [name for name in packed if name.endswith("entry_points.txt")]
        assert "csat = csatlib.cli:app" in archive.read(scripts).decode()
    wanted = {name for name in files() if name.startswith("csatlib/")}
    assert any("templates/" in name for name in wanted), "no templates in csatlib/publish"
    assert wanted == {name for name in packed if name.startswith("csatlib/")}


def test_workflows_parse_and_cover_the_supported_pythons():
    workflows = {path.name: yaml.safe_load(path.read_text()) for path in ROOT.glob(".github/workflows/*.y*ml")}
    job = workflows["ci.yml"]["jobs"]["test"]
    first, last = (int(part) for part in re.findall(r"3\.(\d+)", PYPROJECT["project"]["requires-python"]))
    assert job["strategy"]["matrix"]["python"] == [f"3.{minor}" for minor in range(first, last)]
    assert (ROOT / ".python-version").read_text().strip() in job["strategy"]["matrix"]["python"]
    assert "make test" in [step.get("run") for step in job["steps"]]
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o100


def targets():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z-]+):.* ## .+ \| (.+)$", text, re.MULTILINE))


def test_make_targets_have_equivalents():
    assert tuple(targets()) == TARGETS
    assert not [problem for text in targets().values() for problem in unknown_commands(text)]


def unknown_commands(text):
    """Commands a page names that the tree does not have."""
    from typer.main import get_command

    from csatlib.cli import app

    for target in re.findall(r"\bmake ([a-z][a-z-]*)", text):
        if target not in targets():
            yield f"make {target}"
    for module in re.findall(r"\bpython3? -m ([a-z_.]+[a-z_])", text):
        if importlib.util.find_spec(module) is None:
            yield f"python -m {module}"
    for command in re.findall(r"(?:^|`)csat ([a-z]+)", text, re.MULTILINE):
        if command not in get_command(app).commands:
            yield f"csat {command}"


def code_of(page):
    """Code spans and blocks of a Markdown page."""
    return "\n".join("".join(found) for found in re.findall(r"```\w*\n(.*?)```|(`[^`\n]+`)", page, re.DOTALL))


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_pages_name_what_exists(name):
    page = (ROOT / name).read_text(encoding="utf-8")
    assert not list(unknown_commands(code_of(page)))
    links = re.findall(r"\]\(([^)#:\s]+)\)", page)
    assert not [link for link in links if not (ROOT / link).exists()]


def test_unknown_commands_are_seen():
    page = "`make tea` and `csat brew`, `python -m tools.kettle`, make sure\n```bash\ncsat pour\n```"
    seen = sorted(unknown_commands(code_of(page)))
    assert seen == ["csat brew", "csat pour", "make tea", "python -m tools.kettle"]
