"""Write requirements.lock anew with uv, or tell whether the running environment is the locked one."""

import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
ADDRESS = re.compile(r"://|--(extra-)?index-url|--find-links")


def command(pyproject: str) -> list[str]:
    """Return the uv command, for the lowest Python that ``requires-python`` allows."""
    lowest = re.search(r'^requires-python\s*=\s*">=(\d+\.\d+)', pyproject, re.MULTILINE)[1]
    compile_all = ["uv", "pip", "compile", "pyproject.toml", "--extra", "dev", "--universal"]
    return [
        *compile_all,
        "--python-version",
        lowest,
        "--generate-hashes",
        "--no-emit-index-url",
        "-o",
        "requirements.lock",
    ]


def addresses(text: str) -> list[str]:
    """Return the lines that hold a registry's address."""
    return [line for line in text.splitlines() if ADDRESS.search(line)]


def locked(text: str) -> dict[str, set[str]]:
    """Return each package's locked versions: a universal lock may hold one per platform or Python."""
    versions: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text, re.MULTILINE):
        versions.setdefault(canonical(name), set()).add(version)
    return versions


def canonical(name: str) -> str:
    """Return a distribution's normalised name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def differences(text: str, installed: dict[str, str]) -> list[str]:
    """Return what is installed in another version than the lock's."""
    return [
        f"{name} {installed[name]} (lock: {' or '.join(sorted(versions))})"
        for name, versions in sorted(locked(text).items())
        if name in installed and installed[name] not in versions
    ]


def why_not_exact() -> str | None:
    """Tell why outputs of this environment need not equal the committed ones, or None."""
    pinned = (ROOT / ".python-version").read_text(encoding="utf-8").strip()
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    if running != pinned:
        return f"Python {running} runs, outputs are committed under {pinned}"
    installed = {canonical(found.name): found.version for found in metadata.distributions()}
    found = differences(LOCK.read_text(encoding="utf-8"), installed)
    return f"not the locked versions: {', '.join(found[:3])}" if found else None


def main(arguments: list[str]) -> int:
    """Write the lock; options (``--upgrade``) go to uv."""
    if not shutil.which("uv"):
        print("lock: uv is not on the PATH; install it (pip install uv), then run: make lock", file=sys.stderr)
        return 1
    before = LOCK.read_bytes() if LOCK.exists() else None
    asked = command((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    code = subprocess.call([*asked, "--quiet", *arguments], cwd=ROOT)
    found = addresses(LOCK.read_text(encoding="utf-8")) if code == 0 else []
    if code == 0 and not found:
        print("Written: requirements.lock")
        return 0
    if before is not None:
        LOCK.write_bytes(before)
    why = f"a registry's address would be in it: {found[0]}" if found else "uv failed (see above)"
    print(f"lock: requirements.lock is left as it was, {why}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
