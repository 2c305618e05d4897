"""Journeys through touchpoints: paths, reliability from end to end, thresholds, moments of truth."""

from csatlib.journeys.chain import Reliability, checks, needed, reliability, serial
from csatlib.journeys.sequences import Sequences, sequences
from csatlib.journeys.travelled import Paths, paths

__all__ = ["Paths", "Reliability", "Sequences", "checks", "needed", "paths", "reliability", "sequences", "serial"]
