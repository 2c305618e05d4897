"""Journeys through touchpoints: paths, reliability from end to end, thresholds, moments of truth."""

from csatlib.journeys.sequences import Sequences, sequences
from csatlib.journeys.travelled import Paths, paths

__all__ = ["Paths", "Sequences", "paths", "sequences"]
