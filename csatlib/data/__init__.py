"""Data: what came in, what was set aside, which questions go unanswered."""

from collections.abc import Sequence
from dataclasses import replace

import ibis
import numpy as np
import pandas as pd

from csatlib import disclosure
from csatlib.stats.intervals import FEW_GROUPS, MIN_GROUPS, from_replicates, wilson
from csatlib.stats.rows import blocks, require_columns
from csatlib.stats.segments import SegmentSums, sum_by_segment
from csatlib.tables.audit import rated_columns
from csatlib.tables.workspace import Workspace

__all__ = ["SOME_ONLY", "STATES", "coverage", "most", "received", "reception", "to_everybody"]

STATES = ("skipped", "not_applicable")
KEYS = ("item", "role", "label", "dimension", "some_only")
FIGURES = ("n", "n_eff", "n_groups", "few_groups", "estimate", "ci_low", "ci_high")
PER_HUNDRED = 100
SOME_ONLY = 30  # percent without an answer from which a question was probably not put to everybody


def reception(ws: Workspace) -> pd.DataFrame:
    """Return the share of rows that were rejected, by table and in all.

    Parameters
    ----------
    ws : Workspace
        Rows read and rejected are those of the whole source.

    Returns
    -------
    DataFrame
        One row per table and one for ``all``: group, n (rows read), rejected, estimate (percent rejected), ci_low,
        ci_high (Wilson, 95 %).

    Examples
    --------
    >>> from csatlib.tables import workspace
    >>> reception(workspace.open("csat.toml"))["n"].max()  # doctest: +SKIP
    """
    counts = ws.counts[["table", "read", "rejected"]].rename(columns={"table": "group", "read": "n"})
    total = pd.DataFrame([{"group": "all", "n": counts["n"].sum(), "rejected": counts["rejected"].sum()}])
    return _shares(pd.concat([total, counts], ignore_index=True), "rejected")


