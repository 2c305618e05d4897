"""What customers are worth: purchase histories, models of repeat purchases, spend and retention."""

from csatlib.clv.bg_nbd import BetaGeoNBD

__all__ = ["BetaGeoNBD"]
