"""The run's diary: one JSON line per finished job, appended; the last line of a job counts."""

import errno
import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd

from csatlib.masking import mask

FILE = "manifest.jsonl"
_SECRET_NAME = re.compile(r"PASS|TOKEN|SECRET|CREDENTIAL|API_?KEY", re.IGNORECASE)
_MASKS = (
    (re.compile(r"(\w[\w+.-]*://)[^\s/@'\"]+@"), r"\1***@"),
    (
        re.compile(r"(?i)\b(\w*(?:passw\w*|token|secret|api_?key)\w*['\"]?\s*[=:]\s*)['\"]?[^\s'\",;)]+['\"]?"),
        r"\1***",
    ),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]*\w"), "***@***"),
)


def append(out: Path, entry: dict) -> None:
    """Append one entry with a single write, on a line of its own even after a torn one.

    Parameters
    ----------
    out : Path
        Output folder.
    entry : dict
        JSON values.
    """
    path = out / FILE
    torn = path.exists() and not path.read_bytes().endswith(b"\n")
    line = ("\n" if torn else "") + json.dumps(entry, ensure_ascii=False, default=str) + "\n"
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        if os.write(handle, line.encode()) < len(line.encode()):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    finally:
        os.close(handle)


def read(out: Path) -> list[dict]:
    """Read every entry, oldest first; a torn line (of a run that was killed) is passed over.

    Parameters
    ----------
    out : Path
        Output folder.

    Returns
    -------
    list of dict
        Empty without a manifest.
    """
    path = out / FILE
    entries = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else ():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and "job" in entry:
            entries.append(entry)
    return entries


def latest(out: Path) -> dict[str, dict]:
    """Read the last entry of each job.

    Parameters
    ----------
    out : Path
        Output folder.

    Returns
    -------
    dict
        Job name -> entry.
    """
    return {entry["job"]: entry for entry in read(out)}


def redact(text: str, project: Path | None = None) -> str:
    """Mask passwords, tokens, personal numbers and this machine's folders in a text to be published.

    Parameters
    ----------
    text : str
        An error message, a traceback, a source address.
    project : Path, optional
        The project's folder, written as ".".

    Returns
    -------
    str
        The text without them.

    Examples
    --------
    >>> redact("no route to postgresql://ann:s3cret@db/csat")
    'no route to postgresql://***@db/csat'
    """
    for name, value in os.environ.items():
        if _SECRET_NAME.search(name) and len(value) >= 6:
            text = text.replace(value, "***")
    if project is not None:
        text = text.replace(str(project), ".")
    text = text.replace(str(Path.home()) + os.sep, "~/") if len(str(Path.home())) > 1 else text
    for pattern, sign in _MASKS:
        text = pattern.sub(sign, text)
    return mask(text)


def versions() -> dict:
    """Versions that a page names."""
    try:
        ours = importlib.metadata.version("csatlib")
    except importlib.metadata.PackageNotFoundError:
        ours = "not installed"
    return {"Python": platform.python_version(), "csatlib": ours, "pandas": pd.__version__}


def commit(project: Path) -> tuple[str, bool] | None:
    """Commit of the project's repository and whether files differ from it (dirty); None without git."""
    git = shutil.which("git")
    if git is None:
        return None
    ask = [git, "-C", str(project), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+"]
    answer = subprocess.run(ask, capture_output=True, text=True, check=False)  # noqa: S603
    found = answer.stdout.strip()
    return (found.removesuffix("+"), found.endswith("+")) if found else None