def coverage(
    ws: Workspace, *, by: str | Sequence[str] = (), confidence: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """Return how often each question went unanswered: skipped, or answered with "does not apply".

    Parameters
    ----------
    ws : Workspace
        The period and selection; its weights are used, and answers of one customer belong together.
    by : str or sequence of str
        ``"wave"``, ``"survey"`` or other columns of the responses; rows without a value are a group of their own.
    confidence : float
        Coverage aimed at.
    seed : int
        Seed of the 1,000 joint replicates.

    Returns
    -------
    DataFrame
        One row per item, role, group and state: item, role, label, dimension (its reader's name), some_only (30 %
        or more of a survey and wave did not answer it: probably not put to everybody), the columns of `by`, state
        (skipped, not_applicable), n (responses of the surveys and waves that asked the item), n_eff, n_groups,
        few_groups (under 30), estimate (percent of those asked, weighted), ci_low, ci_high (under 5 groups NaN).

    Raises
    ------
    KeyError
        The responses have no column of `by`.

    Notes
    -----
    A survey and wave (of a group of `by`) asked an item where anybody answered it or ticked that it does not
    apply. Answers of weight 0 do not count. The interval is Wilson's on n_eff answers: p (1 - p) / Var of the
    replicates, in which customers count whole, and at most n; Kish's number where that variance is 0, as for 0 and
    100 percent; n itself where there are neither weights nor customers.

    References
    ----------
    Dean, N. and Pagano, M. (2015), Journal of Survey Statistics and Methodology 3(4), 484-503: Wilson's interval
    on the effective sample size.

    Examples
    --------
    >>> from csatlib.tables import workspace
    >>> coverage(workspace.open("csat.toml", period="2026-10"), by="wave")["state"].unique()  # doctest: +SKIP
    """
    by = [by] if isinstance(by, str) else list(by)
    items = rated_columns(ws)
    columns = list(items["column"].unique())
    sums = _unanswered(ws, columns, by) if columns and ws.table("responses").count().to_pyarrow().as_py() else None
    if sums is None:
        return pd.DataFrame(columns=[*KEYS, *by, "state", *FIGURES])
    often = sums.means[:, : len(columns)] >= SOME_ONLY
    some_only = dict(zip(columns, (often & (sums.counts[:, : len(columns)] > 0)).any(axis=0), strict=True))
    named = [
        ws.scales[scale].label(dimension) if isinstance(dimension, str) else ""
        for scale, dimension in zip(items["scale"], items["dimension"], strict=True)
    ]
    items = _told_apart(items).assign(dimension=pd.Series(named, index=items.index, dtype="str"))
    items["some_only"] = items["column"].map(some_only).groupby(items["item"]).transform("any")
    shares = _shares_by_group(sums, by, simple=not (ws.weight or ws.cluster), confidence=confidence, seed=seed)
    long = items.merge(shares[shares["n"] > 0], on="column")
    return long[[*KEYS, *by, "state", *FIGURES]].reset_index(drop=True)


def _told_apart(items: pd.DataFrame) -> pd.DataFrame:
    """Keep a question that two scales name once, and tell two questions of one name apart by their scale."""
    items = items.drop_duplicates(["item", "role", "column"])
    twice = items.groupby(["item", "role"])["column"].transform("size") > 1
    twice = twice.groupby(items["item"]).transform("any")
    return items.assign(item=items["item"].mask(twice, items["scale"] + "." + items["item"]))


def _unanswered(ws: Workspace, columns: list[str], by: list[str]) -> SegmentSums:
    """Sum, by survey, wave and group, who skipped each column and to whom it did not apply, in percent.

    Sums are 0 where nobody of a segment answered a column: it was not asked there.
    """
    data = ws.table("responses")
    require_columns(data.columns, by)
    cells = [f"cell: {name}" for name in ("survey", "wave", *by)]
    texts = [
        (data[name].cast("string").fill_null("") if name in data.columns else ibis.literal(""))
        for name in ("survey", "wave", *by)
    ]
    marks = {f"{c}: na": data[f"{c}_na"] if f"{c}_na" in data.columns else ibis.literal(False) for c in columns}
    data = data.mutate(**dict(zip(cells, texts, strict=True)), **marks)
    rows = blocks(data, [*columns, *marks], weight=ws.weight, cluster=ws.cluster, key="response_id", by=cells)
    k, names = len(columns), [f"{state}: {column}" for state in STATES for column in columns]
    sums = sum_by_segment((replace(block, values=_states(block.values, k)) for block in rows), names)
    asked = np.tile(sums.means[:, :k] < PER_HUNDRED - 1e-9, 2)
    kept = {name: np.where(asked, getattr(sums, name), 0) for name in ("counts", "weight_square", "square")}
    return replace(sums, **kept, **{n: np.where(asked[:, None], getattr(sums, n), 0) for n in ("weight", "total")})


def _states(values: np.ndarray, k: int) -> np.ndarray:
    applies_not = values[:, k:] > 0
    return PER_HUNDRED * np.hstack([np.isnan(values[:, :k]) & ~applies_not, applies_not]).astype(float)


def _shares_by_group(sums: SegmentSums, by: list[str], *, simple: bool, confidence: float, seed: int):
    groups = sorted({segment[2:] for segment in sums.segments})
    members = np.array([[segment[2:] == group for segment in sums.segments] for group in groups], dtype=int)
    sums = replace(sums.combine(members), segments=tuple(groups))
    estimate = sums.means
    drawn = sums.replicates(sums.draw(seed=seed))
    se = from_replicates(estimate, drawn, n_groups=sums.n_groups, confidence=confidence).se
    n_eff = sums.counts.astype(float)
    if not simple:
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = np.minimum(estimate * (PER_HUNDRED - estimate) / se**2, sums.counts)
            n_eff = np.where((se > 0) & (spread > 0), spread, sums.kish)
    share = np.clip(np.nan_to_num(estimate) / PER_HUNDRED, 0, 1)
    limits = wilson(share * np.nan_to_num(n_eff), np.nan_to_num(n_eff), confidence=confidence)
    low, high = (np.where(sums.n_groups >= MIN_GROUPS, PER_HUNDRED * limit, np.nan) for limit in limits)
    figures = {"n": sums.counts, "n_eff": n_eff, "n_groups": sums.n_groups, "estimate": estimate}
    figures |= {"few_groups": sums.n_groups < FEW_GROUPS, "ci_low": low, "ci_high": high}
    place = pd.MultiIndex.from_product([range(len(groups)), sums.columns]).to_frame(index=False)
    state = place[1].str.partition(": ")
    made = {name: values.ravel() for name, values in figures.items()}
    labels = {name: [groups[g][i] for g in place[0]] for i, name in enumerate(by)}
    return pd.DataFrame({"column": state[2], **labels, "state": state[0]} | made)


def received(result: pd.DataFrame) -> pd.DataFrame:
    """Keep one role per item: the service received where it was asked, else the first that was.

    Parameters
    ----------
    result : DataFrame
        From :func:`coverage`.

    Returns
    -------
    DataFrame
        The same columns.

    Examples
    --------
    >>> received(pd.DataFrame({"item": ["q1", "q1"], "role": ["expectation", "perception"]}))["role"].tolist()
    ['perception']
    """
    has_received = result["item"].isin(result.loc[result["role"] == "perception", "item"])
    first = result.groupby("item")["role"].transform("first") if len(result) else result["role"]
    return result[result["role"] == first.mask(has_received, "perception")].reset_index(drop=True)


def most(result: pd.DataFrame, state: str) -> pd.DataFrame:
    """Return the question that went unanswered most often, as at most one row.

    Parameters
    ----------
    result : DataFrame
        From :func:`coverage`.
    state : {"skipped", "not_applicable"}
        What to look for.

    Returns
    -------
    DataFrame
        Empty where nobody left a question out, or all bases are under the smallest shown.

    Examples
    --------
    >>> rows = {"item": ["q1", "q2"], "state": "skipped", "n": 50, "estimate": [2.0, 4.0]}
    >>> most(pd.DataFrame(rows), "skipped")["item"].tolist()
    ['q2']
    """
    shown = disclosure.protect(result)
    some = shown[(shown["state"] == state) & (shown["estimate"] > 0)]
    return some.sort_values(["estimate", "item"], ascending=[False, True], kind="stable").head(1)


def to_everybody(result: pd.DataFrame) -> pd.DataFrame:
    """Leave out questions that were probably not put to everybody.

    Parameters
    ----------
    result : DataFrame
        From :func:`coverage`.

    Returns
    -------
    DataFrame
        The other rows.

    Examples
    --------
    >>> to_everybody(pd.DataFrame({"item": ["a", "b"], "some_only": [True, False]}))["item"].tolist()
    ['b']
    """
    return result[~result["some_only"].astype(bool)]


def _shares(counts: pd.DataFrame, column: str) -> pd.DataFrame:
    low, high = wilson(counts[column], counts["n"])
    estimate = PER_HUNDRED * counts[column] / counts["n"].where(counts["n"] > 0)
    return counts.assign(estimate=estimate, ci_low=PER_HUNDRED * low, ci_high=PER_HUNDRED * high)
