"""Which periods of a score lie outside what its own earlier periods lead to expect."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from csatlib.scores.levels import POINTS
from csatlib.stats import control
from csatlib.stats.control.series import ENOUGH, FEWEST
from csatlib.stats.rows import require_columns

KINDS = ("laney", "laney_p", "p", "xmr")
CHARTS = ("stratum", "label", "measure")
LINES = ("center", "lcl", "ucl", "signal", "rule", "in_baseline", "n_baseline", "provisional", "autocorrelation")
ALL_LINES = (*LINES, "adjustment", "sigma_z", "expected_false_signals", "chance_of_false_signal")


def control_chart(
    series: pd.DataFrame,
    *,
    time: str | None = None,
    kind: str | None = None,
    baseline: int | tuple = ENOUGH,
    breaks: Sequence = (),
    exclude: Sequence = (),
    reference: pd.DataFrame | None = None,
    run: int | None = 8,
    seed: int = 0,
) -> pd.DataFrame:
    """Chart a score by period with limits from its own baseline.

    Parameters
    ----------
    series : DataFrame
        One row per period: ``estimate``, ``n``, ``n_eff``, ``sd``, ``unit``, as in ``headlines(...).series`` or
        from ``nps(..., by="period")``. Each ``stratum``, ``label`` and ``measure`` gets a chart of its own.
    time : str, optional
        Column with the period; default: "period", else "group".
    kind : {"laney", "laney_p", "p", "xmr"}, optional
        Default: "laney_p" for a top box, "xmr" where there is no ``sd`` or ``n_eff``, else "laney".
    baseline : int or (first, last)
        Points each phase takes its limits from: so many first ones, or the periods from first to last (a phase
        without three of them uses all its points). With under 12 points limits are provisional.
    breaks : sequence
        Periods that start a new phase with limits of its own: a changed questionnaire, another way to ask.
    exclude : sequence
        Periods left out of the baseline; they stay on the chart.
    reference : DataFrame, optional
        The same score of the rest of the company, other customers: the chart is of the difference, so that
        a season both share drops out. Needed where under 24 months are at hand.
    run : int or None
        Points in a row on one side of the center that signal; None for limits only.
    seed : int
        Seed of the quiet series behind the expected numbers.

    Returns
    -------
    DataFrame
        The columns of `series`, in time order, and ``period``, ``phase`` (1, 2, ...), ``center``, ``lcl``, ``ucl``
        (in the unit of the estimate), ``signal``, ``rule``, ``in_baseline``, ``n_baseline``, ``provisional``,
        ``autocorrelation`` (lag 1), ``adjustment``, ``sigma_z`` (usual change between periods as a multiple of
        the sampling error; NaN for "xmr"), ``expected_false_signals`` and ``chance_of_false_signal`` (of the whole
        chart), ``kind``. A phase of under 3 points has no lines. With `reference`, ``estimate`` is the
        difference, with ``n_reference`` and 95 % limits for two independent groups.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; an unknown kind; a break or excluded period that is no period; a period
        twice in a chart; values that do not fit the kind.

    Notes
    -----
    See :func:`csatlib.stats.control.laney` for the limits: center +- 3 x standard error of the point x sigma_z,
    sigma_z from the moving ranges of the standardized points; widened where autocorrelation is material.
    Counts are n_eff, so weights and repeated customers widen the limits. Expected numbers add over phases;
    the chance is one less the product of the phases' chances of none. A chart of single months finds large
    changes: of 200 simulated regions with 78 answers a month and the backlog of the sample company, two months
    were enough in all by the item on kept appointments, in 0.40 by mean satisfaction, in 0.24 by the NPS.

    References
    ----------
    Laney, D. B. (2002), Quality Engineering 14(4), 531-537; Wheeler, D. J. (2000), Understanding Variation.

    Examples
    --------
    >>> months = pd.DataFrame({"period": [f"2026-{m:02}" for m in range(1, 13)] + ["2027-01"], "n": 400})
    >>> months = months.assign(measure="nps", unit="points", n_eff=400, sd=70.0, estimate=[40, 44] * 6 + [20])
    >>> control_chart(months).query("signal")[["period", "rule", "provisional"]].values.tolist()
    [['2027-01', 'beyond limits', False]]
    """
    time = time or ("period" if "period" in series.columns else "group")
    require_columns(series.columns, [time, "estimate", "n"])
    rows = series.rename(columns={time: "period"})
    _check(rows, kind, breaks, exclude)
    if reference is not None:
        rows = _differences(rows, reference.rename(columns={time: "period"}))
    keys = [column for column in CHARTS if column in rows.columns]
    parts = [part for _, part in rows.groupby(keys, sort=False)] if keys else [rows]
    options = {"baseline": baseline, "exclude": list(exclude), "run": run, "seed": seed}
    charts = [_chart(part, kind, sorted(breaks), options, reference is not None) for part in parts]
    return pd.concat(charts, ignore_index=True)


def _check(rows: pd.DataFrame, kind: str | None, breaks: Sequence, exclude: Sequence) -> None:
    problems = []
    if kind is not None and kind not in KINDS:
        problems.append(f"kind={kind!r}; allowed are {', '.join(map(repr, KINDS))}, or None to choose by measure")
    known = set(rows["period"])
    for name, labels in (("breaks", breaks), ("exclude", exclude)):
        unknown = [repr(label) for label in labels if label not in known]
        if unknown:
            problems.append(f"{name} names {', '.join(unknown)}, which is no period of the series")
    if problems:
        raise ValueError("; ".join(problems))


def _differences(rows: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Turn both series into one of differences; the sampling variance is the sum of both."""
    keys = [c for c in ("label", "measure", "period") if c in rows.columns and c in reference.columns]
    require_columns(reference.columns, ["period", "estimate", "n", "n_eff", "sd"])
    require_columns(rows.columns, ["n_eff", "sd"])
    other = reference[[*keys, "estimate", "n", "n_eff", "sd"]]
    if other.duplicated(keys).any():
        raise ValueError(f"reference holds several rows for one {', '.join(keys)}; give one series")
    both = rows.merge(other, on=keys, how="left", suffixes=("", "_reference"), validate="many_to_one")
    with np.errstate(divide="ignore", invalid="ignore"):
        se = np.sqrt(both["sd"] ** 2 / both["n_eff"] + both["sd_reference"] ** 2 / both["n_eff_reference"])
    difference = both["estimate"] - both["estimate_reference"]
    half = stats.norm.ppf(0.975) * se
    both = both.assign(estimate=difference, ci_low=difference - half, ci_high=difference + half, se=se)
    return both.drop(columns=["estimate_reference", "n_eff_reference", "sd_reference"])


