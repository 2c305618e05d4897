"""Penalty-reward contrasts of 10 columns, 5,000 rows: our proportional-odds fit beside OrderedModel."""

import time

import numpy as np
import pandas as pd
from statsmodels.miscmodels.ordinal_model import OrderedModel

from csatlib.drivers.asymmetry import penalty_reward
from csatlib.drivers.regressions import ordinal

ROWS, COLUMNS, LOW, HIGH = 5_000, 10, 3, 6


def main() -> None:
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(ROWS, 1))
    scores = np.clip(np.rint(4 + 1.3 * (0.6 * shared + 0.8 * rng.normal(size=(ROWS, COLUMNS)))), 1, 7)
    dummies = np.hstack([scores <= LOW, scores >= HIGH]).astype(float)
    latent = 5 + dummies @ np.repeat([-0.5, 0.4], COLUMNS) + rng.logistic(size=ROWS)
    outcome, replicate = np.clip(np.rint(latent), 1, 7), rng.integers(0, 256, ROWS)
    seconds = {}
    start = time.perf_counter()
    found = ordinal(dummies, outcome, np.ones(ROWS), replicate)
    seconds["csatlib, with cluster-robust influence"] = time.perf_counter() - start
    start = time.perf_counter()
    grouped = {"cov_type": "cluster", "cov_kwds": {"groups": replicate}}
    peer = OrderedModel(outcome, dummies, distr="logit").fit(method="bfgs", maxiter=500, disp=0, **grouped)
    seconds["statsmodels, with cluster-robust covariance"] = time.perf_counter() - start
    for name, spent in seconds.items():
        print(f"{name:45} {spent:7.3f} s")
    ours, theirs = seconds.values()
    apart = np.abs(found.coefficients - peer.params[: 2 * COLUMNS]).max()
    print(f"ratio {theirs / ours:.0f}; coefficients at most {apart:.0e} apart")
    frame = pd.DataFrame(scores, columns=[f"x{i}" for i in range(COLUMNS)]).assign(overall=outcome)
    start = time.perf_counter()
    penalty_reward(frame, outcome="overall", drivers=list(frame.columns[:-1]), low=LOW, high=HIGH)
    print(f"penalty_reward, both models, 1,000 replicates: {time.perf_counter() - start:.2f} s")


if __name__ == "__main__":
    main()
