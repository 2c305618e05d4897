"""Execute all notebooks with their default parameters: the only way committed outputs change.

``python -m tools.notebooks`` rewrites those whose outputs changed; ``--check`` changes nothing and fails
where a committed notebook is not, byte for byte, what it would become (nbval leaves pictures uncompared).
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from csatlib.publish import kernels, warm
from tools.lock import ROOT, why_not_exact

NOTEBOOKS = ROOT / "notebooks"
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
STRIP = "cell.metadata.execution metadata.language_info.version metadata.papermill"
TIMEOUT = 300


def executed(path: Path, profile: Path) -> nbformat.NotebookNode:
    """Return the notebook run from its own folder, free of earlier outputs and of the user's profile."""
    notebook = nbformat.read(path, as_version=4)
    notebook.nbformat_minor = max(notebook.nbformat_minor, 5)
    notebook.metadata["kernelspec"] = dict(KERNELSPEC)
    for cell in notebook.cells:
        cell.setdefault("id", "0")
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
    client = NotebookClient(
        notebook,
        kernel_manager_class=kernels.manager({"IPYTHONDIR": str(profile)}),
        config=kernels.CONFIG,
        timeout=TIMEOUT,
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
        shutdown_kernel="immediate",
    )
    return client.execute()


def rebuilt(paths: list[Path], folder: Path) -> dict[Path, str]:
    """Execute into ``folder``; return what failed."""
    problems, written = {}, []
    for path in paths:
        print(f"{path.name} ...", end=" ", flush=True)
        try:
            nbformat.write(executed(path, folder / "profile"), folder / path.name)
            written.append(str(folder / path.name))
            print("ran")
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            problems[path] = str(error).strip()
            print("FAILED")
    if written:
        strip = [sys.executable, "-m", "nbstripout", "--keep-output", "--keep-count", "--unix-newlines"]
        subprocess.run([*strip, "--extra-keys", STRIP, *written], check=True)
    return problems


def main(arguments: list[str]) -> int:
    """Run all notebooks, or those whose names are given."""
    check = "--check" in arguments
    names = [name for name in arguments if name != "--check"]
    reason = why_not_exact()
    if reason:
        print(f"notebooks: {reason}; run: make setup PYTHON=python3.11", file=sys.stderr)
        return 1
    paths = [path for path in sorted(NOTEBOOKS.glob("*.ipynb")) if not names or path.stem in names]
    if not paths:
        print(f"notebooks: no notebook {' '.join(names)} in notebooks/".replace("  ", " "), file=sys.stderr)
        return 1
    os.environ.pop("CSAT_SNAPSHOT", None)
    with tempfile.TemporaryDirectory() as name, warm.ready():
        folder = Path(name)
        problems = rebuilt(paths, folder)
        changed = [
            path
            for path in paths
            if path not in problems and (folder / path.name).read_bytes() != path.read_bytes()
        ]
        for path in changed if not check else []:
            path.write_bytes((folder / path.name).read_bytes())
    for path, problem in problems.items():
        print(f"\n{path.name} failed:\n{problem}", file=sys.stderr)
    print(f"{'Would change' if check else 'Changed'}: {', '.join(path.name for path in changed) or 'none'}")
    return 1 if problems or (check and changed) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
