"""Reading settings whose shape has not been checked: what is not of the right shape counts as absent."""

from collections.abc import Mapping
from typing import Any


def section(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return the table under a key.

    Parameters
    ----------
    raw : mapping
        As TOML gives it.
    key : str
        Its name.

    Returns
    -------
    mapping
        Empty where there is none.

    Examples
    --------
    >>> section({"source": "data"}, "source")
    {}
    """
    return raw[key] if isinstance(raw.get(key), dict) else {}


def entries(raw: Mapping[str, Any], key: str) -> list[Any]:
    """Return the list under a key.

    Parameters
    ----------
    raw : mapping
        As TOML gives it.
    key : str
        Its name.

    Returns
    -------
    list
        Empty where there is none.

    Examples
    --------
    >>> entries({"items": [1, 2]}, "items")
    [1, 2]
    """
    return raw[key] if isinstance(raw.get(key), list) else []


def number(raw: Mapping[str, Any], key: str) -> float:
    """Return the number under a key.

    Parameters
    ----------
    raw : mapping
        As TOML gives it.
    key : str
        Its name.

    Returns
    -------
    float
        NaN where there is none.

    Examples
    --------
    >>> number({"low": "one"}, "low")
    nan
    """
    value = raw.get(key)
    return value if isinstance(value, int | float) else float("nan")
