"""How many answers a figure needs."""

import numpy as np
import pandas as pd
from scipy import stats

from csatlib.stats.intervals import check_confidence


def sample_size(
    *,
    sd: float,
    margin: float | None = None,
    detectable: float | None = None,
    confidence: float = 0.95,
    power: float = 0.8,
    design_effect: float = 1.0,
    population: int | None = None,
    response_rate: float = 1.0,
) -> pd.DataFrame:
    """Answers and invitations needed for an interval or to see a change.

    Parameters
    ----------
    sd : float
        Standard deviation of one answer, in the score's unit: column ``sd`` of :func:`csatlib.scores.nps` and
        :func:`csatlib.scores.csat`; at most 100 points for an NPS and 0.5 for a share.
    margin : float, optional
        Half the length of the interval wished for.
    detectable : float, optional
        True change between two periods of n answers each that should be found.
    confidence, power : float
        Of the interval, and the chance to find the change.
    design_effect : float
        n / n_eff of earlier surveys.
    population : int, optional
        Customers there are; the fewer, the fewer answers are needed.
    response_rate : float
        Share of the invited who answer.

    Returns
    -------
    DataFrame
        One row per wish: ``purpose`` ("interval" or "change"), ``wish`` (margin or change), ``n`` answers (each
        period), ``n_eff``, ``invitations`` (each period), rounded up.

    Raises
    ------
    ValueError
        Neither wish, or figures outside their range: all at once.

    Notes
    -----
    interval: n = (z sd / margin)^2; change: n = 2 ((z[(1 + confidence) / 2] + z[power]) sd / change)^2; with a
    population N: n / (1 + (n - 1) / N); times the design effect. No cure for answers that do not represent.

    References
    ----------
    Cochran, W. G. (1977), Sampling Techniques, ch. 4.

    Examples
    --------
    >>> sample_size(sd=78.1, margin=5, response_rate=0.25)[["n", "invitations"]].values.tolist()
    [[938, 3752]]
    """
    check_confidence(confidence)
    problems = [
        f"{name}={value}; it must be above zero"
        for name, value in {"sd": sd, "margin": margin, "detectable": detectable, "population": population}.items()
        if value is not None and not value > 0
    ]
    if margin is None and detectable is None:
        problems.append("give margin, detectable or both")
    if not 0 < power < 1:
        problems.append(f"power={power}; it must lie between 0 and 1")
    if not 0 < response_rate <= 1:
        problems.append(f"response_rate={response_rate}; it must lie above 0 and up to 1")
    if not design_effect >= 1:
        problems.append(f"design_effect={design_effect}; it is 1 or more")
    if problems:
        raise ValueError("; ".join(problems))
    z, reach = stats.norm.ppf((1 + confidence) / 2), stats.norm.ppf(power)
    wishes = [("interval", margin, z**2), ("change", detectable, 2 * (z + reach) ** 2)]
    table = pd.DataFrame([wish for wish in wishes if wish[1] is not None], columns=["purpose", "wish", "factor"])
    n = table.pop("factor") * (sd / table["wish"]) ** 2
    if population is not None:
        n = n / (1 + (n - 1).clip(lower=0) / population)
    slack = 1e-9  # 324.0000000001 answers are 324
    answers = np.ceil(n * design_effect - slack)
    if population is not None:
        answers = np.minimum(answers, population)
    return table.assign(
        n=answers.astype(np.int64),
        n_eff=np.ceil(n - slack).astype(np.int64),
        invitations=np.ceil(answers / response_rate - slack).astype(np.int64),
    )
