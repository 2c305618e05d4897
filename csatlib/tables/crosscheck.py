"""What is wrong between the sections of csat.toml, whatever is wrong within them."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from csatlib.tables.allowed import aggregate_problems
from csatlib.tables.raw import entries, number, section
from csatlib.tables.schema import TABLES, did_you_mean


def cross_problems(raw: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong between sections; shapes that are themselves wrong are left to the settings' own check.

    Parameters
    ----------
    raw : mapping
        The file as TOML gives it.

    Yields
    ------
    str
        One problem: the key, what was found, what is allowed, the nearest name.

    Examples
    --------
    >>> list(cross_problems({"items": {"q99": {}}, "scales": {"care": {"items": [{"item": "q1"}]}}}))
    ["items.q99: no scale has an item 'q99'"]
    """
    scales = {name: s for name, s in section(raw, "scales").items() if isinstance(s, dict)}
    asked = [i for s in scales.values() for i in entries(s, "items") if isinstance(i, dict)]
    items = [i["item"] for i in asked if isinstance(i.get("item"), str)]
    for name in section(raw, "items"):
        if name not in items:
            yield f"items.{name}: no scale has an item {name!r}{did_you_mean(name, items)}"
    for table, entry in section(raw, "tables").items():
        if table not in TABLES or not isinstance(entry, dict):
            continue
        known = [column.name for column in TABLES[table].columns]
        other, own = ("file", "table") if "url" in section(raw, "source") else ("table", "file")
        if other in entry and ("url" in section(raw, "source")) != ("path" in section(raw, "source")):
            yield f"tables.{table}.{other}: not for this kind of source; write {own} instead"
        yield from aggregate_problems(table, entry, "url" in section(raw, "source"))
        for name in section(entry, "columns"):
            near = did_you_mean(name, known)
            if name not in known and near and _close(name, known):
                yield f"tables.{table}.columns.{name}: not a canonical column{near}"
        codes = entry.get("not_applicable")
        for code in codes if isinstance(codes, list) else ():
            for scale, s in scales.items():
                inside = isinstance(code, int | float) and number(s, "low") <= code <= number(s, "high")
                if inside and table == "responses":
                    yield (
                        f"tables.{table}.not_applicable: code {code} lies within the range of "
                        f"scales.{scale} ({s['low']} to {s['high']}), so real answers would be lost"
                    )


def _close(name: str, known: list[str]) -> bool:
    return bool(difflib.get_close_matches(name, known, n=1, cutoff=0.9))
