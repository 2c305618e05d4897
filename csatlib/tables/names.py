"""What readers call things: texts of csat.toml given once, or once per language."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

from csatlib.tables.raw import entries, section
from csatlib.tables.schema import TABLES
from csatlib.words import LANGUAGES

VARIABLE = "CSAT_LANGUAGE"
# every place of the file that may hold one text per language; * stands for any key or position
PLACES = (
    ("company", "name"),
    ("scales", "*", "items", "*", "label"),
    ("scales", "*", "dimensions", "*"),
    ("items", "*", "wording", "*"),
    ("columns", "*", "label"),
    ("columns", "*", "values", "*"),
    *(("indicators", "*", key) for key in ("label", "definition", "owner")),
)
MAY_LACK = ("columns", "*", "values", "*")  # here a language without a text keeps the data's own value


def spoken(raw: Mapping[str, Any], language: str | None = None) -> str:
    """Return the language of the report: asked for, else ``$CSAT_LANGUAGE``, else that of the settings.

    Parameters
    ----------
    raw : mapping
        The settings file as read.
    language : str, optional
        What was asked for.

    Returns
    -------
    str
        One of :data:`csatlib.words.LANGUAGES`.

    Raises
    ------
    ValueError
        An unknown language was asked for.

    Examples
    --------
    >>> spoken({"company": {"language": "zh"}}, "en")
    'en'
    """
    asked = language or os.environ.get(VARIABLE) or None
    if asked is not None and asked not in LANGUAGES:
        raise ValueError(f"language {asked!r} is not known; allowed: {', '.join(LANGUAGES)}")
    own = section(raw, "company").get("language")
    return asked or (own if own in LANGUAGES else "en")


def resolve(raw: Mapping[str, Any], language: str) -> tuple[dict[str, Any], list[str]]:
    """Put the text of one language in the place of every table of texts per language.

    Parameters
    ----------
    raw : mapping
        The settings file as read; stays as it is.
    language : str
        Language of the report.

    Returns
    -------
    tuple
        The file with plain texts, and what is wrong: a text per language that lacks a language the report is
        published in, a key that is no language. A plain text serves every language.

    Examples
    --------
    >>> resolve({"company": {"name": {"en": "Larkfield", "zh": "拉克菲尔德"}}}, "zh")[0]
    {'company': {'name': '拉克菲尔德'}}
    """
    also = [other for other in entries(section(raw, "report"), "also_in") if other in LANGUAGES]
    own = section(raw, "company").get("language", "en")
    needed = dict.fromkeys([*([own] if own in LANGUAGES else []), language, *also])
    problems: list[str] = []
    return _walk(raw, (), language, list(needed), problems), problems


def called(columns: Mapping[str, Any], column: str, value: Any = None) -> str:
    """Return what a reader calls a column, or a value of it.

    Parameters
    ----------
    columns : mapping
        ``settings.columns``.
    column : str
        Its name in the data.
    value : optional
        As it is stored.

    Returns
    -------
    str
        Without a name in the settings: the column with spaces for underscores, the value as it is.

    Examples
    --------
    >>> called({}, "age_band"), called({}, "region", "North")
    ('age band', 'North')
    """
    known = columns.get(column)
    if value is not None:
        return known.values.get(str(value), str(value)) if known else str(value)
    return (known and known.label) or column.replace("_", " ")


def problems_of(raw: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the languages and with what readers call columns.

    Parameters
    ----------
    raw : mapping
        The settings file with plain texts.

    Yields
    ------
    str
        Key, what was found, what to do.

    Examples
    --------
    >>> list(problems_of({"company": {"language": "en"}, "report": {"also_in": ["en"]}}))
    ["report.also_in: 'en' is company.language, in which the report comes out anyway; remove it"]
    """
    also, main = entries(section(raw, "report"), "also_in"), section(raw, "company").get("language", "en")
    if main in also:
        yield f"report.also_in: {main!r} is company.language, in which the report comes out anyway; remove it"
    for twice in sorted({str(name) for name in also if also.count(name) > 1}):
        yield f"report.also_in: {twice!r} is named more than once; name it once"
    fixed = {c.name for table in TABLES.values() for c in table.columns if c.kind not in ("text", "key")}
    for column, entry in section(raw, "columns").items():
        values = section(entry if isinstance(entry, dict) else {}, "values")
        if values and column in fixed:
            yield (
                f"columns.{column}.values: the notebooks themselves read the values of this column, so they keep "
                "their names; remove it"
            )
        said = [text for text in values.values() if isinstance(text, str)]
        for text in sorted({text for text in said if said.count(text) > 1}):
            alike = ", ".join(repr(value) for value, name in values.items() if name == text)
            yield f"columns.{column}.values: {alike} would all be called {text!r}; give each a name of its own"


def _walk(node: Any, at: tuple[str, ...], language: str, needed: list[str], problems: list[str]) -> Any:
    if isinstance(node, Mapping) and any(_fits(at, place) for place in PLACES):
        return _text(node, at, language, needed, problems)
    if isinstance(node, Mapping):
        return {key: _walk(value, (*at, str(key)), language, needed, problems) for key, value in node.items()}
    if isinstance(node, list) and any(_fits(at, place[: len(at)]) for place in PLACES):
        return [_walk(value, (*at, str(k)), language, needed, problems) for k, value in enumerate(node)]
    return node


def _text(node: Mapping, at: tuple[str, ...], language: str, needed: list[str], problems: list[str]) -> str:
    key, fitting = ".".join(at), [text for text in node.values() if isinstance(text, str) and text]
    unknown = [name for name in node if name not in LANGUAGES]
    problems += [f"{key}: {name!r} is not a language; allowed: {', '.join(LANGUAGES)}" for name in unknown]
    wrong = [name for name in node if name in LANGUAGES and not (isinstance(node[name], str) and node[name])]
    problems += [f"{key}.{name}: found {node[name]!r}, allowed: a text" for name in wrong]
    for name in needed:
        if name not in node and not unknown and not _fits(at, MAY_LACK):
            problems.append(
                f'{key}: the report comes out in {name!r}, which is missing here; add {name} = "...", or write '
                "one text without a table for all languages"
            )
    here = node.get(language)
    if isinstance(here, str) and here:
        return here
    return at[-1] if _fits(at, MAY_LACK) or not fitting else fitting[0]


def _fits(at: tuple[str, ...], place: tuple[str, ...]) -> bool:
    return len(at) == len(place) and all(want in ("*", got) for got, want in zip(at, place, strict=True))
