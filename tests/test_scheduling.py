"""docs/scheduling.md is tried: the cron line in a bare environment, the workflow as far as it can be."""

import datetime
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from test_house import code_of, unknown_commands
from test_publish import book, company, write
from typer.main import get_command

from csatlib.cli import app
from csatlib.publish import manifest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "scheduling.md").read_text(encoding="utf-8")
CRON = re.search(r"```cron\n(.*?)```", PAGE, re.DOTALL)[1].splitlines()
WORKFLOW = yaml.safe_load(re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1])
STEPS = WORKFLOW["jobs"]["reports"]["steps"]


def last_month() -> datetime.date:
    return datetime.date.today().replace(day=1) - datetime.timedelta(days=1)


@pytest.fixture
def project(tmp_path):
    """Answers of last month and this one, and the command where the recipe has it."""
    project = tmp_path / "satisfaction"
    company(project)
    days = [last_month().replace(day=day) for day in (3, 9)] + [datetime.date.today()]
    rows = [f"R{number},{day},North" for number, day in enumerate(days)]
    (project / "data" / "responses.csv").write_text("\n".join(["response_id,responded_at,region", *rows]) + "\n")
    write(project, "10_good", book("Is it good?", "1 + 1"))
    command = project / ".venv" / "bin" / "csat"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m csatlib "$@"\n')
    command.chmod(0o755)
    return project


def of_cron(line: str, project: Path) -> subprocess.CompletedProcess:
    """Run a crontab line as cron does: sh, a bare environment, the home folder."""
    command = line.split(None, 5)[5]
    assert not re.search(r"(?<!\\)%", command), "cron reads % as the end of the line"
    command = command.replace("\\%", "%").replace("/srv/satisfaction", shlex.quote(str(project)))
    bare = ["env", "-i", f"HOME={project.parent}", "LOGNAME=nobody", "SHELL=/bin/sh", "PATH=/usr/bin:/bin"]
    bare += ["/bin/sh", "-c", command]
    return subprocess.run(bare, cwd=project.parent, capture_output=True, text=True, stdin=subprocess.DEVNULL)


@pytest.mark.long
@pytest.mark.skipif(not (shutil.which("env") and sys.platform == "linux"), reason="cron's line is for GNU/Linux")
def test_cron_line_publishes_last_month_silently_and_mails_what_went_wrong(project):
    setting, line = CRON
    assert setting.startswith("MAILTO=")
    assert re.match(r"0 6 2 \* \* ", line)
    (project / "csat.toml").rename(project / "aside.toml")
    refused = of_cron(line, project)
    assert "no settings file" in refused.stdout
    (project / "aside.toml").rename(project / "csat.toml")
    told = of_cron(line, project)
    assert (told.stdout, told.stderr) == ("", "")
    month = f"{last_month():%Y-%m}"
    assert (project / "reports" / month / "all" / "10_good.html").exists()
    assert list(manifest.latest(project / "reports")) == [f"{month}/all/10_good"]
    assert "index.html" in (project / "csat.log").read_text()


def test_workflow_runs_commands_and_options_that_exist():
    commands = [step["run"] for step in STEPS if "run" in step]
    assert not list(unknown_commands("\n".join(re.sub(r"\.venv/bin/", "", command) for command in commands)))
    known = get_command(app).commands
    for name, options in re.findall(r"csat (\w+)((?: [^\n]*)?)", "\n".join([*commands, CRON[1]])):
        there = {option for parameter in known[name].params for option in parameter.opts}
        assert set(re.findall(r"(?<=\s)--[a-z-]+", options.split(">>")[0])) <= there
    assert [step["uses"].split("@")[0] for step in STEPS if "uses" in step] == [
        "actions/checkout",
        "actions/setup-python",
        "actions/cache",
        "actions/upload-artifact",
    ]
    assert next(step for step in STEPS if "upload" in step.get("uses", ""))["if"] == "always()"
    assert WORKFLOW[True]["schedule"] == [{"cron": "0 6 2 * *"}]  # YAML reads `on` as true


def test_page_names_commands_and_options_that_exist():
    assert not list(unknown_commands(code_of(PAGE)))
    command = get_command(app).commands["run"]
    there = {option for parameter in command.params for option in parameter.opts}
    assert set(re.findall(r"`(--[a-z-]+)", PAGE)) <= there
    assert {os.path.basename(name) for name in re.findall(r"`(\w+\.jsonl?)`", PAGE)} == {
        "alerts.json",
        manifest.FILE,
    }
