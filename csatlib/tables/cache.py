"""Where snapshots are kept, and where DuckDB puts what does not fit into memory."""

import contextlib
import os
import uuid
from pathlib import Path

from platformdirs import user_cache_dir


def home() -> Path:
    """Return ``$CSAT_CACHE``, else the user's cache folder.

    Returns
    -------
    Path
        It may not be there yet.

    Examples
    --------
    >>> home().is_absolute() or "CSAT_CACHE" in os.environ
    True
    """
    return Path(os.environ.get("CSAT_CACHE") or user_cache_dir("csatlib"))


def spill(under: str | Path | None = None) -> Path:
    """Return a folder that no other connection spills into.

    DuckDB numbers its temporary files from 0 whoever else is there: two processes with one ``temp_directory``
    overwrite each other's rows, and its default is one folder for all that start in the same place.

    Parameters
    ----------
    under : str or Path, optional
        Where it shall lie; default: the cache, which only the user can read and which is swept.

    Returns
    -------
    Path
        DuckDB makes it when it is needed, and removes it in the end.

    Examples
    --------
    >>> spill("/tmp") != spill("/tmp")
    True
    """
    place = home() if under is None else Path(under)
    with contextlib.suppress(OSError):  # told when something does not fit
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
    return place / f".spill-{uuid.uuid4().hex}"
