"""Run ruff, pytest with the doctests and nbval over the notebooks; ``--all`` adds the long tests."""

import os
import subprocess
import sys
import tempfile

from tools import spark
from tools.lock import ROOT, why_not_exact

SIDE_BY_SIDE = ["-n", "auto", "--maxprocesses", "4", "--dist", "loadfile"]
LONG = ["pytest", *SIDE_BY_SIDE, "-m", "long"]
NBVAL = ["--nbval-current-env", "--nbval-cell-timeout=120", "-p", "no:cacheprovider"]
NBVAL += ["-p", "tools.warm_nbval", *SIDE_BY_SIDE, "notebooks"]
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # a process per core, so a thread per process


def steps(everything: bool, reason: str | None) -> list[list[str]]:
    """Return the commands in order; lax about notebook outputs where a reason is given."""
    quick = [
        ["ruff", "check", "--quiet", "."],
        ["ruff", "format", "--check", "--quiet", "."],
        ["pytest", *SIDE_BY_SIDE],
        ["pytest", "--nbval-lax" if reason else "--nbval", *NBVAL],
    ]
    pictures = [] if reason else [["tools.notebooks", "--check"]]
    return quick + ([LONG, *pictures] if everything else [])


def with_spark() -> dict[str, str]:
    """Return what makes Spark importable, or say why it is not there."""
    found = spark.bring()
    if isinstance(found, str):
        print(f"Spark is not tested: {found}", flush=True)
        return {}
    return {"PYTHONPATH": os.pathsep.join(filter(None, [str(found), os.environ.get("PYTHONPATH")]))}


def main(arguments: list[str]) -> int:
    """Run every step, also after one failed; name those that failed."""
    reason = why_not_exact()
    failed = []
    with tempfile.TemporaryDirectory() as profile:
        environment = {name: value for name, value in os.environ.items() if name != "CSAT_SNAPSHOT"}
        environment |= ONE_THREAD | {"IPYTHONDIR": profile}
        for step in steps("--all" in arguments, reason):
            if "--nbval-lax" in step:
                print(f"Notebook outputs are not compared (nbval lax): {reason}", flush=True)
            print("$ python -m", " ".join(step), flush=True)
            own = environment | (with_spark() if step == LONG else {})
            if subprocess.call([sys.executable, "-m", *step], cwd=ROOT, env=own):
                failed.append(" ".join(step))
    print(f"FAILED: {'; '.join(failed)}" if failed else "All passed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
