"""What goes with the experience at a touchpoint: overall satisfaction, leaving, and whether it is repaired."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats

from csatlib.stats.intervals import benjamini_hochberg, check_confidence
from csatlib.stats.replicates import REPLICATES
from csatlib.stats.rows import require_columns
from csatlib.touchpoints.contact_rows import BAD, GOOD
from csatlib.touchpoints.importance_tables import COLUMNS as IMPORTANCE
from csatlib.touchpoints.importance_tables import FEWEST, importance, looked_back
from csatlib.touchpoints.pooling import shrink, shrink_shares

DAYS = 90
NEW, YOUNG = 365, 3 * 365
LEVEL = 0.05
ASSOCIATION = (
    *("touchpoint", "term", "n", "n_groups", "reach", "estimate", "ci_low", "ci_high", "p_value", "p_adjusted"),
)
TERMS = {"penalty": {"bad": -1}, "reward": {"good": 1}, "asymmetry": {"bad": -1, "good": -1}}


@dataclass(frozen=True)
class Impact:
    """Three lines beside the workshop's score: association, leaving, repair; the first in two readings.

    Attributes
    ----------
    association : DataFrame
        Overall satisfaction of those who had a bad or a good experience in the days before, against a middling
        one, all touchpoints and covariates in one regression. One row per ``touchpoint`` and ``term``
        ("penalty": middling less bad, "reward": good less middling, "asymmetry": penalty less reward): ``n``
        (answers after a rated experience here), ``n_groups`` (customers), ``reach`` (share of all answers that
        had met the touchpoint, rated or not),
        ``estimate`` (points of the outcome), ``ci_low``, ``ci_high``, ``p_value``, ``p_adjusted``.
    leaving : DataFrame
        Share of customers who left within the days after a bad experience less that after a good one, adjusted:
        ``touchpoint``, ``n`` (bad), ``n_reference`` (good), ``n_groups``, ``value``, ``value_reference`` (raw
        shares), ``raw`` (adjusted difference), ``estimate`` (shrunken), ``ci_low``, ``ci_high``.
    repaired : DataFrame
        Share of bad experiences after which the customer's next rating within the days is good: ``touchpoint``,
        ``n`` (bad experiences with a next rating), ``n_bad`` (all), ``raw``, ``estimate`` (shrunken),
        ``ci_low``, ``ci_high``.
    importance : DataFrame
        Part of the spread of overall satisfaction that goes with how the experiences were, reach counted. One row
        per ``touchpoint`` rated: ``n`` (answers after a rated experience), ``n_groups`` (customers behind them),
        ``few_groups`` (under 30), ``reach`` (share of all answers that had met the touchpoint, rated or not),
        ``rated_share`` (of those, with a rating); ``importance`` (part of R2 of all answers) with
        ``importance_low``, ``importance_high``; ``share`` (of all touchpoints' importance) with ``ci_low``,
        ``ci_high``; ``set`` (a letter in common: cannot be separated; empty where not in the model);
        ``coefficient`` (points of the outcome per point of rating, of those who met it) with
        ``coefficient_low``, ``coefficient_high``; ``r2`` (importance of all together, less what chance
        alone would give: adjusted R2); ``method`` ("lmg",
        "relative_weights").
    """

    association: pd.DataFrame
    leaving: pd.DataFrame
    repaired: pd.DataFrame
    importance: pd.DataFrame = field(default_factory=pd.DataFrame)


def impact(
    contacts: pd.DataFrame,
    *,
    responses: pd.DataFrame | None = None,
    customers: pd.DataFrame | None = None,
    outcome: str = "overall",
    days: int = DAYS,
    start: pd.Timestamp | None = None,
    bad: float = BAD,
    good: float = GOOD,
    adjust: tuple[str, ...] = ("plan",),
    confidence: float = 0.95,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Impact:
    """Measure what goes with the experience at each touchpoint.

    Parameters
    ----------
    contacts : DataFrame
        ``touchpoint``, ``occurred_at``, ``customer_id``, ``rating``; only contacts of known customers count, those
        without a rating for who met a touchpoint.
    responses : DataFrame, optional
        ``customer_id``, ``responded_at`` and the outcome: relationship answers, not those about a contact.
    customers : DataFrame, optional
        ``customer_id``, ``joined_on``, ``left_on`` and the columns of `adjust`.
    outcome : str
        Overall satisfaction.
    days : int
        Days that an experience is followed, and looked back at from an answer.
    start : Timestamp, optional
        Since when contacts are on record: answers within `days` of it are not looked back from, because what came
        before is unknown. Default: contacts reach back far enough for all answers.
    bad, good : float
        Highest rating that is bad, lowest that is good; between them is middling.
    adjust : tuple of str
        Columns of the customers held equal, beside tenure (under a year, under three, longer).
    confidence : float
        Coverage aimed at.
    replicates, seed : int
        Joint replicates of the customers behind the importance, and the seed of their draw.

    Returns
    -------
    Impact
        Association, leaving, repaired, importance; an empty table where its data is not given.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; bad not below good; a customer with two rows.

    Notes
    -----
    Customers are clusters throughout. Importance: variation shared out over the touchpoints' mean ratings of the
    days before by LMG, beyond 20 touchpoints by relative weights, as :func:`csatlib.drivers.importance` does;
    limits are percentiles of joint replicates and exclude 0 by construction; letters from simultaneous max-t
    limits of all differences of shares. Who never met a touchpoint has no experience there rather than an unknown
    one: such a customer takes the mean, and who met it is held constant, in every model before any touchpoint.
    So a share counts how experiences went and not who had them: with the indicator in the touchpoint's block, a
    complaint desk that unhappy customers turn to would come first though nothing that happens there matters.
    One touchpoint alone: importance = reach x coefficient^2 x variance of the ratings / variance of the outcome,
    that is the importance among those who met it times reach. Who met it without rating it is unknown:
    correlations of its ratings are raised by sqrt(met / rated), so that a touchpoint where few rate does not
    count for less; this takes those who rate for like those who do not.

    Association: least squares of the outcome on three indicators per touchpoint (rated; bad; good, by the mean
    rating of the days before), covariates, cluster-robust errors; p values adjusted by Benjamini-Hochberg over all
    rows. Leaving: linear probability model per touchpoint on bad against good, tenure and `adjust`; its error is
    at least that of two independent shares with the touchpoints' common rate, so that no leaver does not pass for
    certainty; shrunken over touchpoints. Contacts of the last `days` are left out, since their time is not over.
    Repaired: the next rating of the same customer at any touchpoint or as the outcome; who is not heard from again
    is not counted. All are associations: customers who rate badly differ from others in more than the experience.

    References
    ----------
    Brandt, R. D. (1987), A procedure for identifying value-enhancing service components using customer
    satisfaction survey data, in: Add Value to Your Service, American Marketing Association, 61-65; Cohen, J. and
    Cohen, P. (1983), Applied Multiple Regression, ch. 7 (values that do not apply); Groemping, U. (2006), Journal
    of Statistical Software 17(1); Liang, K.-Y. and Zeger, S. L. (1986), Biometrika 73(1), 13-22.

    Examples
    --------
    >>> contacts = pd.DataFrame({"touchpoint": "Chat", "customer_id": ["a", "b", "a"], "rating": [2, 3, 6]})
    >>> contacts["occurred_at"] = pd.to_datetime(["2026-09-01", "2026-09-02", "2026-10-01"])
    >>> impact(contacts).repaired[["touchpoint", "n", "n_bad", "raw"]].values.tolist()
    [['Chat', 1, 2, 1.0]]
    """
    check_confidence(confidence)
    require_columns(contacts.columns, ["touchpoint", "occurred_at", "customer_id", "rating"])
    if not bad < good or not days > 0:
        raise ValueError(f"bad={bad:g}, good={good:g}, days={days}; allowed are bad < good and days above 0")
    known = contacts.dropna(subset=["customer_id"]).sort_values("occurred_at", kind="stable")
    known = known[["touchpoint", "occurred_at", "customer_id", "rating"]]
    rated = known.dropna(subset=["rating"]).reset_index(drop=True)
    people = None
    if customers is not None:
        require_columns(customers.columns, ["customer_id", "joined_on", "left_on", *adjust])
        people = customers.set_index("customer_id")
        if people.index.has_duplicates:
            twice = people.index[people.index.duplicated()][0]
            raise ValueError(f"customers hold {twice!r} more than once; allowed is one row per customer_id")
    asked = None
    if responses is not None:
        require_columns(responses.columns, ["customer_id", "responded_at", outcome])
        asked = responses.dropna(subset=["customer_id", outcome])[["customer_id", "responded_at", outcome]]
        asked = asked.reset_index(drop=True)
    association, weights = pd.DataFrame(columns=ASSOCIATION), pd.DataFrame(columns=IMPORTANCE)
    covered = asked
    if asked is not None and start is not None:
        begin = pd.Timestamp(start) + pd.Timedelta(days=days)
        covered = asked[asked["responded_at"] >= begin].reset_index(drop=True)
    if covered is not None and len(covered):
        own = _covariates(covered["customer_id"], covered["responded_at"], people, adjust)
        rating, met = looked_back(covered, known, days=days)
        association = _association(covered, rating, met, own, outcome, (bad, good), confidence)
        drawn = {"confidence": confidence, "replicates": replicates, "seed": seed}
        weights = importance(covered, rating, met, own, outcome=outcome, **drawn)
    return Impact(
        association,
        _leaving(rated, contacts["occurred_at"].max(), people, days, (bad, good), adjust, confidence),
        _repaired(rated, asked, outcome, days, (bad, good), confidence),
        weights,
    )


def moments_of_truth(found: Impact, entries: pd.DataFrame) -> pd.DataFrame:
    """Name the touchpoints where much is at stake and a bad experience weighs more than a good one.

    Parameters
    ----------
    found : Impact
        From :func:`impact`.
    entries : DataFrame
        From :func:`csatlib.touchpoints.inventory`.

    Returns
    -------
    DataFrame
        Rows of ``association`` with the term "asymmetry", with ``band`` and ``impact`` of the workshop and
        ``moment_of_truth``: band "high", penalty above 0 and asymmetry above 0 beyond random variation.

    Examples
    --------
    >>> terms = {"touchpoint": "Chat", "term": ["penalty", "reward", "asymmetry"], "estimate": [0.9, 0.1, 0.8]}
    >>> found = Impact(pd.DataFrame(terms).assign(p_adjusted=0.01), pd.DataFrame(), pd.DataFrame())
    >>> moments_of_truth(found, pd.DataFrame({"touchpoint": ["Chat"], "band": "high", "impact": 9.0}))[
    ...     ["touchpoint", "moment_of_truth"]
    ... ].values.tolist()
    [['Chat', True]]
    """
    table = found.association
    beyond = table[(table["p_adjusted"] < LEVEL) & (table["estimate"] > 0)]
    penalised = set(beyond.loc[beyond["term"] == "penalty", "touchpoint"])
    rows = table[table["term"] == "asymmetry"].merge(entries[["touchpoint", "band", "impact"]], how="left")
    sure = (rows["p_adjusted"] < LEVEL) & (rows["estimate"] > 0)
    return rows.assign(moment_of_truth=sure & rows["touchpoint"].isin(penalised) & (rows["band"] == "high"))


def _covariates(
    ids: pd.Series, time: pd.Series, people: pd.DataFrame | None, adjust: tuple[str, ...]
) -> pd.DataFrame:
    """Tenure and other columns of the customers as indicators."""
    if people is None:
        return pd.DataFrame(index=ids.index)
    own = people.reindex(ids).set_axis(ids.index)
    tenure = (time - own["joined_on"]).dt.days
    parts = {"new": (tenure < NEW).astype(float), "young": tenure.between(NEW, YOUNG, "left").astype(float)}
    dummies = [pd.get_dummies(own[c].astype("str"), prefix=c, drop_first=True, dtype=float) for c in adjust]
    return pd.concat([pd.DataFrame(parts), *dummies], axis=1)


def _full_rank(design: pd.DataFrame) -> pd.DataFrame:
    """Add a constant and leave out columns that those before them already tell."""
    design = sm.add_constant(design, has_constant="add")
    upper = np.abs(np.diag(np.linalg.qr(design.to_numpy(dtype=float), mode="r")))
    return design.loc[:, upper > 1e-9 * upper.max()]


def _association(asked, rating, met, covariates, outcome, ends, confidence) -> pd.DataFrame:
    sides = {name: (v <= ends[0], v >= ends[1], _middling(v, ends)) for name, v in rating.items()}
    enough = {name: [asked.loc[side, "customer_id"].nunique() for side in own] for name, own in sides.items()}
    names = [name for name, clusters in enough.items() if min(clusters) >= FEWEST]
    if not names:
        return pd.DataFrame(columns=ASSOCIATION)
    parts = {f"rated|{name}": rating[name].notna() for name in names}
    parts |= {f"bad|{name}": rating[name] <= ends[0] for name in names}
    parts |= {f"good|{name}": rating[name] >= ends[1] for name in names}
    design = pd.concat([pd.DataFrame(parts).astype(float), covariates], axis=1)
    fit = sm.OLS(asked[outcome].astype(float), _full_rank(design)).fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(asked["customer_id"])[0]}
    )
    rows = []
    for name in names:
        own = rating[name].notna()
        about = {"touchpoint": name, "n": int(own.sum()), "reach": met[name].mean()}
        about["n_groups"] = asked.loc[own, "customer_id"].nunique()
        rows += [about | row for row in _terms(fit, name, about["n_groups"], confidence)]
    found = pd.DataFrame(rows)
    return found.assign(p_adjusted=benjamini_hochberg(found["p_value"]))[list(ASSOCIATION)]


def _terms(fit, name: str, clusters: int, confidence: float) -> list[dict]:
    """Penalty, reward and their difference, with limits by Student's t on the clusters."""
    found = []
    for term, chosen in TERMS.items():
        contrast = pd.Series(0.0, index=fit.params.index)
        contrast[[f"{side}|{name}" for side in chosen]] = list(chosen.values())
        estimate, se = float(contrast @ fit.params), float(np.sqrt(contrast @ fit.cov_params() @ contrast))
        half = stats.t.ppf((1 + confidence) / 2, clusters - 1) * se
        limits = {"estimate": estimate, "ci_low": estimate - half, "ci_high": estimate + half}
        found.append({"term": term} | limits | {"p_value": 2 * stats.t.sf(abs(estimate) / se, clusters - 1)})
    return found


def _middling(values: pd.Series, ends: tuple[float, float]) -> pd.Series:
    return values.between(*ends, inclusive="neither")


def _leaving(rated, end, people, days, ends, adjust, confidence) -> pd.DataFrame:
    columns = ["touchpoint", "n", "n_reference", "n_groups", "value", "value_reference", "raw"]
    if people is None or rated.empty:
        return pd.DataFrame(columns=[*columns, "estimate", "ci_low", "ci_high"])
    left = people["left_on"].reindex(rated["customer_id"]).set_axis(rated.index)
    rows = rated.assign(gone=((left - rated["occurred_at"]).dt.days < days).astype(float))
    over = rows["occurred_at"] <= end - pd.Timedelta(days=days)
    there = people.index.get_indexer(rows["customer_id"]) >= 0
    rows = rows[over & there & ~_middling(rows["rating"], ends)]
    rate = rows["gone"].mean()
    found, errors = [], []
    for name, own in rows.groupby("touchpoint"):
        worse = own["rating"] <= ends[0]
        about = {"touchpoint": name, "n": int(worse.sum()), "n_reference": int((~worse).sum())}
        about |= {"n_groups": own["customer_id"].nunique(), "value": own.loc[worse, "gone"].mean()}
        found.append(about | {"value_reference": own.loc[~worse, "gone"].mean(), "raw": np.nan})
        errors.append(np.nan)
        if min(own[side]["customer_id"].nunique() for side in (worse, ~worse)) < FEWEST:
            continue
        design = _covariates(own["customer_id"], own["occurred_at"], people, adjust)
        design = pd.concat([worse.astype(float).rename("_worse"), design], axis=1)
        fit = sm.OLS(own["gone"], _full_rank(design)).fit(
            cov_type="cluster", cov_kwds={"groups": pd.factorize(own["customer_id"])[0]}
        )
        least = np.sqrt(rate * (1 - rate) * (1 / worse.sum() + 1 / (~worse).sum()))
        found[-1]["raw"] = fit.params["_worse"]
        errors[-1] = max(fit.bse["_worse"], least)
    table = pd.DataFrame(found, columns=columns)
    if not 0 < rate < 1:
        return table.assign(estimate=np.nan, ci_low=np.nan, ci_high=np.nan)
    drawn = shrink(table["raw"], errors, unit=float(np.sqrt(rate * (1 - rate))), confidence=confidence)
    return table.assign(estimate=drawn.estimate, ci_low=drawn.ci_low.clip(-1), ci_high=drawn.ci_high.clip(max=1))


def _repaired(rated, asked, outcome, days, ends, confidence) -> pd.DataFrame:
    heard = [rated.rename(columns={"occurred_at": "time", "rating": "mark"})]
    if asked is not None:
        heard.append(asked.rename(columns={"responded_at": "time", outcome: "mark"}))
    heard = pd.concat(heard, ignore_index=True).sort_values("time", kind="stable")
    held = heard.groupby("customer_id", sort=False)
    soon = (held["time"].shift(-1) - heard["time"]).dt.days < days
    later = held["mark"].shift(-1).where(soon)
    bad = heard[heard["touchpoint"].notna() & (heard["mark"] <= ends[0])].assign(later=later)
    bad = bad.assign(good=(bad["later"] >= ends[1]) & bad["later"].notna())
    found = bad.groupby("touchpoint").agg(n=("later", "count"), n_bad=("later", "size"), hits=("good", "sum"))
    drawn = shrink_shares(found["hits"].astype(float), found["n"].astype(float), confidence=confidence)
    table = found.reset_index().assign(estimate=drawn.estimate, ci_low=drawn.ci_low, ci_high=drawn.ci_high)
    table["raw"] = (table["hits"] / table["n"]).where(table["n"] > 0)
    return table[["touchpoint", "n", "n_bad", "raw", "estimate", "ci_low", "ci_high"]]
