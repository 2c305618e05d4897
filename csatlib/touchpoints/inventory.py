"""The touchpoint inventory: checked, ordered along the life cycle, rated by departments and customers."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from csatlib.stats.intervals import benjamini_hochberg, check_confidence, holm
from csatlib.stats.rows import require_columns

STAGES = {
    "attract": "吸引",
    "consider": "考虑",
    "buy": "购买",
    "use": "使用",
    "buy again": "再次购买",
    "recommend": "推荐",
}
PURPOSES = {
    "identify a prospect": "发现潜在客户",
    "solve a problem": "解决问题",
    "speed a talk": "加快洽谈",
    "support a transaction": "支持交易",
}
ROLES = {"perception": "认知", "preference": "偏好", "loyalty": "忠诚"}
WORDS = {"stage": STAGES, "purpose": PURPOSES, "role": ROLES}
RATINGS = ("impact", "operational", "experience")
SIDES = ("department", "customer")
LOW, HIGH = 1, 10
BANDS = {"high": 8.0, "middle": 6.0, "low": LOW}
LEVEL = 0.05


@dataclass(frozen=True)
class Inventory:
    """Steps 1 to 8 of the method.

    Attributes
    ----------
    entries : DataFrame
        One row per touchpoint in the order of the life cycle: ``number``, ``touchpoint``, ``stage``, ``purpose``,
        ``role``, ``owner``, ``n`` (raters), ``impact``, ``operational``, ``experience`` (1 to 10; the mean of the
        two sides' means, so that a large panel does not outvote the departments), ``band`` ("high" from 8,
        "middle" from 6, "low").
    stages : DataFrame
        ``stage``, ``touchpoints`` and ``critical`` (of the high band), both counts; a stage may have none.
    ratings : DataFrame
        ``touchpoint``, ``rating``, ``n`` (raters of both sides), ``n_department``, ``n_customer``, ``estimate``
        (mean as in `entries`) with ``ci_low`` and ``ci_high``, ``sd`` (between raters of one side),
        ``agreement`` (r_wg, 1: all alike, 0: as if at random), ``value`` (department), ``value_reference``
        (customers), ``difference``, ``difference_low``, ``difference_high``, ``p_adjusted``, ``disagree``
        (beyond random variation, all pairs taken together).
    sides : DataFrame
        Do departments see the company kinder than customers do? One row per ``rating``: ``n``,
        ``n_department``, ``n_customer`` (raters), ``estimate`` (department less customer, over all touchpoints),
        ``ci_low``, ``ci_high``, ``p_adjusted`` (Holm).
    problems : DataFrame
        ``touchpoint``, ``problem`` ("no owner", "no purpose", "no role", "not rated: ...", "one side only").
    """

    entries: pd.DataFrame
    stages: pd.DataFrame
    ratings: pd.DataFrame
    sides: pd.DataFrame
    problems: pd.DataFrame


def inventory(data: pd.DataFrame, *, confidence: float = 0.95) -> Inventory:
    """Check the touchpoint inventory, order it along the life cycle and sum up its ratings.

    Parameters
    ----------
    data : DataFrame
        One row per touchpoint and rater: ``touchpoint``, ``stage`` (attract, consider, buy, use, buy again,
        recommend; also in Chinese), ``purpose``, ``role``, ``owner``, ``impact``, ``operational``,
        ``experience`` (1 to 10, missing where a rater cannot tell), optionally ``rater`` and ``rater_side``
        (department, customer). Touchpoints of a stage stay in the order in which they first appear.
    confidence : float
        Coverage aimed at.

    Returns
    -------
    Inventory
        Entries, stages, ratings and problems.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; unknown stages, sides and ratings outside 1 to 10, a touchpoint in two stages,
        a rater who rates one twice: all at once.

    Notes
    -----
    Several raters: limits of a mean from Student's t, with Welch's degrees of freedom where both sides rated.
    r_wg = 1 - variance / 8.25, the variance of ratings spread evenly over 1 to 10; raters of each side are
    compared among themselves. Difference: Welch's test, Benjamini-Hochberg over all touchpoints and ratings.

    References
    ----------
    James, L. R., Demaree, R. G. and Wolf, G. (1984), Journal of Applied Psychology 69(1), 85-98; Welch, B. L.
    (1947), Biometrika 34, 28-35.

    Examples
    --------
    >>> row = {"purpose": "solve a problem", "role": "loyalty", "owner": "Care"}
    >>> rows = [{"touchpoint": "Hotline", "stage": "use", "impact": 9, "operational": 5, "experience": 7}]
    >>> rows += [{"touchpoint": "Blog", "stage": "attract", "impact": 4, "operational": 8, "experience": 8}]
    >>> inventory(pd.DataFrame(rows).assign(**row)).entries[["number", "touchpoint", "band"]].values.tolist()
    [[1, 'Blog', 'low'], [2, 'Hotline', 'high']]
    """
    check_confidence(confidence)
    rows = checked(data)
    told = rows.groupby("touchpoint", sort=False)
    entries = told[["stage", "purpose", "role", "owner"]].first().reset_index()
    entries["n"] = told["_rated"].sum().to_numpy().astype(np.int64)
    order = entries["stage"].map(list(STAGES).index)
    entries = entries.iloc[np.argsort(order, kind="stable")].reset_index(drop=True)
    ratings = _ratings(rows, entries["touchpoint"], confidence)
    wide = ratings.pivot(index="touchpoint", columns="rating", values="estimate").loc[entries["touchpoint"]]
    entries = entries.assign(**{name: wide[name].to_numpy() for name in RATINGS})
    entries = entries.assign(band=[band(value) for value in entries["impact"]])
    entries.insert(0, "number", np.arange(1, len(entries) + 1))
    by_stage = entries.groupby("stage")
    stages = pd.DataFrame({"stage": list(STAGES)})
    stages["touchpoints"] = stages["stage"].map(by_stage.size()).fillna(0).astype(np.int64)
    high = by_stage["band"].agg(lambda bands: (bands == "high").sum())
    stages["critical"] = stages["stage"].map(high).fillna(0).astype(np.int64)
    sides = _sides(rows, ratings, confidence)
    return Inventory(entries, stages, ratings, sides, _problems(entries, ratings, rows))


def band(impact: float) -> str | None:
    """Name the importance band of an impact score.

    Parameters
    ----------
    impact : float
        1 to 10.

    Returns
    -------
    {"high", "middle", "low"} or None
        8 and above, 6 and above, below 6; None where nobody could tell.

    Examples
    --------
    >>> [band(value) for value in (8, 7.9, 6, 5)]
    ['high', 'middle', 'middle', 'low']
    """
    return next((name for name, least in BANDS.items() if impact >= least), None)


def checked(data: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with stages in English and blank text as missing, or say what is wrong with them.

    Parameters
    ----------
    data : DataFrame
        As for :func:`inventory`.

    Returns
    -------
    DataFrame
        A copy with ``rater`` (the row's number where none is named), ``rater_side`` ("department" where none is
        named) and ``_rated``.

    Raises
    ------
    KeyError, ValueError
        As :func:`inventory`.
    """
    require_columns(data.columns, ["touchpoint", "stage", "purpose", "role", "owner", *RATINGS])
    rows = data.reset_index(drop=True)
    for column, words in WORDS.items():
        text = rows[column].astype("str").str.strip()
        english = {theirs: ours for ours, theirs in words.items()} | {ours: ours for ours in words}
        rows[column] = text.str.lower().map(english).fillna(text).where(rows[column].notna() & (text != ""))
    for column in ("owner", "touchpoint"):
        text = rows[column].astype("str").str.strip()
        rows[column] = text.where(rows[column].notna() & (text != ""))
    rows = rows.assign(
        rater=rows["rater"] if "rater" in rows else [f"row {i}" for i in range(len(rows))],
        rater_side=rows["rater_side"].astype("str").where(rows["rater_side"].notna(), "department")
        if "rater_side" in rows
        else "department",
        _rated=rows[list(RATINGS)].notna().any(axis=1),
    )
    problems = list(_wrong(rows))
    if problems:
        raise ValueError("; ".join(problems))
    return rows