def _chart(
    part: pd.DataFrame, kind: str | None, breaks: list, options: dict[str, object], difference: bool
) -> pd.DataFrame:
    rows = part.sort_values("period", kind="stable", ignore_index=True)
    rows = rows.assign(phase=1 + sum((rows["period"] >= label).astype(int) for label in breaks))
    kind = kind or _kind_of(rows, difference)
    prepared = _prepared(rows, kind, difference)
    is_nps = "measure" in rows.columns and (rows["measure"] == "nps").all()
    ends = POINTS if is_nps and not difference else np.inf
    options = options | {"low": -ends, "high": ends}
    lines = pd.concat([_phase(points, kind, options) for _, points in prepared.groupby(rows["phase"])])
    lines = lines.reindex(rows.index)
    factor = 1.0 if difference else _share_factor(rows, kind)
    lines = lines.assign(**{name: lines[name].astype(float) * factor for name in ("center", "lcl", "ucl")})
    first = lines.groupby(rows["phase"])[["expected_false_signals", "chance_of_false_signal"]].first()
    return rows.assign(**lines).assign(
        expected_false_signals=first["expected_false_signals"].sum(),
        chance_of_false_signal=1 - (1 - first["chance_of_false_signal"].fillna(0)).prod(),
        kind=kind,
    )


def _kind_of(rows: pd.DataFrame, difference: bool) -> str:
    if difference:
        return "laney"
    if not {"n_eff", "sd"} <= set(rows.columns):
        return "xmr"
    top_box = "measure" in rows.columns and (rows["measure"] == "top_box").all()
    return "laney_p" if top_box else "laney"


def _share_factor(rows: pd.DataFrame, kind: str) -> float:
    """Shares of the headlines are in percent, those of csat() from 0 to 1."""
    percent = "unit" not in rows.columns or (rows["unit"] != "share").any()
    return POINTS if kind in ("laney_p", "p") and percent else 1.0


def _prepared(rows: pd.DataFrame, kind: str, difference: bool) -> pd.DataFrame:
    value = rows["estimate"].astype(float)
    if kind == "xmr":
        return pd.DataFrame({"period": rows["period"], "value": value})
    if difference:
        return pd.DataFrame({"period": rows["period"], "value": value, "sd": 1.0, "n_eff": 1 / rows["se"] ** 2})
    require_columns(rows.columns, ["n_eff"] if kind != "laney" else ["n_eff", "sd"])
    if kind == "laney":
        return rows[["period", "sd", "n_eff"]].assign(value=value)
    n = rows["n_eff"].astype(float)
    return pd.DataFrame({"period": rows["period"], "successes": value / _share_factor(rows, kind) * n, "n": n})


def _phase(points: pd.DataFrame, kind: str, options: dict[str, object]) -> pd.DataFrame:
    """Chart one phase; where its baseline is short, all its points are the baseline, and that is provisional."""
    sizes = [name for name in ("n", "n_eff") if name in points.columns]
    usable = points.notna().all(axis=1) & (points[sizes] > 0).all(axis=1)
    exclude = [label for label in options["exclude"] if label in set(points["period"])]
    baseline, kept = options["baseline"], usable & ~points["period"].isin(exclude)
    if isinstance(baseline, tuple):
        inside = kept & points["period"].between(*baseline)
        baseline = baseline if inside.sum() >= FEWEST else None
    elif usable.sum() < baseline:
        baseline = None
    if kept.sum() < FEWEST:
        return _no_lines(points)
    named = {"exclude": exclude, "baseline": baseline, "run": options["run"], "seed": options["seed"]}
    functions = {"laney": control.laney, "laney_p": control.laney_p, "p": control.p_chart, "xmr": control.xmr}
    if kind == "laney":
        named |= {"low": options["low"], "high": options["high"]}
    found = functions[kind](points, time="period", **named)
    found.index = points.sort_values("period", kind="stable").index
    return found.reindex(columns=ALL_LINES)


def _no_lines(points: pd.DataFrame) -> pd.DataFrame:
    empty = pd.DataFrame(np.nan, index=points.index, columns=list(ALL_LINES))
    told = {"signal": False, "rule": "", "in_baseline": False, "n_baseline": 0, "provisional": True}
    return empty.assign(**told, adjustment="none")
