"""What customers are worth: purchase histories, models of repeat purchases, spend and retention."""

from csatlib.clv.bg_bb import BetaGeoBetaBinomial
from csatlib.clv.bg_nbd import BetaGeoNBD
from csatlib.clv.checks import assumptions, calibration, compare, tracking
from csatlib.clv.gamma_gamma import GammaGamma, spend_independence
from csatlib.clv.lifetime_value import LifetimeValue, lifetime_value, value_holdouts
from csatlib.clv.migration import Migration, migration, moved_with
from csatlib.clv.modified_bg_nbd import ModifiedBetaGeoNBD
from csatlib.clv.pareto_nbd import ParetoNBD
from csatlib.clv.retention_gain import retention_gain, retention_gains
from csatlib.clv.retention_value import renewals
from csatlib.clv.rfm_summary import repeat_purchases, rfm
from csatlib.clv.satisfaction_link import satisfaction_link, scored_windows
from csatlib.clv.shifted_beta_geometric import ShiftedBetaGeometric
from csatlib.clv.tiers import tiers

__all__ = [
    "BetaGeoBetaBinomial",
    "BetaGeoNBD",
    "GammaGamma",
    "LifetimeValue",
    "Migration",
    "ModifiedBetaGeoNBD",
    "ParetoNBD",
    "ShiftedBetaGeometric",
    "assumptions",
    "calibration",
    "compare",
    "lifetime_value",
    "migration",
    "moved_with",
    "renewals",
    "repeat_purchases",
    "retention_gain",
    "retention_gains",
    "rfm",
    "satisfaction_link",
    "scored_windows",
    "spend_independence",
    "tiers",
    "tracking",
    "value_holdouts",
]
