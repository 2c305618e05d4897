"""MBG/NBD: as BG/NBD, but a customer may stop after the very first purchase too."""

from csatlib.clv.bg_nbd import BetaGeoNBD


class ModifiedBetaGeoNBD(BetaGeoNBD):
    """Modified beta-geometric / negative binomial model of repeat purchases without a contract.

    Parameters
    ----------
    prior, median, spread, confidence
        As in :class:`csatlib.clv.BetaGeoNBD`.

    Attributes
    ----------
    params_ : Series
        ``r``, ``alpha`` (in the unit of time), ``a``, ``b``.
    covariance_, standard_errors_, log_likelihood_, aic_, n_, converged_, reason_, prior_, summary_
        As in :class:`csatlib.clv.BetaGeoNBD`.

    Notes
    -----
    As BG/NBD, with the chance to stop after every purchase from the first on: who bought once may be gone, which
    suits shops with many one-time customers.

    References
    ----------
    Batislam, E. P., Denizel, M. and Filiztekin, A. (2007), Empirical validation and comparison of models for
    customer base analysis, International Journal of Research in Marketing 24(3), 201-209.

    Examples
    --------
    >>> import pandas as pd
    >>> model = ModifiedBetaGeoNBD.from_parameters({"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614})
    >>> once = pd.DataFrame({"frequency": [0], "recency": [0], "age": [39]})
    >>> model.alive_probability(once).round(2).tolist()
    [0.39]
    """

    _stops_at_once = 1
