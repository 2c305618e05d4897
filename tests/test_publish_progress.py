import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from csatlib.publish import progress
from csatlib.publish.job import Outcome
from csatlib.publish.run import Result

DONE = Outcome("2026-10/all/10_a", "done", 3.21)
FAILED = Outcome("2026-10/all/20_b", "failed", 1.0, "ValueError: [x] in cell 5", "cell 5", "ValueError: [x]")
SKIPPED = Outcome("2026-10/all/30_c", "skipped", 0.0, "needs table `contacts`")
RESULT = Result((DONE, FAILED, SKIPPED), Path("reports/index.html"))


@pytest.fixture
def terminal(monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(progress, "Console", lambda: Console(file=screen, force_terminal=True, width=110))
    return screen


def plain(screen) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())


def shown(log, *told) -> list[str]:
    lines = []
    with progress.shown(log, lines.append) as show:
        for one in told:
            show(*one)
    return lines


def test_plain_lines_name_the_job_and_the_expected_end():
    first, second, last = shown("text", (None, 0, 2, 65.0), (DONE, 1, 2, 5.0), (FAILED, 2, 2, 0.0))
    assert re.fullmatch(r"2 reports; expected to end at \d\d:\d\d:\d\d", first)
    assert re.fullmatch(r"\[1/2\] done 2026-10/all/10_a in 3.2 s; expected to end at \d\d:\d\d:\d\d", second)
    assert last == "[2/2] failed 2026-10/all/20_b in 1.0 s: ValueError: [x] in cell 5"


def test_without_an_earlier_run_no_end_is_promised():
    assert shown("text", (None, 0, 1, None), (DONE, 1, 1, None)) == [
        "1 report",
        "[1/1] done 2026-10/all/10_a in 3.2 s",
    ]


def test_json_is_one_object_a_line():
    lines = shown("json", (None, 0, 2, 65.04), (FAILED, 1, 2, None))
    progress.closing(RESULT, "json", lines.append)
    start, job, end = map(json.loads, lines)
    assert (start["event"], start["total"], start["expected_seconds_left"]) == ("start", 2, 65.0)
    assert (job["event"], job["job"], job["status"]) == ("job", FAILED.job, "failed")
    assert (job["cell"], job["error"]) == ("cell 5", "ValueError: [x]")
    assert end == {
        "event": "end",
        "counts": {"done": 1, "skipped": 1, "failed": 1},
        "alerts": 0,
        "index": str(RESULT.index),
    }


def test_closing_lines_repeat_what_failed():
    lines = []
    progress.closing(RESULT, "text", lines.append)
    assert lines == [
        "failed: 2026-10/all/20_b: ValueError: [x] in cell 5",
        "1 done, 1 skipped, 1 failed",
    ]


def test_terminal_has_a_bar_and_a_closing_table(terminal):
    assert shown("text", (None, 0, 2, 65.0), (DONE, 1, 2, 5.0), (FAILED, 2, 2, 0.0)) == []
    assert "2/2" in plain(terminal)
    assert "expected to end at" in plain(terminal)
    lines = []
    progress.closing(RESULT, "text", lines.append)
    rows = [re.split(r"\s*│\s*", row)[1:-1] for row in plain(terminal).splitlines() if row.startswith("│")]
    assert rows == [
        ["done", "10_a", "1", "3.2", "", ""],
        ["skipped", "30_c", "1", "", "", "needs table `contacts`"],
        ["failed", "2026-10/all/20_b", "1", "1.0", "cell 5", "ValueError: [x]"],
    ]
    assert lines == ["1 done, 1 skipped, 1 failed"]


def test_what_a_notebook_says_cannot_steer_the_terminal(terminal):
    nasty = Outcome("a/b/c", "failed", 1.0, "x", None, "[red]no\x1b[2J")
    progress.closing(Result((nasty,), Path("index.html")), "text", lambda _: None)
    assert "[red]no [2J" in plain(terminal)
    assert "\x1b[2J" not in terminal.getvalue()


def test_expected_seconds_prefer_the_same_job_then_the_notebook():
    def entry(job, notebook, seconds, status="done"):
        return {"job": job, "notebook": notebook, "status": status, "seconds": seconds}

    entries = [entry("m/all/a", "a", 2.0), entry("m/all/b", "b", 4.0), entry("m/north/a", "a", 3.0)]
    entries += [entry("m/all/a", "a", 99.0, "failed"), entry("m/all/c", "c", 8.0)]
    todo = [("m/all/a", "a"), ("n/all/a", "a"), ("n/all/d", "d")]
    assert progress.expected_seconds(todo, entries) == {"m/all/a": 2.0, "n/all/a": 3.0, "n/all/d": 4.0}
    assert progress.expected_seconds(todo, []) == {}


def test_alert_without_interval_is_told():
    alert = {"metric": "availability", "group": "all", "period": "2026-10", "kind": "control limit", "limit": 99.9}
    alert |= {"estimate": 99.1, "ci_low": None, "ci_high": None, "page": "2026-10/all/10_a.html"}
    lines = []
    progress.closing(Result((DONE,), Path("index.html"), (alert,)), "text", lines.append)
    assert lines[0] == (
        "alert: availability (all, 2026-10) is beyond its control limit 99.9: 99.1, 2026-10/all/10_a.html"
    )
