"""csat.toml: the company's settings, checked as a whole before anything is read."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError, model_validator

from csatlib.tables import names
from csatlib.tables.allowed import (
    CanonicalName,
    Codes,
    Currency,
    Encoding,
    FileName,
    Labels,
    Name,
    Sheet,
    TableName,
)
from csatlib.tables.crosscheck import cross_problems
from csatlib.tables.indicators import SHIPPED, Indicator, indicator_problems, with_shipped
from csatlib.tables.reading.address import without_secrets
from csatlib.tables.scale import Item, Scale
from csatlib.tables.schema import TABLES, did_you_mean
from csatlib.words import LANGUAGES

Language = Literal[tuple(LANGUAGES)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Company(_Section):
    """Who the reports are about."""

    name: Name
    business: Literal["subscription", "retail"] = "subscription"
    currency: Currency = "EUR"
    language: Language = "en"


class Source(_Section):
    """Where the tables are: a folder, relative to csat.toml, or a database.

    The address is what `ibis.connect` takes; ``${NAME}`` in it stands for an environment variable.

    Examples
    --------
    >>> Source(url="postgres://ann:${CRM_PASSWORD}@db.example/crm", schema="public").label
    'postgres://db.example/crm'
    """

    path: Name | None = None
    url: Annotated[Name | None, Field(repr=False)] = None
    db_schema: Annotated[Name | None, Field(alias="schema")] = None
    max_rows: Annotated[int | None, Field(ge=1)] = None

    @property
    def label(self) -> str:
        """Folder, or address without user, password and options."""
        return self.path if self.url is None else without_secrets(self.url)

    @model_validator(mode="after")
    def _one_place(self) -> "Source":
        if (self.path is None) == (self.url is None):
            found = "both" if self.url is not None else "neither"
            raise ValueError(
                f"found {found} of path and url; write exactly one: path for a folder of files, url for a database"
            )
        if self.url is not None and "://" not in self.url and not self.url.startswith("${"):
            raise ValueError("url needs a scheme such as duckdb:// or postgres://; a folder of files goes in path")
        for key, given in (("schema", self.db_schema), ("max_rows", self.max_rows)):
            if given is not None and self.url is None:
                raise ValueError(f"{key} is for a database; remove it, or give url instead of path")
        return self


class Report(_Section):
    """What a page shows and where it goes."""

    min_base: Annotated[int, Field(ge=1)] = 10
    min_comments: Annotated[int, Field(ge=1)] = 8
    min_rank: Annotated[int, Field(ge=1)] = 30
    output: Name = "reports"
    also_in: Annotated[tuple[Language, ...], Strict(False)] = ()


class TableSettings(_Section):
    """How one source file becomes a canonical table."""

    file: FileName | None = None
    table: Name | None = None
    columns: dict[CanonicalName, Name] = {}
    kinds: dict[CanonicalName, Literal["text", "number", "time", "date", "boolean"]] = {}
    missing: Codes = ("",)
    not_applicable: Codes = ()
    time_format: Name | None = None
    encoding: Encoding | None = None
    delimiter: Literal[",", ";", "\t", "|"] | None = None
    decimal: Literal[".", ","] | None = None
    sheet: Sheet = None
    layout: Literal["plain", "qualtrics", "surveymonkey", "form"] | None = None
    keep: Annotated[tuple[Literal["preview", "test", "spam", "unfinished"], ...], Strict(False)] = ()
    constant: dict[CanonicalName, Name] = {}
    numbered: CanonicalName | None = None
    product: dict[CanonicalName, Annotated[tuple[Name, Name], Strict(False)]] = {}
    aggregate: Literal["day", "month"] | None = None
    aggregate_by: Annotated[tuple[CanonicalName, ...], Strict(False)] = ()


class _Item(_Section):
    item: Name
    dimension: Name | None = None
    expectation: Name | None = None
    perception: Name | None = None
    importance: Name | None = None
    desired: Name | None = None
    adequate: Name | None = None
    reversed: bool = False
    label: Name | None = None


class _Scale(_Section):
    low: float
    high: float
    importance: dict[str, Name] = {}
    dimensions: dict[str, Name] = {}
    labels: Labels = {}
    items: Annotated[tuple[_Item, ...], Strict(False)]

    def build(self, name: str) -> Scale:
        items = [Item(**item.model_dump()) for item in self.items]
        return Scale(items, self.low, self.high, self.importance, self.dimensions, self.labels, name)

    @model_validator(mode="after")
    def _consistent(self) -> "_Scale":
        try:
            self.build("")
        except ValueError as error:
            raise ValueError(str(error).removeprefix("Scale '': ")) from None
        outside = sorted({number for number in self.labels.values() if not self.low <= number <= self.high})
        if outside:
            listed = ", ".join(f"{number:g}" for number in outside)
            raise ValueError(
                f"labels stand for {listed}, outside {self.low:g} to {self.high:g}; correct low and high, or "
                "take the labels of another scale"
            )
        return self


class _Wording(_Section):
    wording: Annotated[dict[str, Name], Field(min_length=1)]


class _Column(_Section):
    label: Name | None = None
    values: dict[str, Name] = {}


class _File(_Section):
    company: Company
    source: Source
    report: Report = Report()
    tables: dict[TableName, TableSettings] = {}
    scales: dict[str, _Scale] = {}
    items: dict[str, _Wording] = {}
    columns: dict[str, _Column] = {}
    indicators: dict[str, Indicator] = {}
    parameters: dict[str, Any] = {}


@dataclass(frozen=True)
class Settings:
    """Validated settings.

    Parameters
    ----------
    file : Path
        The csat.toml they come from; its paths are relative to the folder of this file.
    company, source, report
        Sections of the file.
    tables : mapping of str to TableSettings
        Every canonical table, also those the file does not name.
    scales : mapping of str to Scale
        Scales by name.
    wording : mapping of str to mapping of str to str
        Item -> wave -> wording valid from that wave on.
    content : str
        The whole file as JSON: what a snapshot depends on.
    language : str
        Language of the report; names are in it.
    columns : mapping of str to a label and values
        What a reader calls a column, and single values of it.
    indicators : mapping of str to Indicator
        Those followed, by name: the shipped ones as the file changes them, then its own.
    parameters : mapping of str to value
        What the company's runs give to notebooks that have a parameter of that name.

    Examples
    --------
    >>> source, company = Source(path="data"), Company(name="Acme")
    >>> settings = Settings(Path("/srv/acme/csat.toml"), company, source, Report(), {}, {}, {})
    >>> settings.folder.name, settings.report.min_base
    ('data', 10)
    """

    file: Path
    company: Company
    source: Source
    report: Report
    tables: Mapping[str, TableSettings]
    scales: Mapping[str, Scale]
    wording: Mapping[str, Mapping[str, str]]
    content: str = field(repr=False, default="")
    language: str = "en"
    columns: Mapping[str, Any] = field(default_factory=dict)
    indicators: Mapping[str, Indicator] = field(default_factory=lambda: SHIPPED)
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Folder that holds the source files; of a database, the folder its address is relative to."""
        return (self.file.parent / (self.source.path or ".")).resolve()

    @property
    def place(self) -> str:
        """Folder or address of the source, for messages."""
        return str(self.folder) if self.source.path else self.source.label

    @property
    def output(self) -> Path:
        """Folder where reports are published."""
        return (self.file.parent / self.report.output).resolve()


