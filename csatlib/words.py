"""The one place where a sentence for a reader is looked up in the catalogue and filled in."""

import hashlib
import io
from collections.abc import Sequence
from gettext import GNUTranslations, NullTranslations
from numbers import Real
from pathlib import Path

LANGUAGES = {"en": "English", "zh": "中文"}  # each in its own words
CATALOGUES = Path(__file__).parent / "locale"

_spoken: dict = {"language": "en", "catalogue": NullTranslations()}


def use(language: str) -> None:
    """Choose the language of every sentence said from here on.

    Parameters
    ----------
    language : {"en", "zh"}
        English needs no catalogue; another language is read from ``csatlib/locale/<language>.po``.

    Raises
    ------
    ValueError
        Another language.

    Examples
    --------
    >>> use("en")
    >>> use("fr")
    Traceback (most recent call last):
    ...
    ValueError: language 'fr' has no catalogue; there are: en, zh
    """
    if language not in LANGUAGES:
        raise ValueError(f"language {language!r} has no catalogue; there are: {', '.join(LANGUAGES)}")
    if language != _spoken["language"]:
        _spoken.update(language=language, catalogue=_read(language))


def language() -> str:
    """Return the language spoken.

    Returns
    -------
    str
        ``"en"`` or ``"zh"``.

    Examples
    --------
    >>> language()
    'en'
    """
    return _spoken["language"]


def say(message: str, **values: object) -> str:
    """Look a whole sentence up in the catalogue and fill its named places.

    Parameters
    ----------
    message : str
        English sentence with named places, for example ``"{n} answers"``; a literal, or one that went through
        :func:`mark`, since the catalogue is made by reading the source.
    **values
        What fills each place.

    Returns
    -------
    str
        The sentence in the report's language.

    Examples
    --------
    >>> say("{n} answers from {group}", n=12, group="North")
    '12 answers from North'
    """
    return _spoken["catalogue"].gettext(message).format(**values)


def look_up(text: str) -> str:
    """Look a text without named places up in the catalogue, such as a Markdown cell of a notebook.

    Parameters
    ----------
    text : str
        English; surrounding white space does not count.

    Returns
    -------
    str
        The text in the report's language; unchanged where the catalogue lacks it.

    Examples
    --------
    >>> look_up("## Data {as it is}")
    '## Data {as it is}'
    """
    bare = text.strip()
    found = _spoken["catalogue"].gettext(bare) if bare else bare
    return text if found == bare else found


def together(*sentences: str) -> str:
    """Put whole sentences one after the other, as the report's language does.

    Parameters
    ----------
    *sentences : str
        Whole sentences; empty ones are left out.

    Returns
    -------
    str
        One text.

    Examples
    --------
    >>> together("It fell.", "", "Mend it.")
    'It fell. Mend it.'
    """
    said = [sentence for sentence in sentences if sentence]
    if len(said) < 2:
        return "".join(said)
    return say("{before} {after}", before=said[0], after=together(*said[1:]))


def mark(message: str) -> str:
    """Mark a sentence for the catalogue where it stands, to be said later.

    Parameters
    ----------
    message : str
        A literal.

    Returns
    -------
    str
        The same.

    Examples
    --------
    >>> later = {"worse": mark("Worse than {then}.")}
    >>> say(later["worse"], then="in May")
    'Worse than in May.'
    """
    return message


def listed(names: Sequence[str]) -> str:
    """Join names as a sentence lists them.

    Parameters
    ----------
    names : sequence of str
        Any number.

    Returns
    -------
    str
        One phrase.

    Examples
    --------
    >>> listed(["Speed", "Care", "Looks"])
    'Speed, Care and Looks'
    """
    if len(names) < 2:
        return "".join(names)
    return say("{first} and {last}", first=say(", ").join(names[:-1]), last=names[-1])


def number(value: float, decimals: int = 2, *, sign: bool = False) -> str:
    """Format a number with a true minus sign.

    Parameters
    ----------
    value : float
        The number; NaN becomes a dash.
    decimals : int
        Decimals shown.
    sign : bool
        Show a plus sign, for differences.

    Returns
    -------
    str
        The number as text.

    Examples
    --------
    >>> number(-0.456), number(1234.5, 1), number(0.2, sign=True)
    ('\N{MINUS SIGN}0.46', '1,234.5', '+0.20')
    """
    if not isinstance(value, Real) or value != value:
        return "–"
    text = f"{value:{'+' if sign else ''},.{decimals}f}"
    zero = f"{0:.{decimals}f}"
    return zero if text in (f"-{zero}", f"+{zero}") else text.replace("-", "\N{MINUS SIGN}")


def digest(language: str) -> str:
    """Return a hash of a language's catalogue; a page made with another one is out of date.

    Parameters
    ----------
    language : str
        One of :data:`LANGUAGES`.

    Returns
    -------
    str
        Empty for English, which needs no catalogue.

    Examples
    --------
    >>> digest("en"), len(digest("zh"))
    ('', 64)
    """
    file = CATALOGUES / f"{language}.po"
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else ""


def _read(language: str) -> NullTranslations:
    if language == "en":
        return NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    with open(CATALOGUES / f"{language}.po", encoding="utf-8") as file:
        catalogue = read_po(file, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)
