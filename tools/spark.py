"""Bring Spark into ``.venv/spark`` for the long tests: too large for everybody's environment.

``python -m tools.test --all`` does it; by hand: ``PYTHONPATH=$(python -m tools.spark) python -m pytest -m long``.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from tools.lock import ROOT, SPARK
from tools.setup import clean_environment


def command(folder: Path, uv: str | None) -> list[str]:
    """Return the command that installs the second lock into a folder of its own."""
    install = (
        [uv, "pip", "install", "--python", sys.executable] if uv else [sys.executable, "-m", "pip", "install"]
    )
    quiet = ["--quiet", *([] if uv else ["--disable-pip-version-check", "--no-input"])]
    return [*install, *quiet, "--no-deps", "--require-hashes", "--target", str(folder), "-r", str(SPARK)]


def bring(folder: Path = ROOT / ".venv" / "spark") -> Path | str:
    """Return the folder that holds Spark as the lock wants it, installing it first, or why there is none."""
    stamp = folder / "requirements-spark.lock"
    if shutil.which("java") is None:
        return "no Java here: install Debian's package openjdk-17-jre-headless"
    if stamp.exists() and stamp.read_bytes() == SPARK.read_bytes():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    print("Installing requirements-spark.lock (400 MB, a minute or two)", file=sys.stderr, flush=True)
    done = subprocess.run(
        command(folder, shutil.which("uv")), env=clean_environment(), stdout=sys.stderr, check=False
    )
    if done.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        return "requirements-spark.lock could not be installed (see above)"
    stamp.write_bytes(SPARK.read_bytes())
    return folder


if __name__ == "__main__":
    found = bring()
    print(found, file=sys.stdout if isinstance(found, Path) else sys.stderr)
    sys.exit(0 if isinstance(found, Path) else 1)
