"""A direct question: below, as, or above what was expected."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from csatlib.servqual.answers import Figure
from csatlib.servqual.expectation_zone import binomial
from csatlib.servqual.figure_tables import bases, combine, effective
from csatlib.stats.intervals import FEW_GROUPS, benjamini_hochberg, check_confidence, from_replicates, holm, wilson
from csatlib.stats.rows import Block, blocks, require_columns
from csatlib.stats.segments import sum_by_segment

CODINGS = ({-1: -1, 0: 0, 1: 1}, {1: -1, 2: 0, 3: 1})
MEASURES = ("share_below", "share_as", "share_above", "net")


def direct_comparison(
    data: pd.DataFrame,
    *,
    items: str | Iterable[str],
    codes: Mapping[Hashable, int] | None = None,
    labels: Mapping[str, str] | None = None,
    by: str | None = None,
    weight: str | None = None,
    cluster: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Share of answers above expectation less those below, from a question that asks just that.

    Parameters
    ----------
    data : DataFrame
        One row per response.
    items : str or iterable of str
        Columns that hold the answers.
    codes : mapping, optional
        Each answer (number or text) and what it says: -1 below, 0 as, 1 above expectation. Without it,
        numbers -1, 0, 1 or 1, 2, 3 are understood, provided the answers found fit only one of the two.
    labels : mapping of str to str, optional
        Columns and what a reader sees.
    by : str, optional
        Segment column; rows without a value are left out.
    weight, cluster, confidence, seed
        As in :func:`gaps`.

    Returns
    -------
    DataFrame
        ``group``, ``item``, ``label``, ``measure`` (share_below, share_as, share_above: 0 to 1; net: above
        less below, in points from -100 to 100), ``n``, ``n_eff``, ``n_groups``, ``few_groups``, ``estimate``,
        ``ci_low``, ``ci_high``, and for net ``p_value`` (= 0), ``p_adjusted`` (Holm without `by`, else
        Benjamini-Hochberg).

    Raises
    ------
    KeyError
        Columns that are not there.
    ValueError
        Answers that no code explains, or that fit both codings, all columns at once.

    Notes
    -----
    Shares have Wilson's interval on effective answers. Net: estimate +- t x replicate standard error, not
    beyond -100 and 100; where everybody gave one answer, from Wilson's limits of the shares.
    The question compares with whatever the customer had in mind; it cannot be set beside a gap in points.

    References
    ----------
    Oliver, R. L. (1980), Journal of Marketing Research 17(4), 460-469, on disconfirmation asked directly.

    Examples
    --------
    >>> from csatlib.servqual import direct_comparison
    >>> frame = pd.DataFrame({"compared": ["better", "as I thought"] * 8 + ["worse"] * 4})
    >>> says = {"worse": -1, "as I thought": 0, "better": 1}
    >>> table = direct_comparison(frame, items="compared", codes=says)
    >>> table[["measure", "n", "estimate"]].values.tolist()
    [['share_below', 20, 0.2], ['share_as', 20, 0.4], ['share_above', 20, 0.4], ['net', 20, 20.0]]
    """
    check_confidence(confidence)
    items = [items] if isinstance(items, str) else list(items)
    coded = _coded(data, items, codes)
    rows = blocks(coded, items, weight=weight, cluster=cluster, by=[by] if by else [])
    sums = sum_by_segment(_split(rows), [f"{m}:{item}" for item in items for m in MEASURES])
    wanted = [
        Figure("item", m, None, i, parts={f"{m}:{i}": 1.0}, respondents=f"{m}:{i}")
        for i in items
        for m in MEASURES
    ]
    behind, estimate = bases(sums, wanted), combine(sums.means, sums, wanted)
    drawn = combine(sums.replicates(sums.draw(seed=seed)), sums, wanted)
    limits = from_replicates(estimate, drawn, n_groups=behind["n_groups"], confidence=confidence)
    simple = weight is None and cluster is None
    names = [{"item": f.item, "label": (labels or {}).get(f.item, f.item), "measure": f.measure} for f in wanted]
    table = pd.DataFrame(
        [{"group": str(s[0]) if by else "all"} | name for s in sums.segments for name in names]
    ).assign(
        n=behind["n"].ravel(),
        n_eff=effective(behind, limits.se, simple).ravel(),
        n_groups=behind["n_groups"].ravel(),
        few_groups=(behind["n_groups"] < FEW_GROUPS).ravel(),
        estimate=estimate.ravel(),
        ci_low=limits.ci_low.ravel(),
        ci_high=limits.ci_high.ravel(),
        p_value=limits.p_value.ravel(),
    )
    table = _bounded(table, limits.se.ravel(), confidence, simple)
    p = table["p_value"].where(table["measure"] == "net")
    return table.assign(p_value=p, p_adjusted=(benjamini_hochberg if by else holm)(p.to_numpy()))


