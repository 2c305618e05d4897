"""All notebooks to pages: `csat run` beside a shell loop of `papermill` and `jupyter nbconvert --to html`."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
LOOP = """
set -e
for book in "$@"; do
  name=$(basename "$book")
  cd "$(dirname "$book")"
  {papermill} "$book" "{out}/$name" --no-progress-bar --log-level ERROR -k python3
  {jupyter} nbconvert --to html --log-level ERROR "{out}/$name"
done
"""


def books() -> list[Path]:
    from csatlib.publish import plan

    return [book.path for book in plan.find(ROOT)]


def environment(folder: Path, cache: str) -> dict[str, str]:
    """Both sides find this tree, and a cache of their own, empty at first."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    kept = {name: value for name, value in os.environ.items() if name != "CSAT_SNAPSHOT"}
    return kept | {"PYTHONPATH": path, "CSAT_CACHE": str(folder / cache), "JUPYTER_PREFER_ENV_PATH": "1"}


def timed(command: list[str], env: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, env=env, cwd=ROOT, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Time our first run, the peer's, and our second run with nothing changed; print the ratio."""
    found = books()
    print(f"{len(found)} notebooks to pages, one language ({platform.machine()}, {os.cpu_count()} cores)")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "peer").mkdir()
        ours = [sys.executable, "-m", "csatlib", "run", "--language", "en", "--out", str(folder / "ours")]
        first = timed(ours, environment(folder, "ours-cache"))
        print(f"csat run                      {first:7.1f} s  first run, cache empty, index included")
        loop = LOOP.format(papermill=BIN / "papermill", jupyter=BIN / "jupyter", out=folder / "peer")
        peer = timed(["sh", "-c", loop, "sh", *map(str, found)], environment(folder, "peer-cache"))
        print(f"papermill + jupyter nbconvert {peer:7.1f} s  one after the other; ratio {peer / first:.1f}x")
        again = timed(ours, environment(folder, "ours-cache"))
        print(f"csat run again                {again:7.1f} s  nothing changed")
        pages = {path.stem for path in (folder / "ours").rglob("*.html")} - {"index", "history", "glossary"}
        assert pages == {path.stem for path in (folder / "peer").glob("*.html")}, "both made the same pages"
        shutil.rmtree(folder / "peer")


if __name__ == "__main__":
    main()
