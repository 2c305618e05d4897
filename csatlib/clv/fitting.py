"""Fit a model by maximum likelihood on the log scale: starts, convergence told apart, prior, covariance."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import optimize, stats

from csatlib.stats.intervals import check_confidence

PRIORS = ("if_needed", "never", "always")
FAR = 30.0  # log parameters are held within this
AWAY = 10.0  # a log parameter this far from its first start has run away: a factor of 22,000
FLAT = 3.0  # standard error of a log parameter beyond which nothing is known: a factor of 400 either way
DECREMENT = 1e-5  # log-likelihood still to be gained, by the local quadratic
OPEN = 0.2  # share of a parameter in a direction without maximum that makes it worth naming
STEP = 1e-5  # of the differences that turn gradients into a Hessian
SAMPLE_ROWS = 3_000

Objective = Callable[[np.ndarray], tuple[float, np.ndarray]]


@dataclass(frozen=True)
class Fit:
    """Where a search ended, on the log scale."""

    logs: np.ndarray
    value: float
    hessian: np.ndarray
    converged: bool
    reason: str


class LikelihoodModel:
    """What the models share: a fit that says whether it can be trusted, its errors, draws of its parameters.

    A subclass names its ``parameters`` and gives ``_log_likelihood(values, rows)`` with its gradient,
    ``_starts(rows)``, ``_rows(data)`` and ``_sample(rows)``.
    """

    parameters: tuple[str, ...] = ()

    def __init__(
        self,
        *,
        prior: str = "if_needed",
        median: Mapping[str, float] | None = None,
        spread: float = 1.5,
        confidence: float = 0.95,
    ):
        check_confidence(confidence)
        problems = [] if prior in PRIORS else [f"prior={prior!r}; allowed are {', '.join(map(repr, PRIORS))}"]
        if not spread > 0:
            problems.append(f"spread={spread}; it must be positive, for example 1.5")
        if median is not None and (set(median) != set(self.parameters) or min(median.values()) <= 0):
            problems.append(f"median={dict(median)}; it needs a positive number for each of {self.parameters}")
        if problems:
            raise ValueError("; ".join(problems))
        self.prior, self.median, self.spread, self.confidence = prior, median, spread, confidence

    def _fit(self, rows) -> "LikelihoodModel":
        """Search, with the prior where it was asked for or is needed."""
        start, n = np.log(self._starts(rows)), float(rows.count.sum())
        center = np.log([self.median[name] for name in self.parameters]) if self.median else start[0]
        found = None
        if self.prior != "always":
            found = self._search(rows, start, None)
        self.reason_ = found.reason if found else ""
        used = self.prior == "always" or (self.prior == "if_needed" and not found.converged)
        if used:
            found = self._search(rows, np.vstack([center, start]), center)
            self.reason_ = self.reason_ or found.reason
        self.prior_ = f"log-normal, spread {self.spread:g}" if used else None
        self.converged_ = found.converged
        self._set(found.logs, n)
        self.log_likelihood_ = float(self._log_likelihood(np.exp(found.logs), rows)[0])
        covariance = _inverse(found.hessian) / n if found.converged else np.full(found.hessian.shape, np.nan)
        self.covariance_ = pd.DataFrame(covariance, index=self.parameters, columns=self.parameters)
        self.aic_ = 2 * len(self.parameters) - 2 * self.log_likelihood_ if self._comparable() else np.nan
        return self

    def _set(self, at: np.ndarray, n: float) -> None:
        self.params_ = pd.Series(np.exp(at), index=self.parameters, name="estimate")
        self.n_ = int(n)

    def _comparable(self) -> bool:
        return self.converged_ and self.prior_ is None

    def _search(self, rows, starts: np.ndarray, center: np.ndarray | None) -> Fit:
        """Search on a sample of many rows first, so that few passes over all of them are left."""
        few, inverse, origin = self._sample(rows), None, starts[0]
        if few is not rows:
            rough = maximise(self._objective(few, center), starts, self.parameters, few.count.sum(), origin)
            if rough.converged:
                starts, inverse = rough.logs[None], _inverse(rough.hessian)
        return maximise(self._objective(rows, center), starts, self.parameters, rows.count.sum(), origin, inverse)

    def _objective(self, rows, center: np.ndarray | None) -> Objective:
        n = rows.count.sum()

        def objective(at: np.ndarray) -> tuple[float, np.ndarray]:
            values = np.exp(np.clip(at, -FAR, FAR))
            value, gradient = self._log_likelihood(values, rows)
            value, gradient = -value / n, -gradient * values / n
            if center is not None:
                away = (at - center) / self.spread**2
                value, gradient = value + away @ (at - center) / (2 * n), gradient + away / n
            return value, gradient

        return objective

    def _require_fit(self) -> None:
        if not hasattr(self, "params_"):
            raise ValueError(f"{type(self).__name__} has no parameters yet: call fit first")
        if not self.converged_:
            raise ValueError(
                f"{type(self).__name__} did not converge ({self.reason_}); use more customers, another model, "
                'or prior="if_needed"'
            )

    @classmethod
    def from_parameters(cls, values: Mapping[str, float]) -> "LikelihoodModel":
        """Make a model with given parameters, such as published ones; it has no standard errors.

        Parameters
        ----------
        values : mapping of str to float
            A positive number for each parameter.

        Returns
        -------
        LikelihoodModel
            Ready to predict.

        Raises
        ------
        ValueError
            Parameters that are missing, unknown or not positive.
        """
        model = cls(prior="never", median=values)
        model._set(np.log([float(values[name]) for name in cls.parameters]), 0)
        model.converged_, model.prior_, model.reason_ = True, None, ""
        model.log_likelihood_ = model.aic_ = np.nan
        empty = np.full((len(cls.parameters),) * 2, np.nan)
        model.covariance_ = pd.DataFrame(empty, index=cls.parameters, columns=cls.parameters)
        return model

    @property
    def standard_errors_(self) -> pd.Series:
        """Standard errors of the parameters, by the delta method from those of their logarithms."""
        return self.params_ * np.sqrt(np.diag(self.covariance_))

    @property
    def summary_(self) -> pd.DataFrame:
        """One row per parameter: estimate, se, ci_low, ci_high, n, log_likelihood, aic, prior, converged."""
        reach = stats.norm.ppf((1 + self.confidence) / 2) * np.sqrt(np.diag(self.covariance_))
        return pd.DataFrame(
            {
                "parameter": list(self.parameters),
                "n": self.n_,
                "estimate": self.params_.to_numpy(),
                "se": self.standard_errors_.to_numpy(),
                "ci_low": (self.params_ * np.exp(-reach)).to_numpy(),
                "ci_high": (self.params_ * np.exp(reach)).to_numpy(),
                "log_likelihood": self.log_likelihood_,
                "aic": self.aic_,
                "prior": self.prior_ or "none",
                "converged": self.converged_,
            }
        )

    def sample_parameters(self, draws: int = 1000, *, seed: int = 0) -> pd.DataFrame:
        """Draw parameters from the normal approximation on the log scale.

        Parameters
        ----------
        draws : int
            How many.
        seed : int
            Of the draws.

        Returns
        -------
        DataFrame
            One row per draw, one column per parameter, all positive.

        Raises
        ------
        ValueError
            A model that is not fitted, did not converge or was made from given parameters.
        """
        self._require_fit()
        if self.covariance_.isna().to_numpy().any():
            raise ValueError(f"{type(self).__name__} was not fitted to data, so its parameters have no errors")
        rng = self._stream(seed, "parameters")
        root = np.linalg.cholesky(self.covariance_.to_numpy())
        drawn = rng.standard_normal((draws, len(self.parameters))) @ root.T
        return pd.DataFrame(self.params_.to_numpy() * np.exp(drawn), columns=self.parameters)

    def _stream(self, seed: int, purpose: str) -> np.random.Generator:
        """Random numbers of its own for each model and purpose, so that one seed does not tie them together."""
        return np.random.default_rng([seed, zlib.crc32(f"{type(self).__name__} {purpose}".encode())])

    def _values(self, parameters) -> np.ndarray:
        """Parameters as (draws, 1) columns, or as numbers for the fitted ones."""
        if parameters is None:
            return self.params_.to_numpy()
        return parameters[list(self.parameters)].to_numpy(dtype=float).T[:, :, None]


def maximise(
    objective: Objective,
    starts: np.ndarray,
    names: Sequence[str],
    n: float,
    origin: np.ndarray,
    inverse: np.ndarray | None = None,
) -> Fit:
    """Minimise a mean negative log-likelihood from the best starts and judge where it ended."""
    order = np.argsort([objective(start)[0] for start in starts])
    best = None
    for i in order:
        found = optimize.minimize(
            objective, starts[i], jac=True, method="BFGS", options={"gtol": 1e-7, "hess_inv0": inverse}
        )
        fit = judge(objective, found.x, names, n, origin)
        if best is None or (fit.converged, -fit.value) > (best.converged, -best.value):
            best = fit
        if best.converged:
            break
    return best


def judge(objective: Objective, at: np.ndarray, names: Sequence[str], n: float, origin: np.ndarray) -> Fit:
    """Tell a maximum from a ridge or a runaway, with the Newton step still to be made."""
    for _ in range(4):
        value, gradient = objective(at)
        shifted = [objective(at + STEP * unit)[1] - objective(at - STEP * unit)[1] for unit in np.eye(len(at))]
        hessian = np.array(shifted) / (2 * STEP)
        hessian = (hessian + hessian.T) / 2
        fit = Fit(at, value, hessian, False, _problem(at, hessian, n, names, origin))
        if fit.reason:
            return fit
        step = np.linalg.solve(hessian, gradient)
        if n * gradient @ step / 2 < DECREMENT:
            return replace(fit, converged=True)
        at = at - step if objective(at - step)[0] < value else at - step / 4
    return replace(fit, reason="the search did not settle")


def _problem(at: np.ndarray, hessian: np.ndarray, n: float, names: Sequence[str], origin: np.ndarray) -> str:
    if not (np.isfinite(hessian).all() and np.isfinite(at).all()):
        return "the likelihood is not finite"
    away = [name for name, far in zip(names, np.abs(at - origin), strict=True) if far > AWAY]
    if away:
        return f"{' and '.join(away)} ran away"
    curvature, direction = np.linalg.eigh(hessian)
    if curvature[0] <= 0:
        open_ended = [name for name, part in zip(names, direction[:, 0], strict=True) if abs(part) > OPEN]
        return f"the likelihood has no maximum in {' and '.join(open_ended)}"
    error = np.sqrt(np.diag(_inverse(hessian)) / n)
    flat = [name for name, value in zip(names, error, strict=True) if not value < FLAT]
    return f"the likelihood is flat in {' and '.join(flat)}" if flat else ""


def _inverse(hessian: np.ndarray) -> np.ndarray:
    inverse = np.linalg.inv(hessian)
    return (inverse + inverse.T) / 2
