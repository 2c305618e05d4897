"""What customers are still worth: discounted value with a prediction interval, by tier, and how far it held."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from csatlib.clv.bg_nbd import BetaGeoNBD
from csatlib.clv.fitting import LikelihoodModel
from csatlib.clv.gamma_gamma import GammaGamma
from csatlib.clv.modified_bg_nbd import ModifiedBetaGeoNBD
from csatlib.clv.pareto_nbd import ParetoNBD
from csatlib.clv.purchase_value import drawn_spend, expected_spend
from csatlib.clv.retention_value import (
    MonthlySpend,
    completed_months,
    drawn_payments,
    expected_payments,
    last_month,
    monthly,
    monthly_spend,
    renewals,
)
from csatlib.clv.rfm_summary import rfm
from csatlib.clv.shifted_beta_geometric import ShiftedBetaGeometric
from csatlib.clv.tiers import SHARES, tiers
from csatlib.stats.intervals import check_confidence
from csatlib.stats.rows import require_columns

MODELS = {
    "retail": {"bg_nbd": BetaGeoNBD, "modified_bg_nbd": ModifiedBetaGeoNBD, "pareto_nbd": ParetoNBD},
    "subscription": {"shifted_beta_geometric": ShiftedBetaGeometric},
}
CHUNK = 2_000
HOLDOUT_DRAWS = 200
YEAR = 12


@dataclass(frozen=True)
class LifetimeValue:
    """Value of each customer and of all.

    Attributes
    ----------
    customers : DataFrame
        One row per customer: the key, ``age`` (months since joining or the first purchase), ``monthly``
        (money a month, or a purchase, expected while active), ``estimate`` (discounted value), ``tier``; for
        lists of one's own, not for pages.
    total : DataFrame
        For pages: ``level`` ("all", "tier" or the column of `by`), ``group``, ``measure`` ("value", "per_customer"
        or "share_of_value"), ``n`` (customers), ``share`` (of all customers, 0 to 1), ``estimate``, ``ci_low``,
        ``ci_high`` (prediction interval; shares in percent).
    models : tuple of LikelihoodModel
        What was fitted: of retention, or of purchases and of spend.
    monthly : MonthlySpend or None
        Payments of a month, under contract.

    Examples
    --------
    >>> LifetimeValue(pd.DataFrame(), pd.DataFrame({"n": [3]}), (), None).total["n"].tolist()
    [3]
    """

    customers: pd.DataFrame
    total: pd.DataFrame
    models: tuple[LikelihoodModel, ...]
    monthly: MonthlySpend | None


def lifetime_value(
    transactions: pd.DataFrame,
    *,
    business: str,
    observed_until: str | date,
    customers: pd.DataFrame | None = None,
    model: str = "auto",
    horizon: float = 36,
    margin: float = 1.0,
    discount: float = 0.10,
    by: str | None = None,
    shares: Sequence[float] = SHARES,
    customer: str = "customer_id",
    time: str = "occurred_at",
    amount: str = "amount",
    joined: str = "joined_on",
    left: str = "left_on",
    months: int = 12,
    draws: int = 400,
    confidence: float = 0.95,
    seed: int = 0,
) -> LifetimeValue:
    """Value what customers will still pay.

    Parameters
    ----------
    transactions : DataFrame
        One row per payment; a negative amount is a refund. Later ones than `observed_until` are left out.
    business : {"subscription", "retail"}
        Whether customers leave on a known day, or just stop buying. It decides the model.
    observed_until : date
        Last day of the records; the value is that of the days after it, in money of that day.
    customers : DataFrame, optional
        One row per customer; needed under contract, with `joined` and `left`. Valued are those still there. For
        retail only `by` is taken from it; valued is everybody who ever bought.
    model : str
        "auto": "shifted_beta_geometric" under contract, "bg_nbd" in retail; there also "modified_bg_nbd",
        "pareto_nbd".
    horizon : float
        Months valued; ``float("inf")`` for all.
    margin : float
        Share of the payments that is left after the costs of serving customers, above 0 up to 1.
    discount : float
        Per year, 0.10: 110 in a year are worth 100 today.
    by : str, optional
        Column of `customers` to add up by.
    shares : sequence of float
        Shares of customers in tiers A, B, C, ..., the most valuable first; together 1.
    customer, time, amount, joined, left : str
        Columns.
    months : int
        Whole months that payments are expected from, under contract.
    draws : int
        Futures drawn.
    confidence : float
        Coverage aimed at.
    seed : int
        Of the draws.

    Returns
    -------
    LifetimeValue
        Customers, totals with **prediction** intervals, models.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; settings that are not allowed; a model that does not fit the business; a model
        without a stable fit.

    Notes
    -----
    Under contract: margin x monthly payments x sum over t of S(k + t) / S(k) / (1 + d)^(t - 1), the first payment
    being due at the next monthly renewal: the discounted expected residual lifetime; and of the payment of the
    month in which a customer leaves, the share that those who left so far have paid. Payments are expected from
    the last whole months, drawn towards the mean of all (normal-normal), and thought independent of staying.
    Retail: margin x spend per purchase x discounted expected purchases. The interval holds for what is drawn:
    parameters, who stays or buys, what is paid. A changed price, a new competitor or a season is not in it: see
    :func:`value_holdouts`.

    References
    ----------
    Fader, P. S. and Hardie, B. G. S. (2010), Customer-base valuation in a contractual setting, Marketing Science
    29(1), 85-93; Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005), RFM and CLV, Journal of Marketing Research
    42, 415-430.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", "2025-12-01", freq="MS")
    >>> people = pd.DataFrame({"customer_id": range(40), "joined_on": pd.Timestamp("2024-01-01")})
    >>> people["left_on"] = pd.to_datetime(["2025-03-05"] * 10 + ["2025-09-05"] * 10 + [None] * 20)
    >>> bills = people.merge(pd.DataFrame({"occurred_at": days, "amount": 20.0}), how="cross")
    >>> bills = bills[~(bills["occurred_at"] >= bills["left_on"])]
    >>> found = lifetime_value(bills, business="subscription", customers=people, observed_until="2025-12-31")
    >>> found.total.query("level == 'all'")["n"].tolist()
    [20, 20, 20]
    """
    problems = _problems(business, model, horizon, margin, discount, shares, customers, left)
    if problems:
        raise ValueError("; ".join(problems))
    check_confidence(confidence)
    columns = {"customer": customer, "time": time, "amount": amount, "joined": joined, "left": left}
    require_columns(transactions.columns, [customer, time, amount])
    name = next(iter(MODELS[business])) if model == "auto" else model
    rules = {"discount": (1 + discount) ** (1 / YEAR) - 1, "horizon": float(horizon)}
    value = _under_contract if business == "subscription" else _in_retail
    people, models, spend, draw = value(
        transactions, customers, MODELS[business][name], pd.Timestamp(observed_until), columns, months, rules
    )
    people["estimate"] = margin * people["estimate"]
    people["tier"] = tiers(people, shares=shares, customer=customer)
    if by is not None and customers is not None and by in customers.columns:
        people = people.merge(customers[[customer, by]], on=customer, how="left")
    levels = {"all": np.array(["all"] * len(people)), "tier": people["tier"].to_numpy()}
    levels |= {by: people[by].to_numpy()} if by in people.columns else {}
    total = _totals(people, levels, lambda *part: margin * draw(*part, draws, seed), confidence)
    return LifetimeValue(people, total, models, spend)


def _problems(business, model, horizon, margin, discount, shares, customers, left) -> list[str]:
    if business not in MODELS:
        return [f"business={business!r}; allowed are {', '.join(map(repr, MODELS))}"]
    told = []
    if model != "auto" and model not in MODELS[business]:
        told.append(_refusal(business, model))
    if business == "subscription" and (customers is None or left not in customers.columns):
        told.append(
            f"under contract the day a customer left must be known: customers lack {left!r}; "
            'give it, or use business="retail" where customers just stop buying'
        )
    if not 0 < margin <= 1:
        told.append(f"margin={margin}; it is a share of the payments, above 0 up to 1, for example 0.3")
    if not horizon >= 1 or (np.isfinite(horizon) and horizon % 1):
        told.append(f'horizon={horizon}; it is a whole number of months from 1, or float("inf")')
    if discount < 0 or (np.isinf(horizon) and not discount > 0):
        told.append(f"discount={discount}; it is a rate per year from 0, above 0 without an end to the horizon")
    if not np.isclose(sum(shares), 1) or min(shares) <= 0:
        told.append(f"shares={list(shares)}; they must be above 0 and add up to 1, for example 0.2, 0.3, 0.5")
    return told


def _refusal(business: str, model: str) -> str:
    allowed = ", ".join(map(repr, MODELS[business]))
    why = {
        "retail": "in retail nobody says when they leave, so there are no days of leaving to fit retention to",
        "subscription": "under contract the day of leaving is known, and a model that guesses it would ignore it",
    }
    if not any(model in names for names in MODELS.values()):
        return f"model={model!r}; allowed are 'auto', {allowed}"
    return f"model={model!r} does not fit business={business!r}: {why[business]}; allowed are 'auto', {allowed}"


def _under_contract(transactions, customers, kind, until, columns, months, rules):
    """Those still there: expected value, and a function that draws it for some of them."""
    customer, joined, left = columns["customer"], columns["joined"], columns["left"]
    require_columns(customers.columns, [customer, joined, left])
    end = until + pd.Timedelta(days=1)
    paid = transactions[transactions[columns["time"]] < end]
    start = pd.Timestamp(paid[columns["time"]].min()).normalize()
    model = kind().fit_renewals(
        renewals(customers, observed_from=start, observed_until=until, joined=joined, left=left)
    )
    here = customers[(customers[joined] < end) & ~(customers[left] < end)].sort_values(customer)
    people = here[[customer]].assign(age=completed_months(here[joined], end)).reset_index(drop=True)
    sums = monthly(paid, customer=customer, time=columns["time"], amount=columns["amount"])
    who = {"until": until, "customer": customer, "joined": joined}
    spend = replace(
        monthly_spend(sums, here, last=months, **who), last=last_month(sums, customers, left=left, **who)
    )
    model._require_fit()
    people["monthly"] = spend.expected
    people["estimate"] = spend.expected * expected_payments(
        model, people["age"].to_numpy(), last=spend.last, **rules
    )

    def draw(rows: slice, draws: int, seed: int) -> np.ndarray:
        own = replace(spend, expected=spend.expected[rows], uncertain=spend.uncertain[rows])
        rng = model._stream(seed, f"value {rows.start}")
        parameters = model.sample_parameters(draws, seed=seed)
        return drawn_payments(model, people["age"].to_numpy()[rows], own, parameters=parameters, rng=rng, **rules)

    return people, (model,), spend, draw


def _in_retail(transactions, customers, kind, until, columns, months, rules):
    """Everybody who ever bought: expected value, and a function that draws it for some of them."""
    names = {name: columns[name] for name in ("customer", "time", "amount")}
    data = rfm(transactions, observed_until=until, **names)
    model, spend = kind().fit(data), GammaGamma().fit(data)
    people = data[[columns["customer"]]].assign(age=data["age"] * YEAR / 365.25)
    people["monthly"] = spend.predict_spend(data).to_numpy()
    people["estimate"] = expected_spend(model, spend, data, **rules)

    def draw(rows: slice, draws: int, seed: int) -> np.ndarray:
        parameters = (model.sample_parameters(draws, seed=seed), spend.sample_parameters(draws, seed=seed))
        own = {"parameters": parameters, "seed": seed + rows.start, **rules}
        return drawn_spend(model, spend, data.iloc[rows], **own)

    return people, (model, spend), None, draw


def _totals(people: pd.DataFrame, levels: Mapping[Any, np.ndarray], draw, confidence: float) -> pd.DataFrame:
    """Add up by level and group, with the quantiles of the sums drawn."""
    rows, marks = [], []
    for level, groups in levels.items():
        for group in sorted(set(pd.Series(groups).dropna())):
            rows.append({"level": level, "group": group})
            marks.append(groups == group)
    member = np.array(marks, dtype=float).T
    chunks = (slice(at, min(at + CHUNK, len(people))) for at in range(0, len(people), CHUNK))
    drawn = sum(draw(part) @ member[part] for part in chunks)
    n, worth = member.sum(axis=0), people["estimate"].to_numpy() @ member
    table = pd.DataFrame(rows).assign(n=n.astype(int), share=n / len(people))
    tail = (1 - confidence) / 2
    found = {
        "value": (worth, drawn),
        "per_customer": (worth / n, drawn / n),
        "share_of_value": (100 * worth / worth[0], 100 * drawn / drawn[:, :1]),
    }
    parts = []
    for measure, (estimate, futures) in found.items():
        low, high = np.quantile(futures, [tail, 1 - tail], axis=0)
        part = table.assign(estimate=estimate, ci_low=low, ci_high=high)
        part.insert(2, "measure", measure)
        if measure == "share_of_value":
            part.loc[part["level"] == "all", ["ci_low", "ci_high"]] = np.nan
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def value_holdouts(
    transactions: pd.DataFrame,
    *,
    business: str,
    observed_until: str | date,
    customers: pd.DataFrame | None = None,
    months: int = 3,
    origins: int = 6,
    least: int = 6,
    **settings,
) -> pd.DataFrame:
    """Forecast from earlier days and set beside it what the same customers then paid.

    Parameters
    ----------
    transactions, business, observed_until, customers
        As in :func:`lifetime_value`.
    months : int
        Months forecast each time.
    origins : int
        Forecasts, a month apart, the last one `months` before the end of the records.
    least : int
        Months of records that a forecast needs.
    **settings
        Of :func:`lifetime_value`: columns, ``model``, ``confidence``, ``draws`` (here 200), ``seed``.

    Returns
    -------
    DataFrame
        One row per origin: ``period`` (last month known), ``n`` (customers), ``value`` (payments counted, net of
        refunds), ``estimate``, ``ci_low``, ``ci_high`` (forecast), ``error_percent``, ``covered``. No margin, no
        discount. Empty where the records are too short.

    Raises
    ------
    KeyError, ValueError
        As :func:`lifetime_value`.

    Notes
    -----
    Nothing that happened after an origin is used in its forecast. Windows overlap, so that hits are not
    independent: a share of hits has no simple interval.

    References
    ----------
    Tashman, L. J. (2000), Out-of-sample tests of forecasting accuracy, International Journal of Forecasting 16.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", "2025-12-01", freq="MS")
    >>> people = pd.DataFrame({"customer_id": range(40), "joined_on": pd.Timestamp("2024-01-01")})
    >>> people["left_on"] = pd.to_datetime(["2024-06-05"] * 10 + ["2025-09-05"] * 10 + [None] * 20)
    >>> bills = people.merge(pd.DataFrame({"occurred_at": days, "amount": 20.0}), how="cross")
    >>> bills = bills[~(bills["occurred_at"] >= bills["left_on"])]
    >>> kept = {"business": "subscription", "customers": people, "observed_until": "2025-12-31"}
    >>> value_holdouts(bills, origins=2, **kept)[["period", "n", "value"]].values.tolist()
    [['2025-08', 30, 1400.0], ['2025-09', 20, 1200.0]]
    """
    time, amount = settings.get("time", "occurred_at"), settings.get("amount", "amount")
    customer = settings.get("customer", "customer_id")
    require_columns(transactions.columns, [customer, time, amount])
    settings = {"draws": HOLDOUT_DRAWS} | settings
    last = (pd.Timestamp(observed_until) + pd.Timedelta(days=1)).to_period("M") - 1
    first = transactions[time].min().to_period("M")
    rows = []
    for back in reversed(range(origins)):
        origin = last - months - back
        if (origin - first).n + 1 < least:
            continue
        until = origin.end_time.normalize()
        known = {"business": business, "customers": customers, "observed_until": until}
        found = lifetime_value(transactions, horizon=months, discount=0.0, margin=1.0, **known, **settings)
        row = found.total.query("level == 'all' and measure == 'value'").iloc[0]
        stop = (origin + months).end_time
        later = transactions[(transactions[time] > origin.end_time) & (transactions[time] <= stop)]
        minor = (later.loc[later[customer].isin(found.customers[customer]), amount] * 100).round()
        paid = float(minor.sum()) / 100
        rows.append((str(origin), row["n"], paid, *row[["estimate", "ci_low", "ci_high"]]))
    table = pd.DataFrame(rows, columns=["period", "n", "value", "estimate", "ci_low", "ci_high"])
    table = table.astype(dict.fromkeys(["value", "estimate", "ci_low", "ci_high"], float))
    table["error_percent"] = 100 * (table["estimate"] / table["value"] - 1)
    return table.assign(covered=table["value"].between(table["ci_low"], table["ci_high"]))
