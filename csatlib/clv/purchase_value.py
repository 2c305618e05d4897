"""Customers without a contract: what they will still buy, from models of purchases and of spend."""

import numpy as np
import pandas as pd

from csatlib.clv.gamma_gamma import GammaGamma
from csatlib.clv.purchase_model import PurchaseModel

MONTH = 365.25 / 12
INTERVALS, FAR_INTERVALS = 6, 24
NEGLIGIBLE = 1e-4


def spans(horizon: float, discount: float) -> tuple[np.ndarray, np.ndarray]:
    """Cut the horizon: ends of intervals, in months, and the discount factor of each middle."""
    if np.isinf(horizon):
        far = -np.log(NEGLIGIBLE) / np.log1p(discount)
        ends = np.geomspace(1.0, far, FAR_INTERVALS)
    else:
        ends = np.linspace(0, horizon, INTERVALS + 1)[1:]
    middle = (ends + np.r_[0.0, ends[:-1]]) / 2
    return ends, (1 + discount) ** -middle


def expected_spend(
    model: PurchaseModel, spend: GammaGamma, data: pd.DataFrame, *, discount: float, horizon: float
) -> np.ndarray:
    """Discounted spend expected of each customer; `data` in days, `discount` and `horizon` in months."""
    ends, factor = spans(horizon, discount)
    upto = np.array([model.predict_purchases(data, MONTH * end) for end in ends])
    return factor @ np.diff(upto, axis=0, prepend=0.0) * spend.predict_spend(data).to_numpy()


def drawn_spend(
    model: PurchaseModel,
    spend: GammaGamma,
    data: pd.DataFrame,
    *,
    discount: float,
    horizon: float,
    parameters: tuple[pd.DataFrame, pd.DataFrame],
    seed: int,
) -> np.ndarray:
    """Draw it: parameters, purchases and what each costs, shape (draws, customers)."""
    ends, factor = spans(horizon, discount)
    bought = model.simulate(data, MONTH * ends, parameters=parameters[0], seed=seed)
    money = spend.simulate(data, bought, parameters=parameters[1], seed=seed)
    return np.diff(money, axis=-1, prepend=0.0) @ factor
