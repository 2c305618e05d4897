"""A run on a real Dask cluster of two worker processes; skipped where Dask is missing."""

import os
import signal
import subprocess
import sys
import time
import uuid
from importlib.util import find_spec
from pathlib import Path

import pytest
from test_drills import all_gone, assert_whole, of_drill, started, waited_for
from test_publish import book, company, text, write

from csatlib.publish import lock, manifest, warm
from csatlib.publish.run import run

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(find_spec("distributed") is None, reason="no Dask here: pip install 'csatlib[dask]'"),
    pytest.mark.skipif(not warm.POSSIBLE, reason="reads Linux's /proc"),
]

CLUSTER = """
import sys, time
from pathlib import Path
from distributed import LocalCluster

if __name__ == "__main__":
    made = LocalCluster(
        n_workers=int(sys.argv[2]), threads_per_worker=int(sys.argv[3]), processes=True, host="127.0.0.1",
        dashboard_address=None,
    )
    with made:
        Path(sys.argv[1]).write_text(made.scheduler_address.removeprefix("tcp://"))
        while True:
            time.sleep(1)
"""
# the first kernel that comes here waits; the others do not
WAIT = """
import os, pathlib, time
with open('started', 'a') as file:
    file.write(f'{os.getpid()} ')
first = pathlib.Path('started').read_text().split()[0] == str(os.getpid())
time.sleep(120 if first else 0)"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A company with six notebooks; the second one waits where it is run first."""
    monkeypatch.setenv("CSAT_CACHE", str(tmp_path / "cache"))
    company(tmp_path / "project")
    for number in (10, 30, 40, 50, 60):
        write(tmp_path / "project", f"{number}_plain", book(f"What of {number}?", f"{number} + 1"))
    write(tmp_path / "project", "20_waits", book("How long?", WAIT))
    return tmp_path / "project"


@pytest.fixture
def cluster(tmp_path):
    """Start a cluster of so many workers and threads; returns its address and the mark of its processes."""
    made, mark = [], uuid.uuid4().hex
    (tmp_path / "cluster.py").write_text(CLUSTER)

    def start(workers: int = 2, threads: int = 1) -> tuple[str, str]:
        file = tmp_path / f"address{len(made)}"
        command = [sys.executable, str(tmp_path / "cluster.py"), file, str(workers), str(threads)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        env = os.environ | {"CSAT_DRILL": mark, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
        made.append(subprocess.Popen(command, env=env, cwd=tmp_path, **quiet))
        return f"dask://{waited_for(file, seconds=120)}", mark

    yield start
    for process in made:
        process.send_signal(signal.SIGINT)
        process.wait()
    assert all_gone(mark)


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def kernels(mark: str) -> list[int]:
    """The children of warmed processes."""
    return [pid for pid in of_drill(mark) if b"csatlib.publish.warm" in command(parent(pid))]


def command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def waiting(project: Path) -> int:
    """The kernel that waits."""
    return int(waited_for(project / "notebooks" / "started", seconds=120).split()[0])


def test_job_of_a_killed_worker_is_done_by_another(project, cluster):
    address, mark = cluster()
    runner = started(project, uuid.uuid4().hex, "--backend", address)
    kernel = waiting(project)
    warmed = parent(kernel)
    worker = parent(warmed)
    assert b"csatlib.publish.warm" in command(warmed)
    assert kernel in of_drill(mark)  # of the cluster, not of the runner
    os.kill(worker, signal.SIGKILL)
    assert runner.wait(timeout=240) == 0
    assert len(text(project / "notebooks" / "started").split()) == 2
    assert not Path(f"/proc/{kernel}").exists()
    names = {path.stem for path in (project / "notebooks").glob("*.ipynb")}
    reports = project / "reports"
    assert {path.stem for path in (reports / "2026-10" / "all").glob("*.html")} == names
    assert {entry["status"] for entry in manifest.latest(reports).values()} == {"done"}
    assert_whole(reports)
    assert not list(reports.rglob(f"{lock.PART}*"))
    end = time.monotonic() + 10
    while kernels(mark) and time.monotonic() < end:
        time.sleep(0.05)
    assert not kernels(mark)


def test_job_that_kills_every_worker_fails_alone(project, cluster):
    dies = "import os, signal\nfrom pathlib import Path\n"
    dies += "up = lambda pid: int(Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[1])\n"
    dies += "os.kill(up(up(os.getpid())), signal.SIGKILL)"
    write(project, "20_waits", book("How long?", dies))
    address, _ = cluster()
    result = run(project / "csat.toml", backend=address)
    assert {outcome.job for outcome in result.failed} == {"2026-10/all/20_waits"}
    assert "lost by the cluster: 2 workers had it, and each of them died" in result.failed[0].reason
    assert len(result.outcomes) == 6
    assert "lost by the cluster" in text(project / "reports/2026-10/all/20_waits.failed.html")
    assert_whole(project / "reports")


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_kernels_on_workers_end_with_the_run(project, cluster, end):
    address, mark = cluster()
    runner = started(project, uuid.uuid4().hex, "--backend", address)
    kernel, reports = waiting(project), project / "reports"
    runner.send_signal(end)
    assert runner.wait(timeout=60) == (130 if end == signal.SIGINT else -signal.SIGKILL)
    if end == signal.SIGKILL:  # what it left goes when somebody else takes the folder
        assert Path(f"/proc/{kernel}").exists()
        assert not run(project / "csat.toml", only="10*").failed
    gone = time.monotonic() + 30
    while kernels(mark) and time.monotonic() < gone:
        time.sleep(0.05)
    assert not kernels(mark)
    assert not (reports / "2026-10" / "all" / "20_waits.html").exists()
    assert not (reports / "2026-10" / "all" / "20_waits.failed.html").exists()
    assert_whole(reports)
    (project / "notebooks" / "started").write_text("0 ")  # nobody waits any more
    assert not run(project / "csat.toml", backend=address).failed
    assert not list(reports.rglob(f"{lock.PART}*"))


def test_workers_that_do_not_fit_are_told_before_anything_is_started(project, cluster, monkeypatch):
    address, _ = cluster(workers=1, threads=2)
    with pytest.raises(ValueError, match="start it with --nthreads 1"):
        run(project / "csat.toml", backend=address)
    monkeypatch.setattr("csatlib.publish.cluster.MADE_OF", "other sources")
    with pytest.raises(ValueError, match="other versions of Python, csatlib or pandas"):
        run(project / "csat.toml", backend=address)
    assert not list((project / "reports").rglob("*.html"))


def test_no_cluster_there(project, cluster):
    with pytest.raises(ConnectionError, match="has no worker; start some with: dask worker tcp://127"):
        run(project / "csat.toml", backend=cluster(workers=0)[0])
    with pytest.raises(ConnectionError, match="no scheduler answers at dask://127.0.0.1:9"):
        run(project / "csat.toml", backend="dask://127.0.0.1:9")
