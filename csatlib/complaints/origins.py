"""What lies behind complaints: the five whys as a tree, Pareto's table with owners, and what is rising."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from csatlib.stats.due import PERCENT, shares, table_of
from csatlib.stats.intervals import benjamini_hochberg, check_confidence, wilson

WHYS = tuple(f"cause_{k}" for k in range(1, 6))


@dataclass(frozen=True)
class Causes:
    """Named causes of complaints: the `tree` of the five whys and the `pareto` table with owners.

    Attributes
    ----------
    tree, pareto : DataFrame
        See :func:`causes`.
    """

    tree: pd.DataFrame
    pareto: pd.DataFrame


def causes(
    data: Any,
    *,
    whys: Sequence[str] = WHYS,
    pareto: str | None = None,
    owner: str | None = "owner",
    confidence: float = 0.95,
) -> Causes:
    """Count what was named as lying behind complaints, why by why.

    Parameters
    ----------
    data : DataFrame or Ibis table
        One row per complaint.
    whys : sequence of str
        Columns from the symptom down; those that are not there are left out. Empty cells end a chain.
    pareto : str, optional
        Column of the Pareto table; default: the first of `whys`.
    owner : str, optional
        Column with the department in charge; None for no owners.
    confidence : float
        Coverage of Wilson's intervals.

    Returns
    -------
    Causes
        ``tree``: one row per node, parents before their children, larger ones first: ``depth`` (symptom: 1),
        ``parent``, ``path`` (names joined by " › "), ``label``, ``n`` (complaints with a first why), ``count`` (at
        this node), ``n_ended`` (asked no further), ``estimate`` (percent of n), ``ci_low``, ``ci_high``,
        ``share_of_parent`` (percent of the node above). ``pareto``: one row per value, more frequent ones first:
        ``group``, ``owner`` (in charge of most), ``owner_share`` (percent of the value's complaints), ``n``
        (complaints with a value), ``count``, ``estimate`` (percent), ``ci_low``, ``ci_high``, ``cumulative``,
        ``cumulative_low``, ``cumulative_high`` (percent), ``level_with_first`` (cannot be told apart from the most
        frequent one).

    Raises
    ------
    KeyError
        Columns that are not there; none of the whys is there.

    Notes
    -----
    A value is level with the first unless Wilson's interval of its share of both, at 1 - (1 - confidence) /
    (values - 1) (Bonferroni), lies below one half. Cumulative limits take the order as given. What people name in
    five whys is a judgement, not a finding about cause and effect.

    References
    ----------
    Ishikawa, K. (1976), Guide to Quality Control, ch. 5; Goodman, L. A. (1965), Technometrics 7, 247-254.

    Examples
    --------
    >>> cases = pd.DataFrame({"cause_1": ["Late", "Late", "Late", "Bill"], "cause_2": ["Van", "Van", None, None]})
    >>> found = causes(cases, owner=None)
    >>> found.tree[["depth", "label", "count", "estimate", "share_of_parent"]].values.tolist()
    [[1, 'Late', 3, 75.0, 75.0], [2, 'Van', 2, 50.0, 66.66666666666667], [1, 'Bill', 1, 25.0, 25.0]]
    >>> found.pareto[["group", "count", "cumulative"]].values.tolist()
    [['Late', 3, 75.0], ['Bill', 1, 100.0]]
    """
    check_confidence(confidence)
    there = [column for column in whys if column in data.columns]
    column = pareto or (there[0] if there else None)
    if column is None:
        raise KeyError(
            f"none of the columns {', '.join(whys)} is there; name them with whys=, or a column with pareto="
        )
    keys = list(dict.fromkeys([*there, column, *([owner] if owner else [])]))
    table = table_of(data, keys)
    cells = table.group_by(keys).aggregate(count=table.count()).to_pyarrow().to_pandas()
    return Causes(tree=_tree(cells, there, confidence), pareto=_pareto(cells, column, owner, confidence))


def rising(
    data: Any,
    before: Any,
    *,
    cause: str = "cause_1",
    exposure: float = 1.0,
    exposure_before: float = 1.0,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Compare how often each cause is named with an earlier stretch of time.

    Parameters
    ----------
    data, before : DataFrame or Ibis table
        Complaints of now and of before, one row each.
    cause : str
        Column counted.
    exposure, exposure_before : float
        What the counts are per, for example months times customers.
    confidence : float
        Coverage of the intervals.

    Returns
    -------
    DataFrame
        One row per value, in the order of their names: ``group``, ``n`` (now and before together), ``count``,
        ``count_before``, ``value`` and ``value_reference`` (per exposure), ``estimate`` (ratio of the rates; 1: no
        change), ``ci_low``, ``ci_high``, ``p_value``, ``p_adjusted``.

    Raises
    ------
    KeyError, ValueError
        A column that is not there; an exposure that is not above 0.

    Notes
    -----
    Given both counts together, the count of now is binomial with the share of the exposure if nothing changed
    (Przyborowski and Wilenski 1940): exact two-sided p value, adjusted by Benjamini and Hochberg over all values;
    limits from Wilson's interval of that share. Complaints count as independent; several about one event make the
    p value too small.

    References
    ----------
    Przyborowski, J. and Wilenski, H. (1940), Biometrika 31, 313-323; Benjamini, Y. and Hochberg, Y. (1995), JRSS B
    57, 289-300.

    Examples
    --------
    >>> now, then = (pd.DataFrame({"cause_1": ["Late"] * k + ["Bill"] * 10}) for k in (30, 10))
    >>> found = rising(now, then)
    >>> found[["group", "count", "count_before", "estimate"]].values.tolist()
    [['Bill', 10, 10, 1.0], ['Late', 30, 10, 3.0]]
    >>> (found["p_adjusted"] < 0.05).tolist()
    [False, True]
    """
    check_confidence(confidence)
    if not (exposure > 0 and exposure_before > 0):
        raise ValueError(f"exposure={exposure}, exposure_before={exposure_before}; both must be above 0")
    sides = [_counts(table_of(side, [cause]), cause) for side in (data, before)]
    both = pd.concat(sides, axis=1, keys=["count", "count_before"]).fillna(0).astype(int).sort_index()
    n, now = both.sum(axis=1), both["count"]
    part = exposure / (exposure + exposure_before)
    low, high = wilson(now, n, confidence=confidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = [np.asarray(s / (1 - s) * exposure_before / exposure, dtype=float) for s in (now / n, low, high)]
    p_value = [stats.binomtest(int(k), int(m), part).pvalue for k, m in zip(now, n, strict=True)]
    made = both.rename_axis("group").reset_index().assign(n=n.to_numpy())
    made["group"] = made["group"].astype("str")
    made = made.assign(value=made["count"] / exposure, value_reference=made["count_before"] / exposure_before)
    made = made.assign(estimate=ratio[0], ci_low=ratio[1], ci_high=ratio[2], p_value=p_value)
    made["p_adjusted"] = benjamini_hochberg(made["p_value"])
    first = ["group", "n"]
    return made[[*first, *(name for name in made.columns if name not in first)]]


def _counts(table: Any, column: str) -> pd.Series:
    cells = table.group_by(column).aggregate(count=table.count()).to_pyarrow().to_pandas()
    return cells.dropna(subset=[column]).set_index(column)["count"]


def _tree(cells: pd.DataFrame, whys: Sequence[str], confidence: float) -> pd.DataFrame:
    known = cells.dropna(subset=whys[:1]) if whys else cells.head(0)
    n, parts = int(known["count"].sum()), []
    for depth in range(1, len(whys) + 1):
        named = known[whys[:depth]].notna().all(axis=1)
        kept = known[named]
        below = kept[whys[depth]].isna() if depth < len(whys) else pd.Series(True, index=kept.index)
        counted = kept.assign(n_ended=kept["count"].where(below, 0))
        part = counted.groupby(list(whys[:depth]), sort=False)[["count", "n_ended"]].sum().reset_index()
        paths = part[list(whys[:depth])].astype("str")
        part = part.assign(depth=depth, label=paths.iloc[:, -1], path=paths.agg(" › ".join, axis=1))
        part["parent"] = paths.iloc[:, :-1].agg(" › ".join, axis=1) if depth > 1 else ""
        parts.append(part[["depth", "parent", "path", "label", "count", "n_ended"]])
    columns = ["depth", "parent", "path", "label", "count", "n_ended"]
    nodes = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    nodes = nodes.assign(n=n, **shares(nodes["count"], np.full(len(nodes), n), confidence=confidence))
    sizes = dict(zip(nodes["path"], nodes["count"], strict=True)) | {"": n}
    nodes["share_of_parent"] = PERCENT * nodes["count"] / nodes["parent"].map(sizes)
    order = sorted(nodes.index, key=lambda i: _place(nodes.loc[i, "path"], sizes))
    first = ["depth", "parent", "path", "label", "n", "count", "n_ended"]
    return nodes.loc[order, [*first, "estimate", "ci_low", "ci_high", "share_of_parent"]].reset_index(drop=True)


def _place(path: str, sizes: dict[str, int]) -> list[tuple[int, str]]:
    names = path.split(" › ")
    above = [" › ".join(names[:k]) for k in range(1, len(names) + 1)]
    return [(-sizes[name], name) for name in above]


def _pareto(cells: pd.DataFrame, column: str, owner: str | None, confidence: float) -> pd.DataFrame:
    known = cells.dropna(subset=[column])
    found = known.groupby(column)["count"].sum().rename_axis("group").reset_index()
    found["group"] = found["group"].astype("str")
    found = found.sort_values(["count", "group"], ascending=[False, True], ignore_index=True)
    n, at = found["count"].sum(), found["count"].cumsum()
    found = found.assign(n=n, **shares(found["count"], np.full(len(found), n), confidence=confidence))
    limits = shares(at, np.full(len(found), n), confidence=confidence)
    found = found.assign(
        cumulative=limits["estimate"], cumulative_low=limits["ci_low"], cumulative_high=limits["ci_high"]
    )
    found["level_with_first"] = _level(found["count"].to_numpy(), confidence)
    if owner:
        owned = known.dropna(subset=[owner]).groupby([column, owner])["count"].sum().reset_index()
        owned = owned.sort_values(["count", owner], ascending=[False, True]).drop_duplicates(column)
        by_group = owned.assign(group=owned[column].astype("str")).set_index("group")
        found["owner"] = found["group"].map(by_group[owner])
        found["owner_share"] = PERCENT * found["group"].map(by_group["count"]) / found["count"]
    first = ["group", *(["owner", "owner_share"] if owner else []), "n", "count"]
    return found[[*first, *(name for name in found.columns if name not in first)]]


def _level(counts: np.ndarray, confidence: float) -> np.ndarray:
    if not len(counts):
        return np.array([], dtype=bool)
    each = 1 - (1 - confidence) / max(len(counts) - 1, 1)
    _, high = wilson(counts, counts + counts[0], confidence=each)
    return high >= 0.5
