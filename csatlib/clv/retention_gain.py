"""What more retention would be worth: the same customers, the same payments, fewer of them leaving."""

import numpy as np
import pandas as pd
from scipy.special import betaln

from csatlib.clv.lifetime_value import YEAR, LifetimeValue
from csatlib.clv.retention_value import expected_payments

POWERS, HALVINGS = (1e-6, 50.0), 50
CEILING = 1 - 1e-6


def retention_gain(
    value: LifetimeValue,
    *,
    points: float = 5.0,
    se: float = 0.0,
    over: int = 12,
    horizon: float = 36,
    margin: float = 1.0,
    discount: float = 0.10,
    draws: int = 400,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Value more retention in the company's own money.

    Parameters
    ----------
    value : LifetimeValue
        Of customers under contract, from :func:`csatlib.clv.lifetime_value`.
    points : float
        Percentage points more of today's customers who are still there after `over` months.
    se : float
        Standard error of `points`, where they are an estimate such as that of
        :func:`csatlib.clv.satisfaction_link`.
    over : int
        Months that `points` refers to.
    horizon, margin, discount, draws, confidence, seed
        As in :func:`csatlib.clv.lifetime_value`.

    Returns
    -------
    DataFrame
        One row: ``n`` (customers), ``over``, ``value`` (percent still there after `over` months as things are),
        ``value_reference`` (with the points), ``estimate`` (money more within the horizon, discounted, times
        margin), ``ci_low``, ``ci_high``.

    Raises
    ------
    ValueError
        Retail, where no day of leaving is known; points beyond what is left to 100 %.

    Notes
    -----
    Every customer's chance to stay is raised to one power, S^c (proportional hazards), with c such that the mean
    over customers after `over` months rises by `points`; payments stay as they are, costs of getting there are not
    taken off. The interval holds for parameters, expected payments and `points`.

    Examples
    --------
    >>> from csatlib.clv import ShiftedBetaGeometric
    >>> from csatlib.clv.retention_value import MonthlySpend
    >>> kept = {"period": range(1, 25), "n_at_risk": range(1000, 760, -10), "n_events": 10}
    >>> model = ShiftedBetaGeometric().fit_renewals(pd.DataFrame(kept))
    >>> people = pd.DataFrame({"age": [6] * 100})
    >>> spend = MonthlySpend(np.full(100, 20.0), np.zeros(100), 0.0)
    >>> found = retention_gain(LifetimeValue(people, people, (model,), spend), points=0.0)
    >>> found[["n", "estimate"]].round(6).values.tolist()
    [[100.0, 0.0]]
    """
    if value.monthly is None:
        raise ValueError(
            "in retail nobody says when they leave, so retention is not known: what it is worth can be said under "
            'contract only (business="subscription" in csat.toml, with left_on)'
        )
    model = value.models[0]
    ages, back = np.unique(value.customers["age"].to_numpy(), return_inverse=True)
    share = np.bincount(back) / len(back)
    rng = model._stream(seed, "gain")
    drawn = model.sample_parameters(draws, seed=seed).to_numpy().T[:, :, None]
    values = np.concatenate([model.params_.to_numpy()[:, None, None], drawn], axis=1)
    aimed = points + se * np.r_[0.0, rng.standard_normal(draws)]
    stay = np.exp(betaln(values[0], values[1] + ages + over) - betaln(values[0], values[1] + ages))
    now = stay @ share
    if now[0] + points / 100 > CEILING:
        raise ValueError(f"points={points}; {100 * now[0]:.1f} % stay already, so less than that is left to gain")
    power = _power(stay, share, np.minimum(now + aimed / 100, CEILING))
    rules = {"discount": (1 + discount) ** (1 / YEAR) - 1, "horizon": float(horizon), "values": values}
    rules["last"] = value.monthly.last
    more = expected_payments(model, ages, power=power[:, None], **rules) - expected_payments(model, ages, **rules)
    paid = np.bincount(back, value.monthly.expected)
    unsure = np.sqrt(np.bincount(back, value.monthly.uncertain**2))
    noise = np.vstack([np.zeros(len(ages)), rng.standard_normal((draws, len(ages)))])
    worth = margin * (more * (paid + unsure * noise)).sum(axis=1)
    tail = (1 - confidence) / 2
    low, high = np.quantile(worth[1:], [tail, 1 - tail])
    row = {"n": len(back), "over": over, "value": 100 * now[0], "value_reference": 100 * now[0] + points}
    return pd.DataFrame([row | {"estimate": worth[0], "ci_low": low, "ci_high": high}])


def retention_gains(
    value: LifetimeValue, link: pd.DataFrame | None = None, *, points: float = 5.0, over: int = 6, **settings
) -> pd.DataFrame:
    """Value so many points more, and beside it what goes with low scores becoming middle ones.

    Parameters
    ----------
    value : LifetimeValue
        Of customers under contract.
    link : DataFrame, optional
        From :func:`csatlib.clv.satisfaction_link`.
    points : float
        Points more retention over 12 months.
    over : int
        Months of the windows behind `link`.
    **settings
        Of :func:`retention_gain`: ``horizon``, ``margin``, ``discount``, ``draws``, ``confidence``, ``seed``.

    Returns
    -------
    DataFrame
        Rows of :func:`retention_gain` with ``group``: "points", and, unless it rests on few groups, "low as
        middle", whose ``n`` are the low scores behind it.

    Raises
    ------
    ValueError
        As :func:`retention_gain`.

    Notes
    -----
    "low as middle" is the money if the association holds in full: if customers whose score rises would then stay
    as those do who have such a score today.

    Examples
    --------
    >>> from csatlib.clv import ShiftedBetaGeometric
    >>> from csatlib.clv.retention_value import MonthlySpend
    >>> kept = {"period": range(1, 25), "n_at_risk": range(1000, 760, -10), "n_events": 10}
    >>> model = ShiftedBetaGeometric().fit_renewals(pd.DataFrame(kept))
    >>> people = pd.DataFrame({"age": [6] * 100})
    >>> spend = MonthlySpend(np.full(100, 20.0), np.zeros(100), 0.0)
    >>> retention_gains(LifetimeValue(people, people, (model,), spend))["group"].tolist()
    ['points']
    """
    rows = [retention_gain(value, points=points, **settings).assign(group="points")]
    if link is not None:
        lift = link.query("measure == 'retention' and group == 'low as middle' and not few_groups")
        for row in lift.to_dict("records"):
            found = retention_gain(value, points=row["estimate"], se=row["se"], over=over, **settings)
            rows.append(found.assign(group=row["group"], n=row["n"]))
    return pd.concat(rows, ignore_index=True)


def _power(stay: np.ndarray, share: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Halve the interval of powers until the mean of stay^power meets the target, each draw on its own."""
    low, high = (np.full(len(target), np.log(end)) for end in POWERS)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        above = (stay ** np.exp(middle)[:, None]) @ share > target
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.exp((low + high) / 2)
