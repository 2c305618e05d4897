"""Figures beyond a target or a control limit reach alerts.json, and nothing else does."""

import json

import pytest
from test_publish import book, company, write
from typer.testing import CliRunner

from csatlib import cli, findings
from csatlib.publish import alerts, manifest
from csatlib.publish.run import run

UP = {"estimate": 50.0, "ci_low": 45.0, "ci_high": 55.0, "n": 300, "n_eff": 280.0, "direction": "higher_is_better"}
DOWN = UP | {"direction": "lower_is_better"}
RECORD = """from csatlib import findings
row = {"estimate": 50, "ci_low": 45, "ci_high": 55, "n": 300}
given = {"period": period, "unit": "%", "statement": "Half are satisfied."}
findings.record("csat", row, owner="Board", target=60, **given)
findings.record("nps", row, target=50, limits=(40, 60), **given)"""


@pytest.mark.parametrize(
    ("finding", "kinds"),
    [
        (UP | {"target": 55.1}, ["target"]),
        (UP | {"target": 55.0}, []),
        (UP | {"target": 44.0}, []),
        (DOWN | {"target": 44.9}, ["target"]),
        (DOWN | {"target": 45.0}, []),
        (DOWN | {"target": 56.0}, []),
        (UP | {"lcl": 50.1, "ucl": 60.0}, ["control limit"]),
        (UP | {"lcl": 40.0, "ucl": 49.0}, []),
        (DOWN | {"lcl": 40.0, "ucl": 49.9}, ["control limit"]),
        (DOWN | {"lcl": 51.0, "ucl": 60.0}, []),
        (UP | {"target": 60.0, "lcl": 51.0}, ["target", "control limit"]),
        (UP | {"target": 60.0, "n_eff": 29.9}, []),
        (UP | {"target": 60.0, "n_eff": None, "n": 30}, ["target"]),
        (UP | {"target": 60.0, "estimate": None, "n": None, "n_eff": None}, []),
        (UP | {"target": 60.0, "ci_high": None}, []),
        (UP, []),
    ],
)
def test_only_the_wrong_side_of_a_target_or_limit_alerts(finding, kinds):
    assert [alert["kind"] for alert in alerts.of(finding)] == kinds


def test_record_keeps_target_and_limits_and_leaves_out_what_is_not_there(monkeypatch):
    shown = []
    monkeypatch.setattr(findings, "display", lambda data, raw: shown.append(data[findings.MIME]))
    about = {"period": "2026", "unit": "%", "statement": "Half."}
    findings.record("csat", UP, target=1 / 3, limits=(40, float("nan")), **about)
    findings.record("csat", UP, target=float("nan"), **about)
    assert {name: shown[0][name] for name in ("target", "lcl")} == {"target": 0.333333, "lcl": 40.0}
    assert "ucl" not in shown[0]
    assert not {"target", "lcl", "ucl"} & set(shown[1])
    with pytest.raises(ValueError, match="longer"):
        findings.record("csat", UP, limits=(1, 2, 3), **about)


@pytest.mark.usefixtures("warmed")
def test_run_writes_alerts_and_fails_only_if_asked(tmp_path, monkeypatch):
    project = tmp_path / "project"
    config = company(project)
    write(project, "10_good", book("Is it good?", RECORD))
    result = run(config)
    told = json.loads((project / "reports" / alerts.FILE).read_text())
    assert told == {"periods": ["2026-10"], "alerts": list(result.alerts)}
    (alert,) = result.alerts
    assert (alert["metric"], alert["kind"], alert["limit"], alert["owner"]) == ("csat", "target", 60.0, "Board")
    assert (project / "reports" / alert["page"]).exists()
    asked = ["run", "--config", str(config)]
    assert CliRunner().invoke(cli.app, asked).exit_code == 0
    failing = CliRunner().invoke(cli.app, [*asked, "--fail-on-alert"])
    assert failing.exit_code == 3
    assert "alert: csat (all, 2026-10) misses its target 60: 50 [45, 55]" in failing.stdout
    other = run(config, period="2026-09")
    assert [found["period"] for found in other.alerts] == ["2026-09"]
    entry = manifest.latest(project / "reports")["2026-09/all/10_good"]
    manifest.append(project / "reports", entry | {"status": "failed", "findings": []})
    assert alerts.build(project / "reports", periods=["2026-09"], min_rank=30) == list(other.alerts)
