"""Importance points in a raw export: columns over which each respondent shared out 100."""

from collections.abc import Sequence

import pandas as pd

TOTAL, SLACK = 100, 1
_MOST, _FEWEST, _SHARE, _ROWS = 12, 2, 0.8, 2
# words of a heading -> dimension of SERVQUAL
_WORDS = {
    "tangibles": ("tangible", "appearance", "facilit", "有形"),
    "reliability": ("reliab", "depend", "可靠"),
    "responsiveness": ("responsive", "prompt", "speed", "响应", "反应"),
    "assurance": ("assurance", "trust", "confidence", "courtesy", "保证", "保障", "信任"),
    "empathy": ("empath", "individual", "caring", "attention", "移情", "关怀", "共情"),
}


def find(frame: pd.DataFrame, columns: Sequence[str]) -> tuple[list[str], float]:
    """Find neighbouring columns that add up to about 100 in most rows.

    Parameters
    ----------
    frame : DataFrame
        The export as text.
    columns : sequence of str
        Columns that may be points, in the order of the file.

    Returns
    -------
    tuple
        The columns, [] where there are none, and the share of the rows with points in which they add up.

    Examples
    --------
    >>> find(pd.DataFrame({"speed": ["60", "20"], "care": ["40", "80"]}), ["speed", "care"])
    (['speed', 'care'], 1.0)
    """
    runs: list[list[str]] = [[]]
    numbers = {}
    for column in columns:
        values = pd.to_numeric(frame[column], errors="coerce")
        is_points = values.notna().any() and not (values.isna() & frame[column].notna()).any()
        if is_points and values.min() >= 0 and values.max() <= TOTAL:
            numbers[column] = values
            runs[-1].append(column)
        elif runs[-1]:
            runs.append([])
    best: tuple[list[str], float] = ([], 0.0)
    for run in runs:
        for size in range(min(_MOST, len(run)), _FEWEST - 1, -1):
            for start in range(len(run) - size + 1):
                share = _share(pd.DataFrame({c: numbers[c] for c in run[start : start + size]}))
                if share > max(best[1], _SHARE) and size > len(best[0]):
                    best = run[start : start + size], share
    return best


def _share(values: pd.DataFrame) -> float:
    given = values[values.notna().any(axis=1)]
    # ratings that happen to add up to 100 never reach beyond 10
    if len(given) < _ROWS or values.max().max() <= 10 or (values.max() == 0).any():
        return 0.0
    return float(((given.sum(axis=1) - TOTAL).abs() <= SLACK).mean())


def dimension_of(text: str) -> str | None:
    """Return the dimension of SERVQUAL that a heading names.

    Parameters
    ----------
    text : str
        A heading in English or Chinese.

    Returns
    -------
    str or None
        None where it names none or several.

    Examples
    --------
    >>> dimension_of("Points for reliability"), dimension_of("移情性")
    ('reliability', 'empathy')
    """
    folded = text.casefold()
    found = [name for name, words in _WORDS.items() if any(word in folded for word in words)]
    return found[0] if len(found) == 1 else None
