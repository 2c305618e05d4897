"""What tools/setup.py, tools/lock.py and tools/test.py decide; nothing is installed here."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import lock, notebooks, setup, spark
from tools import test as runner

ROOT = Path(__file__).parents[1]
PYPROJECT = '[project]\nname = "toy"\nrequires-python = ">=3.11,<3.15"\n[tool.ruff]\nline-length = 110\n'
PINNED = tuple(sys.version_info[:3])


@pytest.fixture
def project(tmp_path):
    """Make a project whose environment is set up, its interpreter a link to this one."""
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "requirements.lock").write_text("numpy==2.4.6 --hash=sha256:00\n")
    python = Path(setup.venv_python(str(tmp_path)))
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    (tmp_path / ".venv" / "pyvenv.cfg").write_text(f"version = {setup.dotted(PINNED)}\n")
    setup.write_stamp(str(tmp_path), setup.wanted_stamp(str(tmp_path)))
    return tmp_path


@pytest.fixture
def commands(monkeypatch):
    """Record the commands instead of running them; a new environment gets what venv would leave."""
    seen = []

    def record(command, root, what):
        seen.append((what, command))
        if what == "making .venv":
            python = Path(setup.venv_python(root))
            python.parent.mkdir()
            python.symlink_to(sys.executable)
            (Path(root) / ".venv" / "pyvenv.cfg").write_text(f"version_info = {setup.dotted(PINNED)}\n")

    monkeypatch.setattr(setup, "run", record)
    return seen


def set_up(project, uv=None, running=PINNED, **options):
    return setup.set_up(str(project), uv, running, **options)


def test_range_is_read_from_the_project_file():
    assert setup.supported_range(PYPROJECT) == ((3, 11), (3, 15))
    assert setup.supported_range((ROOT / "pyproject.toml").read_text()) == ((3, 11), (3, 15))
    with pytest.raises(setup.SetupError, match="requires-python must look like"):
        setup.supported_range('requires-python = "~=3.11"')


@pytest.mark.parametrize(("minor", "inside"), [(10, False), (11, True), (14, True), (15, False)])
def test_range_ends(minor, inside):
    assert setup.in_range((3, minor, 1), ((3, 11), (3, 15))) is inside


def test_stamp_hit_does_nothing(project, commands, capsys):
    assert set_up(project) is False
    assert not commands
    assert capsys.readouterr().out.startswith("Nothing to do")
    set_up(project, quiet=True)
    assert capsys.readouterr().out == ""


def test_an_old_python_may_run_a_finished_setup(project, commands):
    assert set_up(project, running=(3, 8, 18)) is False


@pytest.mark.parametrize("running", [(2, 7, 18), (3, 10, 13), (3, 15, 0)])
def test_wrong_python_gets_a_line_with_the_remedy(project, commands, monkeypatch, running):
    shutil.rmtree(project / ".venv")
    monkeypatch.setattr(setup, "another_python", lambda bounds: "python3.13")
    with pytest.raises(setup.SetupError) as error:
        set_up(project, running=running)
    word = "new" if running == (3, 15, 0) else "old"
    expected = f"Python {setup.dotted(running)} is too {word}, this project needs 3.11 to 3.14: run: "
    assert str(error.value) == expected + "make setup PYTHON=python3.13"
    assert not commands
    assert not (project / ".venv").exists()


def test_no_other_python_is_told_to_install_one(monkeypatch):
    monkeypatch.setattr(setup, "runs", lambda command: None)
    with pytest.raises(setup.SetupError, match=r"install one, then run: make setup PYTHON=python3\.14$"):
        setup.check_python(((3, 11), (3, 15)), (3, 9, 0))


def test_another_python_is_the_newest_that_runs(monkeypatch):
    there = {"python3.11": "3.11.7", "python3.12": "3.12.1", "python3.14": None, "python3.13": "2.7.18"}
    monkeypatch.setattr(setup, "runs", lambda command: there[command[0]])
    assert setup.another_python(((3, 11), (3, 15))) == "python3.12"


def test_python_without_venv_gets_a_line_with_the_remedy(project, commands, monkeypatch):
    shutil.rmtree(project / ".venv")
    monkeypatch.setattr(setup, "runs", lambda command: None if "ensurepip" in command[-1] else "")
    with pytest.raises(setup.SetupError, match=r"no ensurepip.*apt install python3\.\d+-venv.*install uv"):
        set_up(project)
    assert not commands
    assert set_up(project, uv="uv") is True


def test_main_prints_one_line_and_no_traceback(project, monkeypatch, capsys):
    shutil.rmtree(project / ".venv")
    monkeypatch.setattr(setup, "ROOT", str(project))
    monkeypatch.setattr(setup.sys, "version_info", (3, 9, 1, "final", 0))
    assert setup.main([]) == 1
    assert re.fullmatch(r"setup: Python 3\.9\.1 is too old.*\n", capsys.readouterr().err)
    assert setup.main(["--wrong"]) == 1
    assert "unknown option --wrong" in capsys.readouterr().err


def test_fresh_project_installs_lock_then_project(project, commands):
    shutil.rmtree(project / ".venv")
    assert set_up(project) is True
    assert [what for what, _ in commands] == [
        "making .venv",
        "installing requirements.lock",
        "installing the project",
    ]
    (_, (*_, lock_file)), (_, editable) = commands[1:]
    assert "--require-hashes" in commands[1][1]
    assert lock_file.endswith("requirements.lock")
    assert {"--no-deps", "--no-build-isolation", "-e"} <= set(editable)
    assert set_up(project) is False


@pytest.mark.parametrize(("uv", "option"), [(None, "--compile"), ("uv", "--compile-bytecode")])
def test_bytecode_is_compiled(project, commands, monkeypatch, uv, option):
    (project / "requirements.lock").write_text("numpy==2.4.7\n")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    set_up(project, uv=uv)
    assert option in commands[0][1]
    assert commands[0][1][0] == (uv or setup.venv_python(str(project)))
    assert "PYTHONDONTWRITEBYTECODE" not in setup.clean_environment()


@pytest.mark.parametrize(
    ("name", "text", "reinstall"),
    [
        ("requirements.lock", "numpy==2.4.7\n", True),
        ("pyproject.toml", PYPROJECT.replace('"toy"', '"toys"'), True),
        ("pyproject.toml", PYPROJECT.replace("110", "100"), False),
        ("pyproject.toml", PYPROJECT + "# a comment\n", False),
    ],
)
def test_what_counts_as_a_change(project, commands, name, text, reinstall):
    (project / name).write_text(text)
    assert set_up(project) is reinstall
    assert all(what != "making .venv" for what, _ in commands)


def unfinish(project):
    setup.write_stamp(str(project), setup.UNFINISHED)


def cut_stamp(project):
    Path(setup.stamp_path(str(project))).write_text('{"inpu')


def lose_python(project):
    Path(setup.venv_python(str(project))).unlink()


def lose_config(project):
    (project / ".venv" / "pyvenv.cfg").unlink()


def age(project):
    (project / ".venv" / "pyvenv.cfg").write_text("version = 3.10.2\n")


def move(project):
    path = Path(setup.stamp_path(str(project)))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"root": "elsewhere"}))


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (unfinish, "an earlier set-up did not finish"),
        (cut_stamp, "an earlier set-up did not finish"),
        (lose_python, "it is broken"),
        (lose_config, "it is broken"),
        (age, "its Python 3.10.2 is not supported"),
        (move, "the project or its Python has moved"),
    ],
)
def test_unusable_environment_is_made_again(project, commands, capsys, break_it, reason):
    left_over = project / ".venv" / "left_over"
    left_over.write_text("")
    break_it(project)
    assert set_up(project) is True
    assert commands[0][0] == "making .venv"
    assert capsys.readouterr().out.startswith(f"Making .venv: {reason}\n")
    assert not left_over.exists()


def test_failed_install_is_remembered(project, monkeypatch):
    (project / "requirements.lock").write_text("numpy==2.4.7\n")
    monkeypatch.setattr(setup.subprocess, "call", lambda *_, **__: 1)
    with pytest.raises(setup.SetupError, match="installing requirements.lock failed"):
        set_up(project)
    assert setup.found_stamp(str(project)) == setup.UNFINISHED


def test_switch_moves_to_the_running_python(project, commands):
    other = (3, 14, 9) if PINNED[1] != 14 else (3, 13, 9)
    assert set_up(project, running=other) is False
    assert set_up(project, running=PINNED, switch=True) is False
    set_up(project, running=other, switch=True)
    assert commands[0][0] == "making .venv"


def test_linked_environment_is_not_deleted(project):
    (project / "elsewhere").mkdir()
    shutil.rmtree(project / ".venv")
    (project / ".venv").symlink_to(project / "elsewhere")
    with pytest.raises(setup.SetupError, match="is a link"):
        setup.make_venv(str(project), None)
    assert (project / "elsewhere").is_dir()


def test_setup_imports_nothing_that_must_be_installed():
    code = "import sys; sys.path[:0] = ['tools']; import setup; print(setup.main(['--wrong']))"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "1\n", done.stderr


def test_setup_is_free_of_newer_syntax():
    source = (ROOT / "tools" / "setup.py").read_text()
    compile(source, "setup.py", "exec", dont_inherit=True)
    assert not re.search(r"""\b[rb]?f["']|:=|^from __future__ import annotations|\) -> """, source, re.MULTILINE)


