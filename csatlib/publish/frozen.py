"""What has been released: as the manifest says, and whether the files are still the same."""

import hashlib
import json
import re
from pathlib import Path

from csatlib.publish import manifest

KEY, SEAL = "released", "released.json"
RESTATED = re.compile(r"-restated-(\d{4}-\d\d-\d\d(?:-\d+)?)$")
PUBLISHED = (".html", ".ipynb", ".xlsx", ".pdf", ".png")


def of(out: Path, period: str) -> dict | None:
    """Return the release of a period, None while it is a draft; without a manifest the seal beside it tells."""
    found = next((entry for entry in _entries(out / manifest.FILE) if entry.get(KEY) == period), None)
    if found:
        return found  # the first one counts: nothing replaces it
    return next((entry for entry in _entries(out / period / SEAL) if entry.get(KEY) == period), None)


def seal(out: Path, entry: dict) -> None:
    """Put the release into the folder of its period, so that it outlives the manifest."""
    path = out / entry[KEY] / SEAL
    path.write_text(json.dumps(entry, ensure_ascii=False) + "\n", encoding="utf-8")


def _entries(path: Path) -> list[dict]:
    found = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else ():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        found += [entry] if isinstance(entry, dict) else []
    return found


def altered(out: Path, released: dict) -> list[str]:
    """List the files of a released period that are not what was released, or are gone."""
    now = hashes(out, released[KEY])
    return sorted(name for name, digest in released["files"].items() if now.get(name) != digest)


def hashes(out: Path, period: str) -> dict[str, str]:
    """Hash every published file of a period, restatements left out: path -> SHA-256."""
    paths = sorted(
        p for p in (out / period).glob("*/*") if p.suffix in PUBLISHED and not RESTATED.search(p.parent.name)
    )
    return {p.relative_to(out).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}
