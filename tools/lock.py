"""Write both locks anew with uv, or tell whether the running environment is the locked one."""

import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
SPARK = ROOT / "requirements-spark.lock"
ADDRESS = re.compile(r"://|--(extra-)?index-url|--find-links")


def command(pyproject: str, output: str = "requirements.lock") -> list[str]:
    """Return the uv command, for the lowest Python that ``requires-python`` allows.

    The second lock holds what the extra spark needs beside the first; its requirements come on standard input.
    """
    lowest = re.search(r'^requires-python\s*=\s*">=(\d+\.\d+)', pyproject, re.MULTILINE)[1]
    what = ["pyproject.toml", "--extra", "dev"] if output == "requirements.lock" else ["-"]
    compile_all = ["uv", "pip", "compile", *what, "--universal", "--python-version", lowest]
    return [*compile_all, "--generate-hashes", "--no-emit-index-url", "-o", output]


def spark(pyproject: str) -> str:
    """Return the requirements of the extra spark that the first lock does not hold."""
    extra = tomllib.loads(pyproject)["project"]["optional-dependencies"]["spark"]
    return "\n".join(text for text in extra if not text.startswith("ibis-framework"))


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
    """Write the locks; options (``--upgrade``) go to uv."""
    if not shutil.which("uv"):
        print("lock: uv is not on the PATH; install it (pip install uv), then run: make lock", file=sys.stderr)
        return 1
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    codes = [write(LOCK, pyproject, "", arguments), write(SPARK, pyproject, spark(pyproject), arguments)]
    return max(codes)


def write(path: Path, pyproject: str, given: str, arguments: list[str]) -> int:
    """Write one lock, or leave it as it was and say why."""
    before = path.read_bytes() if path.exists() else None
    asked = [*command(pyproject, path.name), "--quiet", *arguments]
    code = subprocess.run(
        asked, cwd=ROOT, input=given, text=True, check=False, stdout=subprocess.DEVNULL
    ).returncode
    found = addresses(path.read_text(encoding="utf-8")) if code == 0 else []
    if code == 0 and not found:
        print(f"Written: {path.name}")
        return 0
    if before is not None:
        path.write_bytes(before)
    why = f"a registry's address would be in it: {found[0]}" if found else "uv failed (see above)"
    print(f"lock: {path.name} is left as it was, {why}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
