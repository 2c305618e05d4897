"""Which scores a company follows, as its settings say, and the answers each of them rests on."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from csatlib.scores.definition_sentences import called
from csatlib.scores.measured import range_of
from csatlib.stats.rows import require_columns
from csatlib.tables import names
from csatlib.tables.indicators import Indicator
from csatlib.tables.scale import Scale

SCORES = ("nps", "top_box", "mean")


def followed(
    indicators: Mapping[str, Indicator],
    *,
    scales: Mapping[str, Scale],
    columns: Mapping[str, Any] | None = None,
    available: object = None,
) -> dict[str, dict[str, Any]]:
    """List the scores of answers among the indicators, as :func:`csatlib.scores.headlines` takes them.

    Parameters
    ----------
    indicators : mapping of name to Indicator
        ``settings.indicators``.
    scales : mapping of name to Scale
        Tell the ends of a scale that an indicator leaves open.
    columns : mapping, optional
        ``settings.columns``: what readers call the values that `where` names as they are stored.
    available : container of str, optional
        Columns of the answers; a score that needs another one is left out. Default: all are there.

    Returns
    -------
    dict
        What a reader calls each score, in the order of the settings -> ``score``, ``outcome``, ``where``, and
        ``low``, ``high``, ``top``, ``target`` as far as known.

    Raises
    ------
    ValueError
        No indicator is a score of the answers.

    Examples
    --------
    >>> from csatlib.tables.indicators import SHIPPED
    >>> followed(SHIPPED, scales={}, available=["nps"])
    {'Net Promoter Score': {'score': 'nps', 'outcome': 'nps', 'where': {}}}
    """
    found = {}
    for name, indicator in indicators.items():
        if indicator.table != "responses" or indicator.formula not in SCORES:
            continue
        ends = None if indicator.formula == "nps" else range_of(indicator, scales)
        needed = {indicator.value, *indicator.where}
        lacking = available is not None and not needed <= set(available)
        if lacking or (indicator.formula != "nps" and ends is None):
            continue
        asked = {"score": indicator.formula, "outcome": indicator.value}
        asked["where"] = {c: _as_read(columns or {}, c, value) for c, value in indicator.where.items()}
        asked |= dict(zip(("low", "high"), ends, strict=True)) if ends else {}
        given = {"top": indicator.top, "target": indicator.target}
        found[called(name, indicator)] = asked | {key: value for key, value in given.items() if value is not None}
    if not found:
        raise ValueError(
            "no indicator of the settings is a score of the answers: give one with table = 'responses' and "
            "formula 'nps', 'top_box' or 'mean', its column among the answers and the ends of its scale"
        )
    return found


def kept(data: pd.DataFrame, where: Mapping[str, Any]) -> pd.DataFrame:
    """Keep the rows of a frame whose columns hold the values wanted.

    Parameters
    ----------
    data : DataFrame
        One row per answer.
    where : mapping of column to value or list of values
        All must hold.

    Returns
    -------
    DataFrame
        The rows that count; `data` itself where nothing is asked.

    Raises
    ------
    KeyError
        Columns that are not there.

    Examples
    --------
    >>> kept(pd.DataFrame({"survey": ["a", "b"], "nps": [9, 3]}), {"survey": "b"})["nps"].tolist()
    [3]
    """
    require_columns(data.columns, list(where))
    for column, value in where.items():
        data = data[data[column].isin(value if isinstance(value, list) else [value])]
    return data


def rewordings(data: pd.DataFrame, wording: Mapping[str, Mapping[str, str]], *, time: str = "period") -> dict:
    """Find the periods from which questions were asked in other words.

    Parameters
    ----------
    data : DataFrame
        One row per answer with ``wave``; without that column nothing is found.
    wording : mapping of item to mapping of wave to text
        ``settings.wording``: each from its wave on.
    time : str
        Column with the label of the period.

    Returns
    -------
    dict
        First period with the new wording -> items, in the order of time; not the period the data begins with.

    Examples
    --------
    >>> answers = pd.DataFrame({"wave": ["A", "B", "B"], "period": ["2026-03", "2026-04", "2026-05"]})
    >>> rewordings(answers, {"q07": {"A": "Right.", "B": "Right the first time."}})
    {'2026-04': ['q07']}
    """
    if "wave" not in data:
        return {}
    begun = data.groupby("wave")[time].min()
    changed: dict[str, list[str]] = {}
    for item, texts in wording.items():
        for wave in list(texts)[1:]:
            if wave in begun.index and begun[wave] > data[time].min():
                changed.setdefault(str(begun[wave]), []).append(item)
    return dict(sorted(changed.items()))


def _as_read(columns: Mapping[str, Any], column: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_as_read(columns, column, one) for one in value]
    return names.called(columns, column, value) if isinstance(value, str) else value
