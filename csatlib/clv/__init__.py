"""What customers are worth: purchase histories, models of repeat purchases, spend and retention."""

from csatlib.clv.bg_nbd import BetaGeoNBD
from csatlib.clv.gamma_gamma import GammaGamma, spend_independence
from csatlib.clv.rfm_summary import repeat_purchases, rfm
from csatlib.clv.shifted_beta_geometric import ShiftedBetaGeometric

__all__ = ["BetaGeoNBD", "GammaGamma", "ShiftedBetaGeometric", "repeat_purchases", "rfm", "spend_independence"]