def _figure(item: str, measure: str) -> Figure:
    return Figure("item", measure, item=item, parts={f"{measure}:{item}": 1.0}, respondents=f"{measure}:{item}")


def _coded(data: pd.DataFrame, items: list[str], codes: Mapping[Hashable, int] | None) -> pd.DataFrame:
    require_columns(data.columns, items)
    if codes is not None and not set(codes.values()) <= {-1, 0, 1}:
        raise ValueError(f"codes={dict(codes)!r}: each answer stands for -1 (below), 0 (as) or 1 (above)")
    coded, problems = {}, []
    chosen = [codes] if codes is not None else _fitting(data, items)
    if len(chosen) != 1:
        told = "fit both -1, 0, 1 and 1, 2, 3" if chosen else "are neither -1, 0, 1 nor 1, 2, 3"
        raise ValueError(f"the answers of {', '.join(items)} {told}; give codes={{answer: -1, 0 or 1}}")
    for item in items:
        coded[item] = data[item].map(dict(chosen[0])).astype(float)
        unknown = data[item][coded[item].isna() & data[item].notna()].value_counts()
        problems += [f"{item!r} holds {value!r} {count} times" for value, count in unknown.items()]
    if problems:
        raise ValueError(f"answers that no code explains: {'; '.join(problems)}; known: {list(chosen[0])}")
    return data.assign(**coded)


def _fitting(data: pd.DataFrame, items: list[str]) -> list[Mapping]:
    """Find the codings that explain every answer; all columns share one."""
    found = set(pd.concat([data[item] for item in items]).dropna().unique())
    return [coding for coding in CODINGS if found <= set(coding)][: None if found else 1]


def _split(rows: Iterable[Block]) -> Iterator[Block]:
    for block in rows:
        x = block.values
        known = ~np.isnan(x)
        parts = [np.where(known, x == code, np.nan) for code in (-1, 0, 1)] + [100 * x]
        yield replace(block, values=np.stack(parts, axis=2).reshape(len(x), -1))


def _bounded(table: pd.DataFrame, se: np.ndarray, confidence: float, simple: bool) -> pd.DataFrame:
    """Give shares Wilson's limits on effective answers, and hold the net within its range."""
    share = (table["measure"] != "net").to_numpy()
    p = table["estimate"].to_numpy()
    n_eff = table["n_eff"].to_numpy()
    if not simple:
        n_eff = np.where(share, binomial(p, se, table["n"], n_eff), n_eff)
    low, high = wilson(np.where(share, np.clip(p * n_eff, 0, n_eff), 0.0), n_eff, confidence=confidence)
    low, high = (np.where(share, own, limit) for own, limit in ((low, table["ci_low"]), (high, table["ci_high"])))
    below, above = (np.arange(len(table)) - back for back in (3, 1))
    flat = ~share & (se == 0)
    low = np.where(flat, 100 * (low[above] - high[below]), low)
    high = np.where(flat, 100 * (high[above] - low[below]), high)
    low, high = (np.where(share, limit, np.clip(limit, -100, 100)) for limit in (low, high))
    return table.assign(n_eff=n_eff, ci_low=low, ci_high=high)
