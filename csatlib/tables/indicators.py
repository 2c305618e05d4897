"""The indicators a company follows: ten that are shipped, changed or added to by [indicators] in csat.toml."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from csatlib.tables.allowed import Name, TableName
from csatlib.tables.raw import section
from csatlib.tables.schema import TABLES, did_you_mean

Formula = Literal[
    "nps", "top_box", "mean", "share", "ratio", "median", "on_time", "first_contact", "other_channel",
    "repeat_purchase",
]  # fmt: skip
Value = str | int | float | bool
# what each formula needs, as alternatives; and the columns it reads by their canonical names
NEEDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "nps": (("value",),),
    "top_box": (("value",),),
    "mean": (("value",),),
    "share": (("condition",), ("value",)),
    "ratio": (("numerator", "denominator"), ("value",)),
    "median": (("start", "end"), ("value",)),
    "on_time": (("due", "end"),),
    "first_contact": (("days",),),
    "other_channel": (("days",),),
    "repeat_purchase": (("days",),),
}
TAKES = {"top_box": ("low", "high", "top"), "mean": ("low", "high", "unit"), "median": ("unit",)}
TAKES |= {"on_time": ("unfinished",)}
READS: dict[str, tuple[str, ...]] = {
    "first_contact": ("case_id", "resolved"),
    "other_channel": ("customer_id", "channel"),
    "repeat_purchase": ("customer_id", "amount"),
}
COLUMN_KEYS = ("value", "numerator", "denominator", "start", "end", "due")
GENERAL = ("table", "formula", "where", "better", "owner", "target", "label", "definition", "enabled")


class Indicator(BaseModel):
    """One figure: from which rows, by which formula, which way is good, whose it is, what is aimed at.

    Attributes
    ----------
    table : str
        Canonical table.
    formula : str
        ``nps``, ``top_box``, ``mean`` of `value`; ``share`` of rows that meet `condition`, or whose `value` is
        true; ``ratio``: sum of `numerator` / sum of `denominator`, else mean of `value`; ``median`` of the time
        from `start` to `end`, open cases censored, or of `value`; ``on_time``: `end` not after `due`;
        ``first_contact``: cases settled at the first contact without another within `days`; ``other_channel``:
        contacts followed within `days` by one of the same customer on another channel; ``repeat_purchase``:
        customers who buy again on a later day within `days`.
    low, high, top : float, optional
        Ends of the scale, lowest answer that counts; default: the scale that asks `value`, its two highest.
    unit : {"seconds", "minutes", "hours", "days"}, optional
        Of a time; a median between two times is in hours unless told otherwise.
    unfinished : {"late", "left_out"}
        What is overdue and not done: late, or not counted at all.
    where : mapping
        Rows that count: column -> value or list of values, as stored.
    better, owner, target, label, definition, enabled
        Which way is good; who answers for it; aimed at, a share as 0 to 1; what readers call it; a remark for the
        definitions page; whether it is followed.

    Examples
    --------
    >>> Indicator(table="complaints", formula="median", start="opened_at", end="resolved_at", better="lower").unit
    'hours'
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    table: TableName
    formula: Formula
    value: Name | None = None
    low: float | None = None
    high: float | None = None
    top: float | None = None
    condition: dict[Name, Value | list[Value]] = {}
    numerator: Name | None = None
    denominator: Name | None = None
    start: Name | None = None
    end: Name | None = None
    due: Name | None = None
    days: float | None = Field(default=None, gt=0)
    unit: Literal["seconds", "minutes", "hours", "days"] | None = None
    unfinished: Literal["late", "left_out"] = "late"
    where: dict[Name, Value | list[Value]] = {}
    better: Literal["higher", "lower"] = "higher"
    owner: str = ""
    target: float | None = None
    label: Name | None = None
    definition: Name | None = None
    enabled: bool = True

    @model_validator(mode="before")
    @classmethod
    def _hours(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("formula") == "median" and "start" in given:
            return {"unit": "hours"} | given
        return given

    @model_validator(mode="after")
    def _complete(self) -> "Indicator":
        needs, found = NEEDS[self.formula], self.model_fields_set
        problems = []
        if not any(set(keys) <= found for keys in needs):
            told = " or ".join(" and ".join(keys) for keys in needs)
            problems.append(f"formula {self.formula!r} needs {told}")
        takes = [*GENERAL, *(key for keys in needs for key in keys), *TAKES.get(self.formula, ())]
        other = [key for key in type(self).model_fields if key in found and key not in takes]
        problems += [f"formula {self.formula!r} does not take {key}{did_you_mean(key, takes)}" for key in other]
        if self.low is not None and self.high is not None:
            top = self.high if self.top is None else self.top
            if not self.low < top <= self.high:
                problems.append(
                    f"found low={self.low:g}, top={top:g}, high={self.high:g}; allowed low < top <= high"
                )
        known = {column.name for column in TABLES[self.table].columns}
        if not set(READS.get(self.formula, ())) <= known or (self.formula in READS and self.time != "occurred_at"):
            fitting = "transactions" if self.formula == "repeat_purchase" else "contacts"
            problems.append(f"formula {self.formula!r} reads {fitting}, not {self.table}")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def time(self) -> str | None:
        """Column of its table that decides the period."""
        return TABLES[self.table].time

    @property
    def key(self) -> tuple[str, ...]:
        """Columns that identify a row of its table."""
        return TABLES[self.table].key

    @property
    def columns(self) -> list[str]:
        """Columns it cannot do without; a ratio reads what there is of its alternatives."""
        used = [getattr(self, key) for key in COLUMN_KEYS if getattr(self, key)]
        used = [] if self.formula == "ratio" else used
        return list(dict.fromkeys([*used, *READS.get(self.formula, ()), *self.condition, *self.where]))


_SHIPPED: dict[str, dict[str, Any]] = {
    "nps": {"table": "responses", "formula": "nps", "value": "nps"},
    "csat": {"table": "responses", "formula": "top_box", "value": "overall"},
    "ces": {"table": "responses", "formula": "top_box", "value": "ces", "low": 1.0, "high": 7.0, "top": 5.0},
    "first_contact_resolution": {"table": "contacts", "formula": "first_contact", "days": 7.0},
    "response_time": {
        "table": "complaints", "formula": "median", "start": "opened_at", "end": "first_response_at",
        "unit": "hours", "better": "lower",
    },
    "resolution_time": {
        "table": "complaints", "formula": "median", "start": "opened_at", "end": "resolved_at", "unit": "days",
        "better": "lower",
    },
    "availability": {
        "table": "operations", "formula": "ratio", "numerator": "numerator", "denominator": "denominator",
        "value": "value", "where": {"metric": "availability"},
    },
    "on_time": {"table": "promises", "formula": "on_time", "due": "due_at", "end": "done_at"},
    "repurchase": {"table": "transactions", "formula": "repeat_purchase", "days": 90.0},
    "other_channel": {"table": "contacts", "formula": "other_channel", "days": 7.0, "better": "lower"},
}  # fmt: skip
SHIPPED = {name: Indicator(**entry) for name, entry in _SHIPPED.items()}


def with_shipped(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings with the shipped indicators under what the file says of them.

    Parameters
    ----------
    raw : mapping
        The settings file with plain texts; stays as it is.

    Returns
    -------
    dict
        An indicator that names another formula than the shipped one of its name stands for itself.

    Examples
    --------
    >>> with_shipped({"indicators": {"nps": {"target": 30}}})["indicators"]["nps"]["value"]
    'nps'
    """
    given = raw.get("indicators", {})
    if not isinstance(given, dict):
        return dict(raw)
    merged = dict(_SHIPPED)
    for name, entry in given.items():
        shipped = _SHIPPED.get(name, {}) if isinstance(entry, dict) else {}
        same = shipped and entry.get("formula", shipped["formula"]) == shipped["formula"]
        merged[name] = shipped | entry if same else entry
    return {**raw, "indicators": merged}


def indicator_problems(raw: Mapping[str, Any]) -> Iterator[str]:
    """Yield names of indicators and columns that are probably misspelt.

    Parameters
    ----------
    raw : mapping
        The settings file.

    Yields
    ------
    str
        Key, what was found, the nearest name.

    Examples
    --------
    >>> list(indicator_problems({"indicators": {"npss": {"target": 30}}}))
    ["indicators.npss: names no table and no formula, and none of this name is shipped (did you mean 'nps'?)"]
    """
    for name, entry in section(raw, "indicators").items():
        if not isinstance(entry, dict):
            continue
        if name not in _SHIPPED and not {"table", "formula"} & set(entry):
            near = did_you_mean(name, _SHIPPED)
            yield f"indicators.{name}: names no table and no formula, and none of this name is shipped{near}"
        table = entry.get("table", _SHIPPED.get(name, {}).get("table"))
        if not isinstance(table, str) or table not in TABLES:
            continue
        known = [column.name for column in TABLES[table].columns]
        read = {key: [entry[key]] for key in COLUMN_KEYS if isinstance(entry.get(key), str)}
        read |= {key: list(section(entry, key)) for key in ("where", "condition")}
        for key, column in ((key, column) for key, columns in read.items() for column in columns):
            if column not in known and difflib.get_close_matches(column, known, n=1, cutoff=0.9):
                near = did_you_mean(column, known)
                yield f"indicators.{name}.{key}: found {column!r}, not a column of {table}{near}"
