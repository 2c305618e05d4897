"""The one place where a sentence for a reader is looked up in the catalogue and filled in."""

from gettext import NullTranslations

_catalogue = NullTranslations()


def say(message: str, **values: object) -> str:
    """Look a whole sentence up in the catalogue and fill its named places.

    Parameters
    ----------
    message : str
        English sentence with named places, for example ``"{n} answers"``.
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
    return _catalogue.gettext(message).format(**values)