def _wrong(rows: pd.DataFrame):
    if rows["touchpoint"].isna().any():
        yield f"'touchpoint' is missing in {rows['touchpoint'].isna().sum()} rows; name it or delete the row"
    for column, allowed in (("stage", list(STAGES)), ("rater_side", list(SIDES))):
        other = sorted({str(value) for value in rows.loc[~rows[column].isin(allowed), column]})
        if other:
            yield f"{column!r} holds {', '.join(map(repr, other))}; allowed are {', '.join(map(repr, allowed))}"
    for column in RATINGS:
        values = pd.to_numeric(rows[column], errors="coerce")
        bad = rows[column].notna() & ~values.between(LOW, HIGH)
        if bad.any():
            found = rows.loc[bad, column].iloc[0]
            yield f"{column!r} holds {bad.sum()} ratings outside {LOW} to {HIGH}, for example {found}"
    several = rows.groupby("touchpoint")["stage"].nunique()
    for name in several[several > 1].index:
        yield f"touchpoint {name!r} stands in {several[name]} stages; keep one, or name two touchpoints"
    twice = rows[rows.duplicated(["touchpoint", "rater", "rater_side"]) & rows["rater"].notna()]
    if len(twice):
        first = twice.iloc[0]
        yield f"{first['rater']!r} rates {first['touchpoint']!r} twice ({len(twice)} such rows); keep one rating"


