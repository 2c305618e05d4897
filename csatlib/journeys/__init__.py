"""Journeys through touchpoints: paths, reliability from end to end, thresholds, moments of truth."""

from csatlib.journeys.bends import threshold
from csatlib.journeys.chain import Reliability, checks, needed, reliability, serial
from csatlib.journeys.moments import Moments, moments_of_truth
from csatlib.journeys.sequences import Sequences, sequences
from csatlib.journeys.travelled import Paths, paths

__all__ = [
    "Moments",
    "Paths",
    "Reliability",
    "Sequences",
    "checks",
    "moments_of_truth",
    "needed",
    "paths",
    "reliability",
    "sequences",
    "serial",
    "threshold",
]
