"""Response surface: whether satisfaction follows the gap, or mostly what is received."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from csatlib.servqual.answers import derived_columns, derived_rows, in_range, measures
from csatlib.stats.intervals import (
    FEW_GROUPS,
    MIN_GROUPS,
    benjamini_hochberg,
    check_confidence,
    from_replicates,
    holm,
)
from csatlib.stats.moments import Moments, moments
from csatlib.stats.rows import blocks, require_columns
from csatlib.tables.scale import Scale

TERMS = ("E", "P", "E2", "PE", "P2")
LINEAR = {"E": (1, 0), "P": (0, 1), "E + P": (1, 1)}
QUADRATIC = {
    "E": (1, 0, 0, 0, 0),
    "P": (0, 1, 0, 0, 0),
    "E2": (0, 0, 1, 0, 0),
    "PE": (0, 0, 0, 1, 0),
    "P2": (0, 0, 0, 0, 1),
    "slope of congruence": (1, 1, 0, 0, 0),
    "curvature of congruence": (0, 0, 1, 1, 1),
    "slope of incongruence": (-1, 1, 0, 0, 0),
    "curvature of incongruence": (0, 0, 1, -1, 1),
}
TESTS = {
    "equal and opposite weights": [(1, 1)],
    "no curvature": [(0, 0, 1, 0, 0), (0, 0, 0, 1, 0), (0, 0, 0, 0, 1)],
    "satisfaction follows the gap": [(1, 1, 0, 0, 0), (0, 0, 1, 0, 0), (0, 0, 0, 1, 0), (0, 0, 0, 0, 1)],
    "satisfaction follows the squared gap": [
        (1, 0, 0, 0, 0),
        (0, 1, 0, 0, 0),
        (0, 0, 1, 0, -1),
        (0, 0, 1, 1, 1),
    ],
}
AS_GIVEN, NET, IPSATISED, WITHIN = "as given", "net of level", "ipsatised", "within customers"


@dataclass(frozen=True)
class ResponseSurface:
    """Tables of :func:`response_surface`: `weights`, `tests` and `verdicts`."""

    weights: pd.DataFrame
    tests: pd.DataFrame
    verdicts: pd.DataFrame


def response_surface(
    data: pd.DataFrame,
    *,
    scale: Scale,
    outcome: str,
    weight: str | None = None,
    cluster: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> ResponseSurface:
    """Regress satisfaction on expectation, perception, their squares and product, and test the gap model.

    Parameters
    ----------
    data : DataFrame
        One row per response.
    scale : Scale
        With expectations and perceptions.
    outcome : str
        Column of satisfaction, a number on any scale.
    weight, cluster, confidence, seed
        As in :func:`gaps`.

    Returns
    -------
    ResponseSurface
        ``weights``: ``level`` (overall, dimension), ``dimension``, ``label``, ``answers``, ``model``, ``term``,
        ``n``, ``n_eff`` (Kish), ``n_groups``, ``few_groups``, ``estimate`` (points of the outcome per point, or
        per squared point, of the scale), ``ci_low``, ``ci_high``, ``p_value``, ``p_adjusted``, ``family``.
        ``answers`` says how response style is treated: "as given"; "net of level" (dimensions: the
        respondent's mean expectation and mean perception in all other dimensions are held constant);
        "ipsatised" (dimensions: the respondent's mean answer to both sides of all items is taken off); "within
        customers" (overall, with `cluster`: each customer's own mean over their repeated answers is taken off
        all terms and the outcome, which removes whatever is constant in a person). The
        model "linear" has E, P and "E + P" (0 under equal and opposite weights). The model "quadratic" has E,
        P, E2, PE, P2, and along the lines P = E (congruence) and P = -E (incongruence, towards higher P) slope
        and curvature: b_P + b_E, b_P2 + b_PE + b_E2, b_P - b_E, b_P2 - b_PE + b_E2.
        ``tests``: the same names, ``test``, ``df``, ``df_groups``, ``statistic`` (Wald F), ``p_value``,
        ``p_adjusted`` (Benjamini-Hochberg). A low p value speaks against the test's name: equal and opposite
        weights (linear, b_E = -b_P), no curvature, satisfaction follows the gap (both together, quadratic),
        satisfaction follows the squared gap (b_E = b_P = 0, b_E2 = b_P2, b_PE = -2 b_P2).
        ``verdicts`` ("as given" and "within customers"): the same names, ``n``, ``n_eff``, ``n_groups``,
        ``few_groups`` and ``verdict``: "gap" (expectation counts against, and as much as perception counts
        for, as far as can be told), "received" (perception counts, and more than expectation; whether
        expectation counts cannot be told), "both" (expectation counts against, but less than perception counts
        for), "level" (expectation counts for: who expects more is more satisfied at the same perception),
        "cannot tell".

    Raises
    ------
    KeyError, ValueError
        Columns that are not there, answers outside the scale, a scale without one side.

    Notes
    -----
    Respondents with an outcome and a score on both sides; a score is the mean of the items answered on both
    sides, overall the mean of the dimensions. E and P are centred at the scale's midpoint (Edwards), so the
    quadratic model's b_E and b_P are slopes there, where few may stand when expectations are high: read the
    linear model for the average, the quadratic one for the shape. Least squares; intervals and Wald tests
    from the joint replicates, which keep answers of one cluster together (as cluster-robust errors do).
    Verdicts rest on the linear model: Holm over an overall row's three terms, Benjamini-Hochberg over those
    of dimensions, one family per kind of answers. Response style enters both sides; where satisfaction holds
    less of it than perceptions do, expectation gets a negative weight that is nothing but style. Ipsatising,
    the usual remedy, makes it worse: E less the mean of E and P holds half the general gap, so its weight is
    negative by construction. Holding the level of the other dimensions constant removes part of the style
    only. Both are given for comparison, without a verdict; comparing customers with themselves is safer, as
    far as style is constant in a person, at the price of a wider interval.
    Associations between answers of one questionnaire, not effects.

    References
    ----------
    Edwards, J. R. (1994), Organizational Behavior and Human Decision Processes 58(1), 51-100; Edwards (2002),
    in Drasgow and Schmitt (eds.), Measuring and Analyzing Behavior in Organizations, 350-400; Cronin and
    Taylor (1992), Journal of Marketing 56(3), 55-68.

    Examples
    --------
    >>> from csatlib.servqual import Item, Scale, response_surface
    >>> scale = Scale([Item("q1", "speed", "e1", "p1")], low=1, high=7)
    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame(rng.integers(1, 8, (200, 2)), columns=["e1", "p1"])
    >>> frame["satisfied"] = 3 + 0.5 * (frame["p1"] - frame["e1"]) + rng.normal(0, 0.5, 200)
    >>> found = response_surface(frame, scale=scale, outcome="satisfied")
    >>> found.weights.query("model == 'linear' and level == 'overall'")["estimate"].round(1).tolist()
    [-0.5, 0.5, -0.0]
    >>> found.verdicts["verdict"].tolist()
    ['gap', 'gap']
    """
    check_confidence(confidence)
    if "gap" not in measures(scale):
        raise ValueError(f"scale {scale.name!r} needs an expectation and a perception column for every item")
    require_columns(data.columns, [outcome])
    weights, tests = [], []
    scores = _scores(data, scale, outcome)
    design = {name: data[column].to_numpy() for name, column in (("w", weight), ("c", cluster)) if column}
    for names, frame in _units(scores.assign(**design), scale):
        held = moments(
            frame,
            [column for column in frame.columns if column not in design],
            weight="w" if weight else None,
            cluster="c" if cluster else None,
        )
        base = names | {
            "n": held.n,
            "n_eff": held.n_eff,
            "n_groups": held.n_groups,
            "few_groups": held.n_groups < FEW_GROUPS,
        }
        found = _fitted(held, confidence, seed)
        weights += [base | row for row in found[0]]
        tests += [base | row for row in found[1]]
    table = _adjusted(pd.DataFrame(weights))
    tested = pd.DataFrame(tests)
    tested = tested.assign(p_adjusted=benjamini_hochberg(tested["p_value"].to_numpy()))
    return ResponseSurface(table, tested, _verdicts(table, 1 - confidence))


def _scores(data: pd.DataFrame, scale: Scale, outcome: str) -> pd.DataFrame:
    """One row per response: outcome, E and P of each dimension and overall, mean level of all answers."""
    plain = replace(scale, importance={})
    answered = [getattr(item, side) for side in ("expectation", "perception") for item in scale.items]
    ranges = [(scale.low, scale.high)] * len(answered) + [(-np.inf, np.inf)]
    columns, parts = derived_columns(plain), []
    for block in in_range(
        blocks(data, [*answered, outcome], labels=scale.labels or None), [*answered, outcome], ranges
    ):
        made = pd.DataFrame(derived_rows(plain, block.values[:, :-1]), columns=columns)
        parts.append(made.assign(outcome=block.values[:, -1]))
    scores = pd.concat(parts, ignore_index=True)
    level = (scores["expectation:equal_items"] + scores["perception:equal_items"]) / 2
    return scores.assign(level=level)


def _units(scores: pd.DataFrame, scale: Scale) -> Iterator[tuple[dict[str, str], pd.DataFrame]]:
    """Give the columns of each regression: the outcome, five terms, what is held constant; weight and cluster."""
    whole = "equal_dimensions" if scale.dimensions else "equal_items"
    midpoint = (scale.low + scale.high) / 2
    several = scale.dimensions if len(scale.dimensions) > 1 else ()
    design = scores[[name for name in ("w", "c") if name in scores]]
    given = _terms(scores, whole, midpoint)
    yield _names(scale, "overall", "", AS_GIVEN), given.join(design)
    if "c" in scores:
        own = _within(given.join(design))
        if len(own):
            yield _names(scale, "overall", "", WITHIN), own
    for d in scale.dimensions:
        yield _names(scale, "dimension", d, AS_GIVEN), _terms(scores, f"dimension:{d}", midpoint).join(design)
    for d in several:
        others = [other for other in several if other != d]
        rest = {
            f"rest of {side}": scores[[f"{side}:dimension:{other}" for other in others]].mean(axis=1)
            for side in ("expectation", "perception")
        }
        frame = _terms(scores, f"dimension:{d}", midpoint).assign(**rest)
        yield _names(scale, "dimension", d, NET), frame.join(design)
    for d in several:
        frame = _terms(scores, f"dimension:{d}", scores["level"])
        yield _names(scale, "dimension", d, IPSATISED), frame.join(design)


def _names(scale: Scale, level: str, dimension: str, answers: str) -> dict[str, str]:
    label = scale.label(dimension or "overall")
    return {"level": level, "dimension": dimension, "label": label, "answers": answers}


def _terms(scores: pd.DataFrame, column: str, centre: float | pd.Series) -> pd.DataFrame:
    e, p = (scores[f"{side}:{column}"] - centre for side in ("expectation", "perception"))
    return pd.DataFrame({"outcome": scores["outcome"], "E": e, "P": p, "E2": e * e, "PE": p * e, "P2": p * p})


def _within(frame: pd.DataFrame) -> pd.DataFrame:
    """Take each customer's own weighted means off, of those who answered more than once."""
    columns = ["outcome", *TERMS]
    used = frame[frame[[*columns, "c"]].notna().all(axis=1)]
    used = used[used.get("w", pd.Series(1.0, index=used.index)) > 0]
    used = used[used["c"].map(used["c"].value_counts()) > 1]
    w = used.get("w", pd.Series(1.0, index=used.index))
    total = used[columns].mul(w, axis=0).groupby(used["c"]).transform("sum")
    means = total.div(w.groupby(used["c"]).transform("sum"), axis=0)
    return used.assign(**(used[columns] - means))


def _fitted(held: Moments, confidence: float, seed: int) -> tuple[list[dict], list[dict]]:
    whole, p = held.covariance, len(held.columns)
    drawn = held.replicates(seed=seed).covariance if held.n_groups else np.full((2, p, p), np.nan)
    weights, tests, fits = [], [], {}
    for model, size, shown in (("linear", 2, LINEAR), ("quadratic", 5, QUADRATIC)):
        fits[size] = own, spread = _solved(whole, size), _solved(drawn, size)
        matrix = np.array(list(shown.values()), dtype=float)
        limits = from_replicates(matrix @ own, spread @ matrix.T, n_groups=held.n_groups, confidence=confidence)
        weights += [
            {"model": model, "term": term, "estimate": e, "ci_low": low, "ci_high": high, "p_value": p}
            for term, e, low, high, p in zip(
                shown, matrix @ own, limits.ci_low, limits.ci_high, limits.p_value, strict=True
            )
        ]
    for test, constraints in TESTS.items():
        matrix = np.array(constraints, dtype=float)
        tests.append({"test": test} | _wald(matrix, *fits[matrix.shape[1]], held.n_groups))
    return weights, tests


def _solved(covariance: np.ndarray, size: int) -> np.ndarray:
    """Least-squares weights of the first terms, (..., size); NaN where the terms cannot be told apart."""
    used = np.r_[1 : size + 1, 1 + len(TERMS) : covariance.shape[-1]]
    xx, xy = covariance[..., used[:, None], used], covariance[..., used, 0]
    sd = np.sqrt(np.maximum(np.diagonal(xx, axis1=-2, axis2=-1), 0))
    with np.errstate(invalid="ignore", divide="ignore"):
        corr, scaled = xx / (sd[..., :, None] * sd[..., None, :]), xy / sd
    known = np.isfinite(corr).all(axis=(-2, -1)) & np.isfinite(scaled).all(axis=-1)
    corr = np.where(known[..., None, None], corr, np.eye(len(used)))
    known &= np.linalg.eigvalsh(corr)[..., 0] > 1e-9
    corr = np.where(known[..., None, None], corr, np.eye(len(used)))
    with np.errstate(invalid="ignore", divide="ignore"):
        solved = np.linalg.solve(corr, np.where(known[..., None], scaled, 0.0)[..., None])[..., 0] / sd
    return np.where(known[..., None], solved, np.nan)[..., :size]


def _wald(matrix: np.ndarray, own: np.ndarray, drawn: np.ndarray, groups: int) -> dict[str, float]:
    """Test linear constraints with the replicates' covariance, as Hotelling's T2 does with its groups."""
    q = len(matrix)
    known = drawn[~np.isnan(drawn).any(axis=1)]
    unknown = {"df": q, "df_groups": groups - q, "statistic": np.nan, "p_value": np.nan}
    if groups < MIN_GROUPS + q or len(known) < 2 or np.isnan(own).any():
        return unknown
    covariance = matrix @ np.atleast_2d(np.cov(known, rowvar=False)) @ matrix.T * groups / (groups - 1)
    if np.linalg.matrix_rank(covariance) < q:
        return unknown
    gap = matrix @ own
    f = gap @ np.linalg.solve(covariance, gap) * (groups - q) / (q * (groups - 1))
    return unknown | {"statistic": float(f), "p_value": float(stats.f.sf(f, q, groups - q))}


def _adjusted(table: pd.DataFrame) -> pd.DataFrame:
    p_adjusted = np.full(len(table), np.nan)
    family = np.full(len(table), "", dtype=object)
    for (level, answers, model), rows in table.groupby(["level", "answers", "model"], sort=False).groups.items():
        name, rule = (
            ("Holm", holm)
            if (level, model) == ("overall", "linear")
            else ("Benjamini-Hochberg", benjamini_hochberg)
        )
        p_adjusted[rows] = rule(table.loc[rows, "p_value"].to_numpy())
        family[rows] = f"{level}, {answers}, {model}, {name}"
    return table.assign(p_adjusted=p_adjusted, family=pd.Series(family, index=table.index, dtype="str"))


def _verdicts(table: pd.DataFrame, alpha: float) -> pd.DataFrame:
    names = ["level", "dimension", "label", "answers", "n", "n_eff", "n_groups", "few_groups"]
    linear = table[(table["model"] == "linear") & table["answers"].isin([AS_GIVEN, WITHIN])]
    sign = np.where(linear["p_adjusted"] < alpha, np.sign(linear["estimate"]), 0.0).reshape(-1, len(LINEAR))
    e, p, both = sign.T
    verdict = np.select(
        [(e < 0) & (p > 0) & (both == 0), (e < 0) & (p > 0), (e == 0) & (p > 0) & (both > 0), (e > 0) & (p > 0)],
        ["gap", "both", "received", "level"],
        "cannot tell",
    )
    return linear.iloc[:: len(LINEAR)][names].reset_index(drop=True).assign(verdict=verdict)
