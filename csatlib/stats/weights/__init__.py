"""Weights that make those who answered stand for those who were asked."""

from csatlib.stats.weights.calibration import Weighted, kish, post_stratify, rake
from csatlib.stats.weights.margins import Margins
from csatlib.stats.weights.propensity import Propensity, response_weights

__all__ = ["Margins", "Propensity", "Weighted", "kish", "post_stratify", "rake", "response_weights"]