def test_lock_command_takes_the_lowest_python():
    command = lock.command((ROOT / "pyproject.toml").read_text())
    assert command[command.index("--python-version") + 1] == "3.11"
    assert {"--universal", "--generate-hashes", "--no-emit-index-url"} <= set(command)


def test_lock_without_uv_says_so(monkeypatch, capsys):
    monkeypatch.setattr(lock.shutil, "which", lambda name: None)
    assert lock.main([]) == 1
    assert "uv is not on the PATH" in capsys.readouterr().err


def test_lock_with_an_address_is_taken_back(tmp_path, monkeypatch, capsys):
    path, second = tmp_path / "requirements.lock", tmp_path / "requirements-spark.lock"
    path.write_text("numpy==2.4.6\n")
    monkeypatch.setattr(lock, "LOCK", path)
    monkeypatch.setattr(lock, "SPARK", second)
    monkeypatch.setattr(lock.shutil, "which", lambda name: "uv")

    def compile_with_address(command, **options):
        given = options["input"] or "--index-url somewhere\nnumpy==2.4.6"
        (tmp_path / command[command.index("-o") + 1]).write_text(given)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(lock.subprocess, "run", compile_with_address)
    assert lock.main([]) == 1
    assert path.read_text() == "numpy==2.4.6\n"
    assert second.read_text() == "pyspark>=4,<4.1"
    shown = capsys.readouterr()
    assert "requirements.lock is left as it was" in shown.err
    assert shown.out == "Written: requirements-spark.lock\n"


