"""Do the answers bear the questionnaire's dimensions? Confirmatory factor models and merged alternatives."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import stats

from csatlib.servqual.answers import in_range, measures
from csatlib.servqual.confirmatory import (
    NOT_CONVERGED,
    NOT_FITTED,
    PROPER,
    Fitted,
    confirmatory,
    indices,
    rmsea_limits,
    upper_tail,
)
from csatlib.stats.intervals import check_confidence, holm
from csatlib.stats.moments import Moments
from csatlib.stats.rows import blocks
from csatlib.tables.scale import Item, Scale
from csatlib.words import listed, say

ONE, NEARLY_ONE, CLOSE = 1.0, 0.9, 0.8
NO_SPREAD = 1e-12


@dataclass(frozen=True)
class Structure:
    """What :func:`structure` found: three long tables.

    Attributes
    ----------
    fit : DataFrame
        One row per model and statistic.
    loadings : DataFrame
        One row per model and item.
    correlations : DataFrame
        One row per model and pair of its factors.
    """

    fit: pd.DataFrame
    loadings: pd.DataFrame
    correlations: pd.DataFrame


@dataclass(frozen=True)
class _Answers:
    """Correlations of the items that belong to a dimension, and what the likelihood needs beside them."""

    correlation: np.ndarray
    log_spread: float
    n: int
    n_rows: float = np.nan


@dataclass(frozen=True)
class _Model:
    """Which dimensions are read as one factor, and whether that was chosen after looking at the answers."""

    model: str
    factors: tuple[tuple[str, ...], ...]
    exploratory: bool
    fitted: Fitted


def structure(
    data: Any,
    *,
    scale: Scale,
    measure: Literal["gap", "perception", "expectation"] = "gap",
    version: str = "",
    merges: int = 1,
    confidence: float = 0.95,
) -> Structure:
    """Confirmatory factor analysis of the scale's dimensions and of merged alternatives.

    Normal-theory maximum likelihood with the unscaled chi-square. Weights and clusters are ignored: every row
    counts once and as if from another customer, so with several answers of one customer chi-square is too large
    and standard errors are too small. There is no `weight` argument for this reason.

    Parameters
    ----------
    data : DataFrame, Arrow table or Moments
        One row per response, of one version of the questionnaire only; or the moments of a published matrix whose
        columns are the items' identifiers, reversed items already turned round.
    scale : Scale
        Items with a dimension are analysed, others left out. Answers to reversed items are turned round.
    measure : {"gap", "perception", "expectation"}
        Which answers: perception less expectation per item, or one side.
    version : str
        Which wording the rows belong to, for the sentence; one factor model never covers two wordings of an item.
    merges : int
        How many times the two most highly correlated factors are read as one, step by step. The first is the usual
        alternative; it and all further ones are chosen by the answers themselves and marked exploratory.
    confidence : float
        Coverage aimed at for loadings and correlations; the interval of RMSEA is always the customary 90 %.

    Returns
    -------
    Structure
        Tables that share ``version``, ``measure``, ``model`` ("dimensions", "merged_1" and so on, "one_factor"),
        ``model_label``, ``status`` (see Notes), ``n`` (rows complete in all items), ``n_eff`` (the same) and
        ``n_rows`` (rows with any answer to these items; the others are taken as missing completely at random).

        ``fit``: ``exploratory`` (chosen after looking at the answers), ``n_factors``, ``problem`` (items or pairs
        behind an improper status), ``statistic`` (chi_square, df, n_parameters, cfi, tli, rmsea, srmr, aic, bic,
        chi_square_difference and df_difference against the dimensions), ``estimate``, ``ci_low`` and ``ci_high``
        (RMSEA only, 90 %), ``p_value`` (chi-squares), ``p_adjusted`` (differences, Holm).

        ``loadings``: ``factor``, ``dimension``, ``item``, ``label``, ``estimate`` (standardized, -1 to 1),
        ``standard_error``, ``ci_low``, ``ci_high``.

        ``correlations``: ``factor``, ``other``, ``label``, ``other_label``, ``estimate``, ``standard_error``,
        ``ci_low``, ``ci_high`` and ``reading`` by the interval's upper limit U: "one" (U >= 1), "nearly_one"
        (0.9 <= U < 1), "close" (0.8 <= U < 0.9), "apart", or "unknown".

    Raises
    ------
    KeyError
        Columns or items that are not there.
    ValueError
        A measure the scale does not have; no dimensions; answers outside the scale; a bad `merges`.

    Notes
    -----
    Factor variances are 1, factors are correlated, each item loads on one factor. A dimension of one item is
    that item taken without error, so its correlations are too low. ``status``: "proper"; "improper" (an error
    variance at its bound 0, a correlation of 1 or more, or figures the answers do not determine);
    "not_converged" (figures are where the search stopped); "not_fitted" (fewer rows than items, an item that is
    constant or follows from others, too few items: all NaN). Only proper figures may be read.

    chi-square = n F; CFI, TLI against independent items; RMSEA = sqrt(max(chi-square - df, 0) / (n df)); SRMR
    over the correlations including the diagonal; AIC and BIC from the full normal likelihood with the means free
    but not counted (as lavaan). Two factors read as one is a correlation on the border of what is possible, so p
    values of differences are somewhat too large (Stoel et al.). The pair is picked because its correlation is
    the highest: where it can be told apart, no other pair is closer. Answers on few steps are not normal:
    cut-offs are marks, not laws.

    References
    ----------
    Joreskog, K. G. (1969), Psychometrika 34, 183-202; Hu, L. and Bentler, P. M. (1999), Structural Equation
    Modeling 6(1), 1-55; Stoel, R. D. et al. (2006), Psychological Methods 11(4), 439-455; Ronkko, M.
    and Cho, E. (2022), Organizational Research Methods 25(1), 6-47 (readings of a correlation); Meshcheryakov, G.
    et al. (2021), arXiv:2106.01140 (semopy).

    Examples
    --------
    >>> from csatlib.servqual import Item, Scale, structure
    >>> names = ["a1", "a2", "a3", "b1", "b2", "b3"]
    >>> scale = Scale([Item(q, q[0], perception=q) for q in names], low=1, high=7)
    >>> same = np.array([[x[0] == y[0] for y in names] for x in names])
    >>> published = Moments.from_correlation(np.where(same, 0.49, 0.245) + 0.51 * np.eye(6), 200, columns=names)
    >>> found = structure(published, scale=scale, measure="perception").correlations
    >>> found[["factor", "other", "estimate", "reading"]].round(2).values.tolist()
    [['a', 'b', 0.5, 'apart']]
    """
    check_confidence(confidence)
    items = _check(scale, measure, merges)
    answers = _from_moments(data, items) if isinstance(data, Moments) else _from_rows(data, scale, items, measure)
    models = _models(answers, scale, items, merges)
    tables = {
        "fit": pd.concat([_fit(m, models[0], answers, scale, items) for m in models], ignore_index=True),
        "loadings": pd.concat([_loadings(m, scale, items, confidence) for m in models], ignore_index=True),
        "correlations": pd.concat([_correlations(m, scale, confidence) for m in models], ignore_index=True),
    }
    fit = tables["fit"]
    tables["fit"] = fit.assign(
        p_adjusted=holm(fit["p_value"].where(fit["statistic"] == "chi_square_difference").to_numpy())
    )
    shared = {"version": version, "measure": measure}
    return Structure(**{name: _named(table, models, scale, answers, shared) for name, table in tables.items()})


def _check(scale: Scale, measure: str, merges: int) -> list[Item]:
    problems = []
    if measure not in measures(scale):
        problems.append(
            f"measure={measure!r}; scale {scale.name!r} has {', '.join(measures(scale))}: name one of these"
        )
    if not scale.dimensions:
        problems.append(f"scale {scale.name!r} has no dimensions: give each item the dimension it belongs to")
    if not isinstance(merges, int) or merges < 0:
        problems.append(f"merges={merges!r}; allowed are 0, 1, 2 and so on")
    if problems:
        raise ValueError("; ".join(problems))
    return [item for item in scale.items if item.dimension is not None]


def _from_moments(data: Moments, items: Sequence[Item]) -> _Answers:
    found = data.select([item.item for item in items])
    return _answers(found.n, found.covariance * (found.n - 1) / found.n)


def _from_rows(data: Any, scale: Scale, items: Sequence[Item], measure: str) -> _Answers:
    p, sides = len(items), ["expectation", "perception"] if measure == "gap" else [measure]
    columns = [getattr(item, side) for side in sides for item in items]
    sign = np.where([item.reversed for item in items], -1.0, 1.0)
    middle = (scale.low + scale.high) / 2
    n, n_rows, total, product = 0, 0, np.zeros(p), np.zeros((p, p))
    rows = blocks(data, columns, labels=scale.labels or None)
    for block in in_range(rows, columns, [(scale.low, scale.high)] * len(columns)):
        given = block.values[:, -p:] - (block.values[:, :p] if measure == "gap" else middle)
        n_rows += int((~np.isnan(block.values)).any(axis=1).sum())
        given = sign * given[~np.isnan(given).any(axis=1)]
        n, total, product = n + len(given), total + given.sum(axis=0), product + given.T @ given
    mean = total / max(n, 1)
    return replace(_answers(n, product / max(n, 1) - np.outer(mean, mean)), n_rows=float(n_rows))


def _answers(n: int, covariance: np.ndarray) -> _Answers:
    variance = np.where(np.diag(covariance) > NO_SPREAD, np.diag(covariance), np.nan)
    spread = np.sqrt(variance)
    correlation = covariance / np.outer(spread, spread)
    return _Answers((correlation + correlation.T) / 2, float(np.log(variance).sum()), n)


def _models(answers: _Answers, scale: Scale, items: Sequence[Item], merges: int) -> list[_Model]:
    def fitted(name: str, factors: tuple[tuple[str, ...], ...], *, exploratory: bool = False) -> _Model:
        at = {dimension: j for j, factor in enumerate(factors) for dimension in factor}
        factor = np.array([at[item.dimension] for item in items])
        return _Model(name, factors, exploratory, confirmatory(answers.correlation, answers.n, factor))

    models = [fitted("dimensions", tuple((dimension,) for dimension in scale.dimensions))]
    for step in range(merges):
        last = models[-1]
        if len(last.factors) < 3 or last.fitted.status in (NOT_FITTED, NOT_CONVERGED):
            break
        above = np.triu(np.ones(last.fitted.correlations.shape, dtype=bool), 1)
        pairs = np.where(above, last.fitted.correlations, -np.inf)
        i, j = np.unravel_index(int(pairs.argmax()), pairs.shape)
        joined = tuple(d for d in scale.dimensions if d in last.factors[i] + last.factors[j])
        factors = tuple(joined if at == i else factor for at, factor in enumerate(last.factors) if at != j)
        models.append(fitted(f"merged_{step + 1}", factors, exploratory=True))
    if len(scale.dimensions) > 1:
        models.append(fitted("one_factor", (scale.dimensions,)))
    return models


def _named(
    table: pd.DataFrame, models: Sequence[_Model], scale: Scale, answers: _Answers, shared: dict[str, str]
) -> pd.DataFrame:
    """Put in front of a table what all three share."""
    text = shared | {
        "model": table["model"],
        "model_label": table["model"].map({m.model: _model_label(m, scale) for m in models}),
        "status": table["model"].map({m.model: m.fitted.status for m in models}),
    }
    start = pd.DataFrame({name: pd.Series(value, index=table.index, dtype="str") for name, value in text.items()})
    sizes = {"n": answers.n, "n_eff": float(answers.n), "n_rows": answers.n_rows}
    return pd.concat([start.assign(**sizes), table.drop(columns="model")], axis=1)


def _model_label(model: _Model, scale: Scale) -> str:
    if len(model.factors) == 1:
        return say("One factor for all statements")
    joined = [_factor_label(factor, scale) for factor in model.factors if len(factor) > 1]
    if not joined:
        return say("The {n} dimensions", n=len(model.factors))
    return say("{names} as one", names="; ".join(joined))


def _factor_label(factor: Sequence[str], scale: Scale) -> str:
    return listed([scale.label(dimension) for dimension in factor])


def _fit(model: _Model, against: _Model, answers: _Answers, scale: Scale, items: Sequence[Item]) -> pd.DataFrame:
    found = model.fitted
    value = indices(found, answers.correlation, answers.n, log_spread=answers.log_spread)
    limits = {"rmsea": rmsea_limits(found.chi_square, found.df, answers.n)}
    p_values = {"chi_square": upper_tail(found.chi_square, found.df)}
    if model is not against and not {found.status, against.fitted.status} & {NOT_CONVERGED, NOT_FITTED}:
        value["chi_square_difference"] = found.chi_square - against.fitted.chi_square
        value["df_difference"] = found.df - against.fitted.df
        p_values["chi_square_difference"] = upper_tail(value["chi_square_difference"], value["df_difference"])
    low_high = [limits.get(name, (np.nan, np.nan)) for name in value]
    return pd.DataFrame(
        {
            "model": model.model,
            "exploratory": model.exploratory,
            "n_factors": len(model.factors),
            "problem": _problem(model, answers, scale, items),
            "statistic": list(value),
            "estimate": np.array(list(value.values()), dtype=float),
            "ci_low": [low for low, _ in low_high],
            "ci_high": [high for _, high in low_high],
            "p_value": [p_values.get(name, np.nan) for name in value],
        }
    )


def _problem(model: _Model, answers: _Answers, scale: Scale, items: Sequence[Item]) -> str:
    found = model.fitted
    if found.status == NOT_FITTED:
        if answers.n <= len(items):
            return say("{n} complete answers to {k} statements", n=answers.n, k=len(items))
        flat = [
            scale.label(item.item) for item, r in zip(items, np.diag(answers.correlation), strict=True) if r != r
        ]
        if flat:
            return say("all answers are the same: {names}", names=listed(flat))
        return say("too few statements, or statements that follow from others")
    if found.status == NOT_CONVERGED:
        return say("the search for the best fit did not end")
    parts = [say("no error left in {name}", name=scale.label(items[i].item)) for i in found.at_zero]
    for i, j in found.too_high:
        names = [_factor_label(model.factors[at], scale) for at in (i, j)]
        parts.append(say("correlation of 1 or more between {names}", names=listed(names)))
    if not parts and found.status != PROPER:
        parts = [say("correlations that are not possible together")]
    return "; ".join(parts)


def _loadings(model: _Model, scale: Scale, items: Sequence[Item], confidence: float) -> pd.DataFrame:
    of = {dimension: "+".join(factor) for factor in model.factors for dimension in factor}
    return pd.DataFrame(
        {
            "model": model.model,
            "factor": [of[item.dimension] for item in items],
            "dimension": [item.dimension for item in items],
            "item": [item.item for item in items],
            "label": [scale.label(item.item) for item in items],
            **_limits(model.fitted.loadings, model.fitted.loading_se, confidence),
        }
    )


def _correlations(model: _Model, scale: Scale, confidence: float) -> pd.DataFrame:
    first, second = np.triu_indices(len(model.factors), 1)
    names = ["+".join(factor) for factor in model.factors]
    labels = [_factor_label(factor, scale) for factor in model.factors]
    found = model.fitted
    limits = _limits(found.correlations[first, second], found.correlation_se[first, second], confidence)
    high = limits["ci_high"]
    readings = np.select(
        [np.isnan(high), high >= ONE, high >= NEARLY_ONE, high >= CLOSE],
        ["unknown", "one", "nearly_one", "close"],
        "apart",
    )
    return pd.DataFrame(
        {
            "model": pd.Series([model.model] * len(first), dtype="str"),
            "factor": pd.Series([names[i] for i in first], dtype="str"),
            "other": pd.Series([names[i] for i in second], dtype="str"),
            "label": pd.Series([labels[i] for i in first], dtype="str"),
            "other_label": pd.Series([labels[i] for i in second], dtype="str"),
            **limits,
            "reading": pd.Series(readings, dtype="str"),
        }
    )


def _limits(estimate: np.ndarray, se: np.ndarray, confidence: float) -> dict[str, np.ndarray]:
    half = stats.norm.ppf((1 + confidence) / 2) * se
    return {"estimate": estimate, "standard_error": se, "ci_low": estimate - half, "ci_high": estimate + half}
