"""Execute one notebook through Papermill; what went wrong is told, not raised."""

import contextlib
import copy
import logging
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from csatlib.publish import html, kernels
from csatlib.publish.watch import Watch


@contextlib.contextmanager
def _without(module: str) -> Iterator[None]:
    """Let what is imported meanwhile do without an optional module."""
    there = module in sys.modules
    sys.modules.setdefault(module, None)
    try:
        yield
    finally:
        if not there:
            del sys.modules[module]


# jsonschema would compile a grammar of web addresses, for a second, and no notebook has one
with _without("rfc3987_syntax"):
    import nbformat
    import papermill
    from nbconvert.filters import strip_ansi
    from papermill.exceptions import PapermillExecutionError

_UNHEARD = logging.NullHandler()  # Papermill comments on comments; whoever configures logging still hears it


def execute(
    notebook: Path,
    target: Path,
    *,
    parameters: Mapping[str, Any],
    env: Mapping[str, str],
    timeout: int,
    watch: Watch | None = None,
    folder: Path | None = None,
) -> dict[str, Any] | None:
    """Execute a notebook from its own folder and write it with its outputs.

    Parameters
    ----------
    notebook, target : Path
        What is executed and where the executed notebook goes.
    parameters : mapping
        Parameters that differ from the notebook's own.
    env : mapping
        From :func:`csatlib.publish.kernels.environment`.
    timeout : int
        Seconds a single cell may take.
    watch : Watch, optional
        Is told of the kernel.
    folder : Path, optional
        Where the kernel starts; default: the notebook's folder.

    Returns
    -------
    dict or None
        None when all went well, else ``error``, ``traceback``, ``cell`` (its name), ``source``, and ``again``
        where a second try may help: the kernel died, or a cell took too long.
    """
    logging.getLogger("papermill").addHandler(_UNHEARD)
    seen, watch = [], watch or Watch()
    try:
        papermill.execute_notebook(
            _braces(notebook),
            _braces(target),
            parameters=copy.deepcopy(dict(parameters)),
            kernel_name="python3",
            language="python",
            progress_bar=False,
            request_save_on_cell_execute=False,
            autosave_cell_every=0,
            execution_timeout=timeout,
            config=kernels.CONFIG,
            kernel_manager_class=kernels.manager(dict(env), watch.started),
            resources={"metadata": {"path": str(folder or notebook.parent)}},
            shutdown_kernel="immediate",
            on_cell_start=lambda cell, cell_index: seen.append(cell),
            on_cell_executed=lambda **_: watch.look(),
        )
    except PapermillExecutionError as error:
        text = f"{error.ename}: {error.evalue}"
        return _failure(seen, text, "\n".join(error.traceback))
    except (RuntimeError, TimeoutError) as error:
        if watch.over:
            return _failure(seen, f"the kernel took more than {watch.limit} MB of memory and was ended")
        # nbclient: the kernel died or did not start (RuntimeError), a cell took too long (TimeoutError)
        late = isinstance(error, TimeoutError)
        text = f"the cell took longer than {timeout} seconds" if late else f"the kernel died: {error}"
        return _failure(seen, text) | {"again": True}
    return None


def read(path: Path) -> nbformat.NotebookNode:
    """Read a notebook."""
    return nbformat.read(path, as_version=4)


def write(book: nbformat.NotebookNode, path: Path) -> None:
    """Write a notebook."""
    path.write_text(nbformat.writes(book) + "\n", encoding="utf-8")


def _failure(seen: list, error: str, traceback: str = "") -> dict[str, Any]:
    name, source = (html.cell_name(seen, len(seen) - 1), seen[-1].source) if seen else ("", "")
    return {"error": strip_ansi(error), "traceback": strip_ansi(traceback), "cell": name, "source": source}


def _braces(path: Path) -> str:
    """Papermill fills {places} in paths; ours are meant literally."""
    return str(path).replace("{", "{{").replace("}", "}}")
