"""The record a notebook leaves: figures with interval and n that later pages and runs can read."""

import json
import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from IPython.display import display

from csatlib import disclosure
from csatlib.words import say, together

MIME = "application/vnd.csatlib.finding+json"
FIGURES = ("estimate", "ci_low", "ci_high", "n", "n_eff")
MARKS = ("target", "lcl", "ucl")
SHOWN = ("label", "decimals")
SAID = ("direction", "statement", "action", "owner")
COLUMNS = ("metric", "group", "period", "unit", *FIGURES, *SAID, *MARKS, *SHOWN)


def record(
    metric: str,
    row: Mapping[str, Any] | pd.Series,
    *,
    period: str,
    unit: str,
    statement: str,
    direction: Literal["higher_is_better", "lower_is_better"] = "higher_is_better",
    action: str = "",
    owner: str = "",
    target: float | None = None,
    limits: Sequence[float] | None = None,
    label: str = "",
    decimals: int | None = None,
) -> None:
    """Leave a figure in the executed notebook and show it as one line.

    Parameters
    ----------
    metric : str
        Stable name, for example ``"servqual.gap.responsiveness"``.
    row : mapping or Series
        One row of a result table: ``estimate``, ``ci_low``, ``ci_high``, ``n``, and ``group``, ``n_eff`` if known.
    period : str
        The period's label.
    unit : str
        Unit of the estimate, for example ``"points of 7"``.
    statement : str
        The figure in a whole sentence.
    direction : {"higher_is_better", "lower_is_better"}
        Which way is good.
    action, owner : str
        What to do, and who.
    target : float, optional
        What is aimed at, in the unit of the estimate; NaN counts as none.
    limits : sequence of two floats, optional
        Control limits, lower and upper, of this period's figure. `csat run` writes figures beyond target or limits
        to alerts.json.

    Raises
    ------
    ValueError
        Another direction; a row without estimate, interval or n.

    Notes
    -----
    Numbers keep six significant digits. A figure on fewer answers than the smallest base is recorded as hidden,
    without numbers.

    Examples
    --------
    >>> row = {"estimate": -1.16, "ci_low": -1.27, "ci_high": -1.05, "n": 194}
    >>> record("servqual.gap", row, period="2019", unit="points", statement="Short.")  # doctest: +ELLIPSIS
    {'application/vnd.csatlib.finding+json': {'metric': 'servqual.gap', 'group': 'all', ...
    """
    if direction not in ("higher_is_better", "lower_is_better"):
        raise ValueError(f"direction={direction!r}; allowed are 'higher_is_better' and 'lower_is_better'")
    row = dict(row)
    absent = [name for name in ("estimate", "ci_low", "ci_high", "n") if name not in row]
    if absent:
        raise ValueError(f"row lacks {', '.join(absent)}; give one row of a result table")
    shown = disclosure.protect(pd.DataFrame([row])).iloc[0]
    statement = say("Not shown: too few answers.") if shown["hidden"] else statement
    finding = {
        "metric": metric,
        "group": str(row.get("group", "all")),
        "period": period,
        "unit": unit,
        **{name: _six_digits(shown.get(name, math.nan)) for name in FIGURES},
        "direction": direction,
        "statement": statement,
        "action": action,
        "owner": owner,
    }
    marks = dict(zip(MARKS, (target, *(limits if limits is not None else (None, None))), strict=True))
    finding |= {name: _six_digits(value) for name, value in marks.items() if _six_digits(value) is not None}
    shown_as = {"label": label or None, "decimals": None if decimals is None else int(decimals)}
    finding |= {name: value for name, value in shown_as.items() if value is not None}
    text = together(statement, action)
    html = f'<p class="csat-finding">{escape(text)}</p>'
    display({MIME: finding, "text/html": html, "text/plain": text}, raw=True)


def read(notebook: str | Path) -> pd.DataFrame:
    """Collect the findings of an executed notebook.

    Parameters
    ----------
    notebook : str or Path
        An .ipynb file.

    Returns
    -------
    DataFrame
        One row per finding: ``metric``, ``group``, ``period``, ``unit``, ``estimate``, ``ci_low``, ``ci_high``,
        ``n``, ``n_eff`` (NaN where hidden or unknown), ``direction``, ``statement``, ``action``, ``owner``,
        ``target``, ``lcl``, ``ucl``, ``decimals`` (NaN where none was recorded), ``label`` (None where none was).

    Raises
    ------
    FileNotFoundError, ValueError
        When there is no such file, or it is no notebook.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "10_x.ipynb"
    ...     size = file.write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    ...     len(read(file))
    0
    """
    text = Path(notebook).read_text(encoding="utf-8")
    try:
        found = of(json.loads(text))  # nbformat's import takes seconds, and every kernel imports this module
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{Path(notebook).name} is no notebook: {error}") from error
    frame = pd.DataFrame(found, columns=list(COLUMNS))
    return frame.astype(dict.fromkeys((*FIGURES, *MARKS, "decimals"), float))


def of(notebook: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List the findings of an executed notebook as they were recorded.

    Parameters
    ----------
    notebook : mapping
        Its JSON, or as nbformat reads it.

    Returns
    -------
    list of dict
        In the order of the cells.

    Examples
    --------
    >>> of({"cells": [{"cell_type": "markdown", "source": "# Why?"}]})
    []
    """
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    return [dict(output["data"][MIME]) for output in outputs if MIME in output.get("data", {})]


def _six_digits(value: float) -> float | None:
    return None if value is None or pd.isna(value) else float(f"{value:.6g}")