def test_spark_has_a_lock_and_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(spark.shutil, "which", lambda name: None)
    assert spark.bring(tmp_path / "spark") == "no Java here: install Debian's package openjdk-17-jre-headless"
    monkeypatch.setattr(spark.shutil, "which", lambda name: {"java": "/bin/java"}.get(name))
    codes, seen = [1, 0], []

    def install(command, **_):
        seen.append(command)
        (tmp_path / "spark").mkdir()
        return subprocess.CompletedProcess(command, codes.pop(0))

    monkeypatch.setattr(spark.subprocess, "run", install)
    assert "could not be installed" in spark.bring(tmp_path / "spark")
    assert not (tmp_path / "spark").exists()
    for _ in range(2):
        assert spark.bring(tmp_path / "spark") == tmp_path / "spark"
    assert len(seen) == 2
    assert {"--require-hashes", "--no-deps", str(tmp_path / "spark"), str(lock.SPARK)} <= set(seen[0])
    text = lock.SPARK.read_text()
    assert sorted(lock.locked(text)) == ["py4j", "pyspark"]
    assert not lock.addresses(text)
    assert not set(lock.locked(text)) & set(lock.locked(lock.LOCK.read_text()))
    assert spark.command(tmp_path, "uv")[:3] == ["uv", "pip", "install"]


def test_spark_is_on_the_path_of_the_long_tests_only(monkeypatch, tmp_path, capsys):
    found = []
    monkeypatch.setattr(runner, "why_not_exact", lambda: None)
    monkeypatch.setattr(runner.subprocess, "call", lambda step, env, **_: found.append(env.get("PYTHONPATH", "")))
    answers = [tmp_path, "no Java here"]
    monkeypatch.setattr(spark, "bring", lambda: answers.pop(0))
    for there in ([4], []):
        found.clear()
        runner.main(["--all"])
        assert [place for place, path in enumerate(found) if path.startswith(str(tmp_path))] == there
    assert "Spark is not tested: no Java here" in capsys.readouterr().out


def test_differences_from_the_lock():
    text = "numpy==2.4.6 ; python_version >= '3.12' \\\n    --hash=sha256:00\nnumpy==2.3.0\n"
    text += "Typing_Extensions==4.1\n"
    assert lock.differences(text, {"numpy": "2.3.0", "typing-extensions": "4.1", "other": "1"}) == []
    assert lock.differences(text, {"numpy": "2.2.0"}) == ["numpy 2.2.0 (lock: 2.3.0 or 2.4.6)"]
    assert lock.differences(text, {"typing-extensions": "4.0"}) == ["typing-extensions 4.0 (lock: 4.1)"]


def test_notebooks_are_replayed_strictly_under_the_lock_only():
    strict, lax = (runner.steps(everything=False, reason=reason)[-1] for reason in (None, "another Python"))
    assert "--nbval" in strict
    assert "--nbval-lax" in lax
    assert ["tools.notebooks", "--check"] in runner.steps(everything=True, reason=None)
    assert ["tools.notebooks", "--check"] not in runner.steps(everything=True, reason="another Python")


def test_every_step_runs_and_failures_are_named(monkeypatch, capsys):
    seen = []

    def call(command, **_):
        seen.append(command)
        return int("pytest" in command)

    monkeypatch.setattr(runner, "why_not_exact", lambda: "another Python")
    monkeypatch.setattr(runner.subprocess, "call", call)
    assert runner.main([]) == 1
    assert len(seen) == 4
    out = capsys.readouterr().out
    assert "not compared (nbval lax): another Python" in out
    assert "; pytest --nbval-lax" in out.splitlines()[-1]
    assert out.splitlines()[-1].startswith("FAILED: pytest -n auto")


def test_notebooks_are_not_rewritten_outside_the_lock(monkeypatch, capsys):
    monkeypatch.setattr(notebooks, "why_not_exact", lambda: "Python 3.13 runs")
    assert notebooks.main([]) == 1
    assert "make setup" in capsys.readouterr().err
