"""Run ruff, pytest with the doctests and nbval over the notebooks; ``--all`` adds the long tests."""

import os
import subprocess
import sys
import tempfile

from tools.lock import ROOT, why_not_exact

NBVAL = ["--nbval-current-env", "--nbval-cell-timeout=120", "-p", "no:cacheprovider", "notebooks"]


def steps(everything: bool, reason: str | None) -> list[list[str]]:
    """Return the commands in order; lax about notebook outputs where a reason is given."""
    quick = [
        ["ruff", "check", "--quiet", "."],
        ["ruff", "format", "--check", "--quiet", "."],
        ["pytest"],
        ["pytest", "--nbval-lax" if reason else "--nbval", *NBVAL],
    ]
    pictures = [] if reason else [["tools.notebooks", "--check"]]
    return quick + ([["pytest", "-m", "long"], *pictures] if everything else [])


def main(arguments: list[str]) -> int:
    """Run every step, also after one failed; name those that failed."""
    reason = why_not_exact()
    failed = []
    with tempfile.TemporaryDirectory() as profile:
        environment = {name: value for name, value in os.environ.items() if name != "CSAT_SNAPSHOT"}
        environment["IPYTHONDIR"] = profile
        for step in steps("--all" in arguments, reason):
            if "--nbval-lax" in step:
                print(f"Notebook outputs are not compared (nbval lax): {reason}", flush=True)
            print("$ python -m", " ".join(step), flush=True)
            if subprocess.call([sys.executable, "-m", *step], cwd=ROOT, env=environment):
                failed.append(" ".join(step))
    print(f"FAILED: {'; '.join(failed)}" if failed else "All passed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
