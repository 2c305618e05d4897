"""Reading settings whose shape has not been checked: what is not of the right shape counts as absent."""

from collections.abc import Mapping
from typing import Any


def section(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Table under a key."""
    return raw[key] if isinstance(raw.get(key), dict) else {}


def entries(raw: Mapping[str, Any], key: str) -> list[Any]:
    """List under a key."""
    return raw[key] if isinstance(raw.get(key), list) else []


def number(raw: Mapping[str, Any], key: str) -> float:
    """Return the number under a key, else NaN."""
    value = raw.get(key)
    return value if isinstance(value, int | float) else float("nan")