def find(config: str | Path = "csat.toml") -> Path:
    """Return the settings file of that name in the current folder or the nearest of its parents.

    Parameters
    ----------
    config : str or Path
        File name or path; an absolute path is taken as it is.

    Returns
    -------
    Path
        Absolute path.

    Raises
    ------
    FileNotFoundError
        If no folder has it.

    Examples
    --------
    >>> find("no-such-file.toml")  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    FileNotFoundError: no settings file 'no-such-file.toml' in the current folder or a folder above it
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / config).is_file():
            return (folder / config).resolve()
    raise FileNotFoundError(
        f"no settings file {str(config)!r} in {here} or a folder above it; copy the csat.toml of the sample "
        "company beside your data and change it, or give its path"
    )


def load(config: str | Path = "csat.toml", language: str | None = None) -> Settings:
    r"""Read and check the settings.

    Parameters
    ----------
    config : str or Path
        File name (looked for in the current folder and its parents) or path.
    language : str, optional
        Language of the names; default: ``$CSAT_LANGUAGE``, else the company's.

    Returns
    -------
    Settings

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If anything in it is wrong: every mistake at once, with key, what was found, what is allowed and the
        nearest name.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "csat.toml")
    ...     _ = file.write_text("company = {name = 'Acme'}\nsource = {path = 'data'}", encoding="utf-8")
    ...     load(file).company.currency
    'EUR'
    """
    file = find(config)
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{file.name} is not valid TOML: {error}") from None
    language = names.spoken(raw, language)
    said, problems = names.resolve(raw, language)
    problems = [*problems, *cross_problems(said), *names.problems_of(said), *indicator_problems(said)]
    parsed = None
    try:
        parsed = _File.model_validate(with_shipped(said))
    except ValidationError as error:
        problems = [_explain(e) for e in error.errors()] + problems
    if problems:
        noun = "problem" if len(problems) == 1 else "problems"
        raise ValueError(f"{file.name} has {len(problems)} {noun}:\n- " + "\n- ".join(problems))
    return Settings(
        file=file,
        company=parsed.company,
        source=parsed.source,
        report=parsed.report,
        tables={name: parsed.tables.get(name, TableSettings()) for name in TABLES},
        scales={name: scale.build(name) for name, scale in parsed.scales.items()},
        wording={item: entry.wording for item, entry in parsed.items.items()},
        language=language,
        columns=parsed.columns,
        indicators={name: found for name, found in parsed.indicators.items() if found.enabled},
        parameters=parsed.parameters,
        content=_content(raw, parsed.source),
    )


def _content(raw: Mapping[str, Any], source: Source) -> str:
    """Return what a snapshot depends on; what notebooks are told changes no row."""
    rest = {key: value for key, value in raw.items() if key != "parameters"}
    return json.dumps({**rest, "source": _shown(source)}, default=str, ensure_ascii=False)


def _shown(source: Source) -> dict[str, str]:
    """Return the section as a snapshot depends on it: another password is no other source."""
    given = source.model_dump(by_alias=True, exclude_none=True)
    return given | {"url": source.label} if source.url is not None else given


def _explain(error: Mapping[str, Any]) -> str:
    loc, found = list(error["loc"]), error["input"]
    is_key = loc[-1:] == ["[key]"]
    if is_key:
        loc.pop()
    key = ".".join(str(part) for part in loc)
    if error["type"] == "extra_forbidden":
        allowed = list(_fields(_File, loc[:-1]))
        return f"{key}: unknown key{did_you_mean(loc[-1], allowed)}; allowed: {', '.join(allowed)}"
    if error["type"] == "missing":
        return f"{key}: required key is missing"
    if error["type"] == "literal_error":
        allowed = error["ctx"]["expected"]
        near = did_you_mean(found, [name.strip("' ") for name in allowed.replace(" or ", ",").split(",")])
        return f"{key}: found {found!r}, allowed: {allowed}{near}"
    if error["type"] == "value_error":
        reason = str(error["ctx"]["error"])
        return f"{key}: {reason}" if is_key or isinstance(found, dict) else f"{key}: found {found!r}; {reason}"
    shown = found if not isinstance(found, dict | list) else "a table" if isinstance(found, dict) else "a list"
    return f"{key}: found {shown!r}, allowed: {error['msg'].removeprefix('Input ')}"


def _fields(model: Any, loc: list) -> list[str]:
    """Return the keys allowed at a place in the file."""
    for part in loc:
        while get_origin(model) is Annotated:
            model = get_args(model)[0]
        origin = get_origin(model)
        if origin is dict:
            model = get_args(model)[1]
        elif origin is tuple:
            model = get_args(model)[0]
        else:
            model = model.model_fields[part].annotation
    return [field.alias or name for name, field in model.model_fields.items()]
