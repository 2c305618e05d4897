"""Kernels forked from a warmed process: as fresh as others, and gone with the runner."""

import os
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from csatlib.publish import kernels, warm

linux = pytest.mark.skipif(not warm.POSSIBLE, reason="kernels are forked on Linux only")
RUNNER = """
import asyncio, os, signal
from csatlib.publish import kernels, warm

async def kernel():
    km = kernels.manager({})()
    km.transport_encryption = "auto"
    await km.start_kernel()
    return km.provisioner.pid

with warm.ready():
    assert warm.usable()
    print(asyncio.run(kernel()), warm._held["process"].pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def results(*sources, env=None):
    """Last values of cells run in one kernel."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    client = NotebookClient(
        nbformat.v4.new_notebook(cells=cells),
        kernel_manager_class=kernels.manager(env or {}),
        config=kernels.CONFIG,
        shutdown_kernel="immediate",
    )
    return [cell.outputs[0].data["text/plain"] for cell in client.execute().cells]


def gone(pid, seconds=10.0):
    """Whether a process ends in time; a zombie nobody reaps has ended too."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


@linux
def test_kernels_are_forked_with_the_imports_made(warmed):
    parent, loaded = results("import os; os.getppid()", "import sys; 'statsmodels.api' in sys.modules")
    assert int(parent) == warm._held["process"].pid
    assert loaded == "True"


@linux
def test_kernel_has_the_environment_given(warmed):
    assert results("import os; os.environ['CSAT_TRIED']", env={"CSAT_TRIED": "a $b"}) == ["'a $b'"]


@linux
def test_kernels_do_not_draw_the_same_numbers(warmed):
    draws = ("import numpy; numpy.random.random()", "import random; random.random()")
    first, second = results(*draws), results(*draws)
    assert first[0] != second[0]
    assert first[1] != second[1]


@linux
def test_engine_works_after_the_fork(warmed):
    counted = (
        "import ibis; int(ibis.duckdb.connect().sql('SELECT sum(i) s FROM range(300000) t(i)').s.execute()[0])"
    )
    hashed = "from csatlib.stats.rows import replicate_groups; replicate_groups(['C00001', 'C00002']).tolist()"
    assert results(counted, hashed) == [str(300000 * 299999 // 2), "[188, 141]"]


@linux
def test_kernel_that_dies_is_told(warmed):
    with pytest.raises(RuntimeError, match="[Dd]ied"):
        results("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert results("1 + 1") == ["2"]


@linux
def test_nothing_stays_when_the_runner_is_killed():
    found = subprocess.run([sys.executable, "-c", RUNNER], capture_output=True, text=True, timeout=60)
    kernel, process = map(int, found.stdout.split())
    assert gone(process)
    assert gone(kernel)


def test_cold_starts_kernels_anew():
    with warm.ready(cold=True) as there:
        assert not there
        assert not warm.usable()
        assert results("import os; os.getppid()") == [str(os.getpid())]


def test_runner_does_not_compile_the_grammar_that_jsonschema_asks_for():
    look = (
        "import sys; import csatlib.publish.execution; print(sorted({'lark', 'rfc3987_syntax'} & {*sys.modules}))"
    )
    found = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
