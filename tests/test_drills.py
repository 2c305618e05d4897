"""What goes wrong at night: after each, the last good report is whole, the index true, the status right."""

import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

import nbformat
import pytest
from test_publish import ANSWER, book, company, text, write
from typer.testing import CliRunner

from csatlib import cli
from csatlib.publish import job, lock, machine, manifest, site, warm
from csatlib.publish.run import run
from csatlib.tables import snapshot

linux = pytest.mark.skipif(not warm.POSSIBLE, reason="reads Linux's /proc")
GOOD = "2026-10/all/10_good"
WAIT = "import os, pathlib, time\npathlib.Path('started').write_text(str(os.getpid()))\ntime.sleep(60)"


pytestmark = pytest.mark.usefixtures("warmed")


@pytest.fixture(scope="module")
def first(warmed, tmp_path_factory):
    """A company with one published report."""
    project = tmp_path_factory.mktemp("drills") / "project"
    config = company(project)
    write(project, "10_good", book("Is it good?", "6 * 7"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CSAT_CACHE", str(project.parent / "cache"))
        run(config)
    return project


@pytest.fixture
def project(first, tmp_path, monkeypatch):
    """A copy of it, with a cache of its own, and a second notebook that was never run."""
    project = Path(shutil.copytree(first, tmp_path / "project"))
    monkeypatch.setenv("CSAT_CACHE", str(shutil.copytree(first.parent / "cache", tmp_path / "cache")))
    write(project, "20_next", book("What next?", "1 + 1"))
    return project


def page(project: Path, name: str = GOOD) -> Path:
    return project / "reports" / f"{name}.html"


def change(project: Path, *code: str) -> bytes:
    """Give the published notebook another content; returns the page as it is."""
    write(project, "10_good", book("Is it good?", *code))
    return page(project).read_bytes()


def statuses(result) -> dict[str, str]:
    return {outcome.job.split("/")[-1]: outcome.status for outcome in result.outcomes}


def assert_whole(out: Path) -> None:
    """Every published file is complete, what the index links is there, nothing unfinished lies about."""
    for path in out.rglob("*.html"):
        assert text(path).rstrip().endswith("</html>"), path
    for path in out.rglob("*.ipynb"):
        nbformat.validate(nbformat.read(path, as_version=4))
    if (out / "index.html").exists():
        for entry in manifest.latest(out).values():
            if entry["status"] == "done":
                assert (out / f"{entry['job']}.html").exists(), entry


def waited_for(path: Path, seconds: float = 60.0) -> str:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if path.exists() and text(path):
            return text(path)
        time.sleep(0.02)
    raise TimeoutError(path)


def of_drill(mark: str) -> list[int]:
    """Living processes that have inherited a mark."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def all_gone(mark: str, seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while of_drill(mark):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def started(project: Path, mark: str, *options: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "csatlib", "run", "--config", str(project / "csat.toml"), *options]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, env=os.environ | {"CSAT_DRILL": mark}, **quiet)


def test_kernel_that_always_dies_is_tried_twice_and_fails(project):
    die = "import os, signal\nopen('tries', 'a').write('x')\nos.kill(os.getpid(), signal.SIGKILL)"
    before = change(project, die)
    result = run(project / "csat.toml")
    assert statuses(result) == {"10_good": "failed", "20_next": "done"}
    assert text(project / "notebooks" / "tries") == "xx"
    assert "the kernel died" in result.failed[0].reason
    assert page(project).read_bytes() == before
    assert "The report linked above is the last good one." in text(result.index)
    assert_whole(project / "reports")


@linux
def test_kernel_over_its_memory_is_ended_once_and_named(project):
    greedy = "import time\nopen('tries', 'a').write('x')\nheld = b'x' * (700 << 20)\ntime.sleep(60)"
    before = change(project, greedy)
    result = run(project / "csat.toml", memory=700)
    assert statuses(result) == {"10_good": "failed", "20_next": "done"}
    assert text(project / "notebooks" / "tries") == "x"
    assert "more than 700 MB of memory" in result.failed[0].reason
    assert "cell 5" in result.failed[0].reason
    assert page(project).read_bytes() == before
    entries = manifest.latest(project / "reports")
    assert entries[GOOD]["peak_mb"] > 700
    assert 50 < entries["2026-10/all/20_next"]["peak_mb"] < 700


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_page_that_cannot_be_published_fails_its_job_alone(project, monkeypatch, number):
    before, replace = change(project, "7 * 7"), os.replace

    def refuse(source, target):
        if Path(target).name.startswith("10_good"):
            raise OSError(number, os.strerror(number), str(target))
        replace(source, target)

    monkeypatch.setattr(site.os, "replace", refuse)
    result = run(project / "csat.toml")
    assert statuses(result) == {"10_good": "failed", "20_next": "done"}
    assert os.strerror(number) in result.failed[0].reason
    assert str(project) not in result.failed[0].reason
    assert page(project).read_bytes() == before
    assert os.strerror(number) in text(result.index)
    monkeypatch.undo()
    assert_whole(project / "reports")


def test_full_disk_leaves_every_old_page_and_fails(project, monkeypatch):
    before, index = change(project, "7 * 7"), (project / "reports" / "index.html").read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(site.os, "replace", full)
        patch.setattr(manifest.os, "write", lambda handle, data: full())
        result = run(project / "csat.toml")
    assert statuses(result) == dict.fromkeys(["10_good", "20_next", "index", "alerts"], "failed")
    assert page(project).read_bytes() == before
    assert (project / "reports" / "index.html").read_bytes() == index
    assert statuses(run(project / "csat.toml")) == {"10_good": "done", "20_next": "done"}
    assert_whole(project / "reports")


def test_temporary_folder_that_cannot_be_made_fails_the_job(project, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = change(project, "7 * 7")
    monkeypatch.setattr(tempfile, "TemporaryDirectory", full)
    result = run(project / "csat.toml", only="10*")
    assert "No space left" in result.failed[0].reason
    assert page(project).read_bytes() == before
    assert "No space left" in text(result.index)


@linux
def test_runner_killed_and_run_again(project):
    before, drill = change(project, WAIT), uuid.uuid4().hex
    runner = started(project, drill, "--cold", "--jobs", "1")
    waited_for(project / "notebooks" / "started")
    runner.kill()
    runner.wait()
    assert all_gone(drill)
    assert page(project).read_bytes() == before
    assert list((project / "reports").glob(f"{lock.PART}*"))
    change(project, "7 * 7")
    assert statuses(run(project / "csat.toml")) == {"10_good": "done", "20_next": "done"}
    assert not list((project / "reports").rglob(f"{lock.PART}*"))
    assert_whole(project / "reports")


def test_second_runner_on_one_folder_refuses(project):
    reports = project / "reports"
    diary = text(reports / manifest.FILE)
    with lock.alone(reports):
        told = CliRunner().invoke(cli.app, ["run", "--config", str(project / "csat.toml")])
        assert told.exit_code == 2
        assert f"another csat run (process {os.getpid()})" in told.stderr
        assert text(reports / manifest.FILE) == diary
        elsewhere = run(project / "csat.toml", only="10*", out=project / "elsewhere")
    assert statuses(elsewhere) == {"10_good": "done"}
    assert statuses(run(project / "csat.toml")) == {"10_good": "unchanged", "20_next": "done"}


@linux
@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.long)])
def test_interrupted_run_keeps_what_is_done_and_goes_on(project, jobs):
    before = change(project, WAIT)
    write(project, "05_early", book("What was first?", "1 + 1  #" + len(WAIT) * "!"))  # the longest begins first
    write(project, "30_late", book("What is last?", "1 + 1"))

    def interrupt():
        waited_for(project / "notebooks" / "started")
        while "2026-10/all/05_early" not in manifest.latest(project / "reports"):
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run(project / "csat.toml", jobs=jobs)
    thread.join()
    assert time.monotonic() - start < 30
    assert not os.path.exists(f"/proc/{text(project / 'notebooks' / 'started')}")
    assert page(project).read_bytes() == before
    assert manifest.latest(project / "reports")[GOOD]["status"] == "done"
    assert "What was first?" in text(project / "reports" / "index.html")
    assert_whole(project / "reports")
    change(project, "7 * 7")
    again = statuses(run(project / "csat.toml"))
    assert again["05_early"] == "unchanged"
    assert again["10_good"] == again["30_late"] == "done" or jobs > 1


@linux
def test_interrupt_that_another_thread_takes_ends_the_run_as_well():
    stop, seen = threading.Event(), []

    def work(_):
        time.sleep(0.5)  # until the main thread waits
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        seen.append(stop.wait(10))

    with pytest.raises(KeyboardInterrupt):
        machine.side_by_side(work, [1], workers=1, stop=stop)
    assert seen == [True]


def test_source_that_dies_while_it_is_read_leaves_everything(project, monkeypatch):
    with (project / "data" / "responses.csv").open("a") as file:
        file.write("R999,2026-10-30,North\n")
    index, cache = (project / "reports" / "index.html").read_bytes(), Path(os.environ["CSAT_CACHE"])

    def dies(*_):
        raise ConnectionResetError("the server closed the connection")

    with monkeypatch.context() as patch:
        patch.setattr(snapshot, "write_table", dies)
        told = CliRunner().invoke(cli.app, ["run", "--config", str(project / "csat.toml")])
    assert told.exit_code == 2
    assert "the server closed the connection" in told.stderr
    assert (project / "reports" / "index.html").read_bytes() == index
    assert not list(cache.glob(".*"))
    assert statuses(run(project / "csat.toml")) == {"10_good": "done", "20_next": "done"}


def test_corrupt_cache_is_made_anew(project):
    (made,) = Path(os.environ["CSAT_CACHE"]).iterdir()
    rows = (made / "responses.parquet").read_bytes()
    (made / "responses.parquet").write_bytes(rows[: len(rows) // 2])
    assert statuses(run(project / "csat.toml")) == {"10_good": "unchanged", "20_next": "done"}
    assert (made / "responses.parquet").read_bytes() == rows
    assert_whole(project / "reports")


def test_clock_set_back_does_not_bring_back_old_reports(project, monkeypatch):
    config, early = project / "csat.toml", "2001-01-01 00:00 UTC"
    change(project, ANSWER.replace("42", "49"))
    monkeypatch.setattr(job, "_now", lambda: early)
    assert statuses(run(config, only="10*")) == {"10_good": "done"}
    assert manifest.latest(project / "reports")[GOOD]["finished"] == early
    assert "49" in text(project / "reports" / "index.html")
    assert statuses(run(config, only="10*")) == {"10_good": "unchanged"}


@pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="needs a second file system")
def test_output_folder_on_another_file_system(project):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        if os.stat(folder).st_dev == os.stat(project).st_dev:
            pytest.skip("/dev/shm is the same file system")
        result = run(project / "csat.toml", out=Path(folder) / "reports")
        assert statuses(result) == {"10_good": "done", "20_next": "done"}
        assert_whole(Path(folder) / "reports")


def test_interruption_has_the_status_shells_expect(project, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("csatlib.publish.run.run", interrupted)
    told = CliRunner().invoke(cli.app, ["run"])
    assert told.exit_code == 130
    assert "goes on from there" in told.stderr


@linux
@pytest.mark.long
def test_runner_killed_at_twenty_random_moments(project):
    for number in range(30, 34):
        write(project, f"{number}_more", book(f"What of {number}?", "import time\ntime.sleep(0.3)", "1 + 1"))
    names = ["10_good", "20_next", *(f"{number}_more" for number in range(30, 34))]
    rng, reports, drill = random.Random(0), project / "reports", uuid.uuid4().hex
    start = time.monotonic()
    assert started(project, drill, "--force").wait() == 0
    whole = time.monotonic() - start
    for _ in range(20):
        runner = started(project, drill, "--force", "--jobs", str(rng.choice([1, 2])))
        time.sleep(rng.uniform(0, whole))
        runner.kill()
        runner.wait()
        assert all_gone(drill)
        assert_whole(reports)
        assert statuses(run(project / "csat.toml")).keys() == set(names)
        assert not list(reports.rglob(f"{lock.PART}*"))
    assert statuses(run(project / "csat.toml")) == dict.fromkeys(names, "unchanged")
    assert all(f"{name}.html" in text(reports / "index.html") for name in names)


def test_expected_seconds_shrink_as_jobs_finish(project):
    told = []
    run(project / "csat.toml", force=True, jobs=1, progress=lambda *one: told.append(one))
    left = [seconds for *_, seconds in told]
    assert [finished for _, finished, _, _ in told] == [0, 1, 2]
    assert told[0][0] is None
    assert left[0] > left[1] > left[2] == 0
