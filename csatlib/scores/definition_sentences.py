"""How each indicator is calculated, in words a reader can check."""

from csatlib.tables.indicators import Indicator
from csatlib.words import mark, say

LABELS = {
    "nps": mark("Net Promoter Score"),
    "csat": mark("Satisfied customers"),
    "ces": mark("Found it easy"),
    "first_contact_resolution": mark("Settled at the first contact"),
    "response_time": mark("Time to the first reply"),
    "resolution_time": mark("Time to the solution"),
    "availability": mark("Availability"),
    "on_time": mark("Promises kept on time"),
    "repurchase": mark("Bought again"),
    "other_channel": mark("Had to try another channel"),
}


def called(name: str, indicator: Indicator) -> str:
    """Return what a reader calls an indicator.

    Parameters
    ----------
    name : str
        Its name in the settings.
    indicator : Indicator
        Its settings.

    Returns
    -------
    str
        The label of the settings, else of the shipped one, else the name with spaces.

    Examples
    --------
    >>> called("on_time", Indicator(table="promises", formula="on_time", due="due_at", end="done_at"))
    'Promises kept on time'
    """
    if indicator.label or name not in LABELS:
        return indicator.label or name.replace("_", " ")
    return say(LABELS[name])
