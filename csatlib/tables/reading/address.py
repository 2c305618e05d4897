"""Addresses of databases: environment variables filled in, secrets kept out of every text."""

import os
import re
from urllib.parse import parse_qsl, quote, unquote

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_SECRET = re.compile(r"pass|pwd|secret|token|key|credential", re.IGNORECASE)
_FOLDERS = ("PWD", "OLDPWD")


def expand(url: str) -> str:
    """Fill in environment variables.

    Parameters
    ----------
    url : str
        Address; ``${NAME}`` stands for a variable. Its value is percent-encoded, so a password may hold any
        character; an address that is one variable as a whole is taken as it is.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If variables are not set: all of them at once.

    Examples
    --------
    >>> os.environ["DOCTEST_PASSWORD"] = "a/b@c"
    >>> expand("postgres://ann:${DOCTEST_PASSWORD}@db.example/crm")
    'postgres://ann:a%2Fb%40c@db.example/crm'
    """
    missing = [name for name in dict.fromkeys(_VARIABLE.findall(url)) if not os.environ.get(name)]
    if missing:
        raise ValueError(
            f"source.url names environment variables that are not set: {', '.join(missing)}; "
            f"set them first: export {missing[0]}=..."
        )
    if whole := _VARIABLE.fullmatch(url):
        return os.environ[whole[1]].strip()
    return _VARIABLE.sub(lambda found: quote(os.environ[found[1]], safe=""), url)


def without_secrets(url: str) -> str:
    """Return an address without user, password and options.

    Examples
    --------
    >>> without_secrets("postgres://ann:s3cr@t@db.example:5432/crm?sslmode=require")
    'postgres://db.example:5432/crm'
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url if _VARIABLE.fullmatch(url) else "..."
    plain, _, options = rest.partition("?")
    # an @ behind the ? may end a password that should have been written as %3F
    plain = "..." if "@" in options else plain.rpartition("@")[2]
    return f"{scheme}://{plain.partition('#')[0]}"


def scrub(text: str, url: str) -> str:
    """Mask the secrets of an address in a message.

    Examples
    --------
    >>> scrub("no such user: ann, s3cret", "postgres://ann:s3cret@db/crm")
    'no such user: ann, ***'
    """
    rest = url.partition("://")[2]
    login = rest.rpartition("@")[0]
    secrets = [login.partition(":")[2]]
    secrets += [value for name, value in parse_qsl(rest.partition("?")[2]) if _SECRET.search(name)]
    variables = [(name, value) for name, value in os.environ.items() if name not in _FOLDERS]
    named = [value for name, value in variables if _SECRET.search(name) and quote(value, safe="") in url]
    for secret in sorted({s for v in (*secrets, *named) for s in (v, unquote(v)) if v}, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
