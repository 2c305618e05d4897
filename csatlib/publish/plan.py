"""What to run: notebooks x periods x segments, checked before anything starts."""

import ast
import difflib
import hashlib
import io
import json
import os
import re
import sys
import tokenize
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from csatlib.tables import workspace
from csatlib.words import digest, language, look_up, mark, say

ONE_TABLE = mark("needs table {tables}, which the company lacks")
TABLES = mark("needs tables {tables}, which the company lacks")
NO_WHERE = mark("has no parameter `where`, so it cannot be limited to a segment")
RESERVED = {"config": "--config", "period": "--period or --last"}


@dataclass(frozen=True)
class Parameter:
    """One line of a notebook's parameters cell."""

    name: str
    default: object
    comment: str = ""

    @property
    def type(self) -> str:
        """Name of the default's type; "any" for None."""
        return "any" if self.default is None else type(self.default).__name__


@dataclass(frozen=True)
class Notebook:
    """A notebook as found in the project; `error` says why it cannot be run."""

    path: Path
    title: str = ""
    tables: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    parameters: dict[str, Parameter] = field(default_factory=dict)
    digest: str = ""
    error: str | None = None
    lesson: bool = False
    length: int = 0  # characters of code

    @property
    def name(self) -> str:
        """File name without extension."""
        return self.path.stem


@dataclass(frozen=True)
class Job:
    """One notebook for one period and one segment; `skip` says why it is not run, `told` says it to a reader."""

    notebook: Notebook
    period: str
    segment: tuple[str, object] | None
    changes: dict
    key: str
    skip: str | None = None
    told: str | None = None
    released: bool = False
    restated: str = ""

    @property
    def folder(self) -> str:
        """Folder of the published page, relative to the output folder."""
        restated = f"-restated-{self.restated}" if self.restated else ""
        return f"{self.period}/{segment_folder(self.segment)}{restated}"

    @property
    def name(self) -> str:
        """Name of the job: folder and notebook."""
        return f"{self.folder}/{self.notebook.name}"

    @property
    def parameters(self) -> dict:
        """Every parameter with the value of this job."""
        return {p.name: p.default for p in self.notebook.parameters.values()} | self.changes


def find(project: Path, only: str | None = None) -> list[Notebook]:
    """Find the notebooks: in `notebooks` beside csat.toml, else of the project one stands in.

    Parameters
    ----------
    project : Path
        The folder of csat.toml.
    only : str, optional
        Glob which the name must match, for example ``"1*"``; a notebook's full name also works. Lessons
        (metadata ``csatlib.lesson``) make no report: they are left out unless this is their full name.

    Returns
    -------
    list of Notebook
        Sorted by name.

    Raises
    ------
    FileNotFoundError
        There is no notebook.
    ValueError
        `only` matches none.
    """
    here = Path.cwd()
    folders = (folder / "notebooks" for folder in (project, here, *here.parents))
    paths = next((found for folder in folders if (found := sorted(folder.glob("[0-9][0-9]_*.ipynb")))), [])
    if not paths:
        raise FileNotFoundError(
            f"no notebook named NN_topic.ipynb in {project / 'notebooks'}; "
            "notebooks are looked for beside csat.toml and from the current folder upwards: "
            "`csat new 21_my_topic` makes a first one"
        )
    names = [path.stem for path in paths]
    if only is None:
        return [book for book in map(read, paths) if not book.lesson]
    glob = only.removesuffix(".ipynb")
    chosen = [path for path in paths if fnmatchcase(path.stem, glob)]
    if not chosen:
        raise ValueError(f"--only {only!r} matches no notebook{_nearest(glob, names)}; there are {names}")
    return [book for book in map(read, chosen) if not book.lesson or book.name == glob]