def _ratings(rows: pd.DataFrame, touchpoints: pd.Series, confidence: float) -> pd.DataFrame:
    long = rows.melt(["touchpoint", "rater_side"], list(RATINGS), var_name="rating", value_name="mark")
    parts = long.astype({"mark": float}).groupby(["touchpoint", "rating", "rater_side"])["mark"]
    found = parts.agg(["count", "mean", "var"]).unstack("rater_side")
    index = pd.MultiIndex.from_product([touchpoints, RATINGS], names=["touchpoint", "rating"])
    found = found.reindex(index=index, columns=pd.MultiIndex.from_product([["count", "mean", "var"], SIDES]))
    n, mean, variance = (found[part].to_numpy(dtype=float) for part in ("count", "mean", "var"))
    n = np.nan_to_num(n)
    mean, there = np.where(n > 0, mean, 0.0), n > 0
    sides = np.maximum(there.sum(axis=1), 1)
    known = there.any(axis=1)
    estimate = np.where(known, mean.sum(axis=1) / sides, np.nan)
    half, difference_half, p_value = _welch(n, mean, variance, there, sides, confidence)
    both = there.all(axis=1)
    difference = np.where(both, mean[:, 0] - mean[:, 1], np.nan)
    degrees = np.where(n > 1, n - 1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        within = (degrees * np.nan_to_num(variance)).sum(axis=1) / degrees.sum(axis=1)
    p_adjusted = benjamini_hochberg(p_value)
    return index.to_frame(index=False).assign(
        n=n.sum(axis=1).astype(np.int64),
        n_department=n[:, 0].astype(np.int64),
        n_customer=n[:, 1].astype(np.int64),
        estimate=estimate,
        ci_low=np.clip(estimate - half, LOW, HIGH),
        ci_high=np.clip(estimate + half, LOW, HIGH),
        sd=np.sqrt(within),
        agreement=np.clip(1 - within / (((HIGH - LOW + 1) ** 2 - 1) / 12), 0, 1),
        value=np.where(there[:, 0], mean[:, 0], np.nan),
        value_reference=np.where(there[:, 1], mean[:, 1], np.nan),
        difference=difference,
        difference_low=difference - difference_half,
        difference_high=difference + difference_half,
        p_adjusted=p_adjusted,
        disagree=p_adjusted < LEVEL,
    )


def _welch(n, mean, variance, there, sides, confidence):
    """Half widths of the mean and of the difference, and the difference's p value."""
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.where(there, variance / n, 0.0)  # NaN where one person speaks for a side
        total = part.sum(axis=1)
        df = total**2 / np.where(there, part**2 / (n - 1), 0.0).sum(axis=1)
        reach = stats.t.ppf((1 + confidence) / 2, df) * np.sqrt(total)
        t = (mean[:, 0] - mean[:, 1]) / np.sqrt(total)
        p_value = np.where(there.all(axis=1), 2 * stats.t.sf(np.abs(t), df), np.nan)
    return reach / sides, reach, p_value


def _sides(rows: pd.DataFrame, ratings: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Compare the raters of both sides, each by the mean of what he or she gave less what all gave."""
    usual = ratings.pivot(index="touchpoint", columns="rating", values="estimate")[list(RATINGS)]
    own = rows[list(RATINGS)].astype(float) - usual.loc[rows["touchpoint"]].to_numpy()
    raters = own.groupby([rows["rater_side"], rows["rater"]]).mean()
    found = raters.groupby("rater_side").agg(["count", "mean", "var"]).reindex(list(SIDES))
    parts = (found.xs(part, axis=1, level=1).to_numpy(dtype=float).T for part in ("count", "mean", "var"))
    n, mean, variance = (np.nan_to_num(part) if i == 0 else part for i, part in enumerate(parts))
    there = n > 0
    _, reach, p_value = _welch(n, mean, variance, there, there.sum(axis=1), confidence)
    estimate = mean[:, 0] - mean[:, 1]
    return pd.DataFrame({"rating": RATINGS, "n": n.sum(axis=1).astype(np.int64)}).assign(
        n_department=n[:, 0].astype(np.int64),
        n_customer=n[:, 1].astype(np.int64),
        estimate=estimate,
        ci_low=estimate - reach,
        ci_high=estimate + reach,
        p_adjusted=holm(p_value),
    )


def _problems(entries: pd.DataFrame, ratings: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    sides = ratings.groupby("touchpoint")[["n_department", "n_customer"]].min()
    two = set(rows["rater_side"]) == set(SIDES)
    found = []
    for row in entries.to_dict("records"):
        found += [(row["touchpoint"], f"no {c}") for c in ("owner", "purpose", "role") if pd.isna(row[c])]
        found += [(row["touchpoint"], f"not rated: {name}") for name in RATINGS if np.isnan(row[name])]
        if two and row["n"] and sides.loc[row["touchpoint"]].min() == 0:
            found.append((row["touchpoint"], "one side only"))
    return pd.DataFrame(found, columns=["touchpoint", "problem"])
