"""What the sentences on journeys share."""

from collections.abc import Iterable

import pandas as pd

from csatlib import disclosure, theme
from csatlib.words import listed, mark, say

LEVEL = 0.05
UNKNOWN = mark("Too few journeys to tell.")


def quoted(names: Iterable[str]) -> str:
    """List names, each in quotation marks."""
    return listed([say('"{name}"', name=name) for name in names])


def visible(result: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that may be shown and have a figure."""
    shown = disclosure.protect(result)
    return shown[~shown["hidden"] & shown["estimate"].notna()]


def told(text: str, row: pd.Series, decimals: int, *, sign: bool = False, **more: str) -> str:
    """Say a sentence with the places it has: share, low, high, n of a row, and what else is given."""
    places = {
        "share": theme.number(row["estimate"], decimals, sign=sign),
        "low": theme.number(row["ci_low"], decimals, sign=sign),
        "high": theme.number(row["ci_high"], decimals, sign=sign),
        "n": f"{row['n']:,.0f}",
    }
    return say(text, **{name: value for name, value in (places | more).items() if f"{{{name}}}" in text})