def read(path: Path) -> Notebook:
    """Read what the plan needs of a notebook; a broken one comes back with `error` set."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        cells = raw["cells"]
        meta = raw["metadata"].get("csatlib", {})
        sources = [[c["cell_type"], _text(c["source"]), c["metadata"].get("tags", [])] for c in cells]
    except (ValueError, KeyError, TypeError) as error:
        return Notebook(path, title=path.stem, error=f"not a notebook (nbformat 4): {error!r}")
    digest = _hash(json.dumps([sources, meta], sort_keys=True, ensure_ascii=False))
    title = next((t for kind, s, _ in sources if kind == "markdown" for t in _h1(look_up(s))), path.stem)
    cell = next((s for kind, s, tags in sources if kind == "code" and "parameters" in tags), "")
    try:
        found = read_parameters(cell)
    except (ValueError, SyntaxError) as error:
        return Notebook(path, title=title, digest=digest, error=f"parameters cell: {error}")
    tables = {name: tuple(meta.get(name, [])) for name in ("tables", "optional")}
    about = {"lesson": bool(meta.get("lesson")), "length": sum(len(s) for kind, s, _ in sources if kind == "code")}
    return Notebook(path, title, **tables, parameters={p.name: p for p in found}, digest=digest, **about)


def read_parameters(source: str) -> list[Parameter]:
    """Read a parameters cell: one ``name = literal  # comment`` a line.

    Parameters
    ----------
    source : str
        The cell's source.

    Returns
    -------
    list of Parameter
        In the order of the cell.

    Raises
    ------
    ValueError
        A line is something else than a literal given to a name.

    Examples
    --------
    >>> read_parameters('by = "region"  # segment')
    [Parameter(name='by', default='region', comment='segment')]
    """
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    found, wrong = [], []
    for node in ast.parse(source).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        try:
            if len(targets) != 1 or not isinstance(targets[0], ast.Name):
                raise ValueError
            value = ast.literal_eval(node.value)
            found.append(Parameter(targets[0].id, value, comments.get(node.end_lineno, "")))
        except (ValueError, AttributeError):
            wrong.append(f"line {node.lineno} ({ast.unparse(node).splitlines()[0][:60]})")
    if wrong:
        raise ValueError(f"only `name = literal` is allowed; found {'; '.join(wrong)}")
    return found


def check(notebooks: list[Notebook], settings: dict, place: str = "--set") -> None:
    """Check names and types given for parameters against every parameters cell.

    Parameters
    ----------
    notebooks : list of Notebook
        The notebooks to be run.
    settings : dict
        Name -> value; a text is read as a literal of the parameter's type.
    place : str
        Where they were given, for the messages.

    Raises
    ------
    ValueError
        Listing every unknown name, reserved name and wrong type.
    """
    known = sorted({name for book in notebooks for name in book.parameters} - set(RESERVED))
    problems = []
    for name, value in settings.items():
        if name in RESERVED:
            problems.append(f"{place} {name}=...: give it with {RESERVED[name]}")
        elif name not in known:
            problems.append(f"{place} {name}=...: no notebook has this parameter{_nearest(name, known)}; {known}")
        for book in notebooks if name in known else ():
            if name in book.parameters:
                try:
                    convert(book.parameters[name], value)
                except ValueError as error:
                    problems.append(f"{place} {name}={value}: {error} (in {book.name})")
    if problems:
        raise ValueError("\n".join(problems))


def convert(parameter: Parameter, value: object) -> object:
    """Turn a text of the command line into a value of the parameter's type.

    Parameters
    ----------
    parameter : Parameter
        Its default decides the type; an integer is accepted for a float, anything for None.
    value : object
        A text is read as a Python literal unless the parameter is a text itself.

    Returns
    -------
    object
        The value to give to the notebook.

    Raises
    ------
    ValueError
        The value has another type.

    Examples
    --------
    >>> convert(Parameter("top", 5), "12")
    12
    """
    kind, read_as = type(parameter.default), value
    if isinstance(value, str) and not (kind is str and value[:1] not in "'\""):
        try:
            text = {"true": "True", "false": "False", "none": "None"}.get(value.lower(), value)
            read_as = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            read_as = value
    if kind is float and type(read_as) is int:
        return float(read_as)
    if parameter.default is None or type(read_as) is kind:
        return read_as
    raise ValueError(
        f"{parameter.name} must be {parameter.type} like {parameter.default!r}, "
        f"got {type(read_as).__name__} {read_as!r}"
    )


def jobs(notebooks, *, config, snapshot, periods, each=None, settings=None, given=None) -> list[Job]:
    """List the jobs: notebooks x periods x segments, those which cannot run with the reason.

    Parameters
    ----------
    notebooks : list of Notebook
        From `find`.
    config : Path
        The csat.toml of the run.
    snapshot : Path
        Folder with one Parquet file per table the company has.
    periods : list of str
        For example ``["2026-09", "2026-10"]``.
    each : str, optional
        A column: one set of jobs per value found in the period, and one in total.
    settings : dict, optional
        Parameter name -> value, applied to the notebooks which have the parameter.
    given : callable, optional
        Notebook, period and segment -> parameters the run itself gives; `settings` go before them.

    Returns
    -------
    list of Job
        By period, segment (the total first), notebook.
    """
    settings = settings or {}
    have = {path.stem for path in snapshot.glob("*.parquet")}
    base = [sources_digest(), _hash(_lock(config)), _hash(config.read_text(encoding="utf-8")), snapshot.name]
    base += [language(), digest(language())]
    out = []
    for period in periods:
        values = segment_values(config, period, each) if each else []
        for segment in [None, *((each, value) for value in values)]:
            for book in notebooks:
                changes = _changes(book, config, period, segment, settings)
                changes = (given(book, period, segment) if given else {}) | changes
                skip, told = _skip(book, have, segment)
                key = _hash(json.dumps([book.name, book.digest, changes, base, sys.version], default=str))
                out.append(Job(book, period, segment, changes, key, skip, told))
    return out


def segment_values(config: Path, period: str, column: str) -> list:
    """Values of a segment column within a period, from `responses` or else the first table with it."""
    ws = workspace.open(config, period=period)
    names = sorted(path.stem for path in ws.snapshot.glob("*.parquet"))
    names.sort(key=lambda name: name != "responses")
    seen = set()
    for name in names:
        table = ws.table(name)
        if column in table.columns:
            return ws.values(name, column)
        seen |= set(table.columns)
    raise ValueError(f"--each {column!r}: no table has this column{_nearest(column, sorted(seen))}")


def segment_folder(segment: tuple[str, object] | None) -> str:
    """Folder name of a segment; "all" for the total.

    Examples
    --------
    >>> segment_folder(("region", "North")), segment_folder(None)
    ('region-North', 'all')
    """
    if segment is None:
        return "all"
    plain = f"{segment[0]}-{segment[1]}"
    safe = re.sub(r"[^\w-]+", "-", plain)
    return safe if safe == plain else f"{safe}-{_hash(plain)[:4]}"


@cache
def sources_digest() -> str:
    """Hash of every source and template of csatlib: a changed library makes every page stale."""
    package = Path(__file__).parents[1]
    aside = {"__pycache__", "locale"}  # a catalogue counts for the pages of its language only
    files = sorted(p for p in package.rglob("*") if p.is_file() and not aside & {*p.parts})
    total = hashlib.sha256()
    for path in files:
        total.update(f"{path.relative_to(package).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return total.hexdigest()


def _changes(book: Notebook, config: Path, period: str, segment, settings: dict) -> dict:
    given = {k: convert(book.parameters[k], v) for k, v in settings.items() if k in book.parameters}
    if "period" in book.parameters:
        given["period"] = period
    within = config.parent in book.path.parents
    place = config.name if within else Path(os.path.relpath(config, book.path.parent)).as_posix()
    if "config" in book.parameters and book.parameters["config"].default != place:
        given["config"] = place
    if segment is not None and "where" in book.parameters:
        given["where"] = {**given.get("where", book.parameters["where"].default), segment[0]: segment[1]}
    return given


def _skip(book: Notebook, have: set[str], segment) -> tuple[str, str] | tuple[None, None]:
    """Why a job is not run, for the terminal and for a reader."""
    lacking = [f"`{table}`" for table in book.tables if table not in have]
    if lacking:
        text, tables = ONE_TABLE if len(lacking) == 1 else TABLES, ", ".join(lacking)
        return text.format(tables=tables), say(text, tables=tables)
    if segment is not None and "where" not in book.parameters and not book.error:
        return NO_WHERE, say(NO_WHERE)
    return None, None


def _lock(config: Path) -> str:
    lock = config.parent / "requirements.lock"
    return lock.read_text(encoding="utf-8") if lock.exists() else ""


def _text(source) -> str:
    return source if isinstance(source, str) else "".join(source)


def _h1(source: str) -> list[str]:
    return re.findall(r"^#\s+(.+?)\s*#*\s*$", source, flags=re.MULTILINE)


def _nearest(name: str, known) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
