"""Which fonts pictures are drawn with: DejaVu Sans, and Noto Sans SC for what it lacks."""

import dataclasses
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pylopdf_fonts_zh_cn
from matplotlib import font_manager

LATIN, CHINESE = "DejaVu Sans", "Noto Sans SC"
_MISSING = re.compile(r"Glyph (\d+) .*missing from font")


def families() -> list[str]:
    """Make the Chinese font known to matplotlib and return the families to draw with, in order.

    Returns
    -------
    list of str
        For ``rcParams["font.family"]``. A text without Chinese is drawn as if there were no second font.

    Examples
    --------
    >>> families()
    ['DejaVu Sans', 'Noto Sans SC']
    """
    known = font_manager.fontManager.ttflist
    if not any(entry.name == CHINESE for entry in known):
        font_manager.fontManager.addfont(chinese())
        # it has no bold face; a bold label takes the regular one without a word on stderr
        known.append(dataclasses.replace(known[-1], weight=700))
    return [LATIN, CHINESE]


def chinese() -> Path:
    """Return the file of the Chinese font (SIL Open Font License).

    Returns
    -------
    Path
        An OpenType file.

    Examples
    --------
    >>> chinese().name
    'NotoSansSC-Regular.otf'
    """
    return pylopdf_fonts_zh_cn.sans_path()


def missing(text: str) -> str:
    """Return the characters of a text that no font of ours can draw.

    Parameters
    ----------
    text : str
        Anything.

    Returns
    -------
    str
        Each such character once, sorted; Korean and emoji are the usual ones.

    Examples
    --------
    >>> missing("Gap −0.3 差距 한")
    '한'
    """
    return "".join(sorted({c for c in text if c.isprintable() and ord(c) not in _drawable()}))


@contextmanager
def noticing() -> Iterator[list[str]]:
    """Collect the characters that a picture drawn meanwhile could not show; other warnings pass.

    Yields
    ------
    list of str
        Filled at the end.

    Examples
    --------
    >>> with noticing() as lost:
    ...     warnings.warn("Glyph 54620 (HAN) missing from font(s) DejaVu Sans.", stacklevel=1)
    >>> lost
    ['한']
    """
    lost: list[str] = []
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        yield lost
    for warning in heard:
        found = _MISSING.match(str(warning.message))
        if found and chr(int(found[1])) not in lost:
            lost.append(chr(int(found[1])))
        elif not found:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


@cache
def _drawable() -> frozenset[int]:
    paths = (font_manager.findfont(LATIN), chinese())
    return frozenset(code for path in paths for code in font_manager.get_font(path).get_charmap())
