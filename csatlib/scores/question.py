"""What is asked, and which columns of zeros and ones are made of an answer."""

from collections.abc import Mapping
from dataclasses import dataclass

PROMOTER, DETRACTOR = 9, 6
NPS_LOW, NPS_HIGH = 0, 10
COLUMNS = ("asked", "nps", "promoter", "detractor", "top_box", "mean")


@dataclass(frozen=True)
class Question:
    """An answered column, its range and the lowest answer that counts as satisfied."""

    outcome: str
    low: float
    high: float
    top: float
    labels: Mapping[str, float] | None = None
    whole: bool = False
