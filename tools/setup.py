"""Make or refresh ``.venv`` from requirements.lock; does nothing when nothing changed.

Run by whatever ``python3`` is there, so that an old one gets a clear line: standard library only, and
nothing in this file may be newer than Python 2.7 can parse.
"""
# ruff: noqa: UP010, UP015, UP020, UP022, UP024, UP032

from __future__ import print_function

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SECTIONS = ("build-system", "project", "tool.hatch")
UNFINISHED = "unfinished"
PROBE = "import sys; print('.'.join(map(str, sys.version_info[:3])))"


class SetupError(Exception):
    """What went wrong and its remedy, in one line."""


def read(path):
    """Return the text of a UTF-8 file, or None where there is none."""
    try:
        with io.open(path, encoding="utf-8") as file:
            return file.read()
    except (IOError, OSError, UnicodeDecodeError):
        return None


def supported_range(pyproject):
    """Return the lowest supported and the first unsupported version, as pairs."""
    found = re.search(r'^requires-python\s*=\s*">=(\d+)\.(\d+),\s*<(\d+)\.(\d+)"', pyproject, re.MULTILINE)
    if not found:
        raise SetupError('pyproject.toml: requires-python must look like ">=3.11,<3.15"')
    numbers = [int(number) for number in found.groups()]
    return tuple(numbers[:2]), tuple(numbers[2:])


def in_range(version, bounds):
    """Tell whether a version tuple is supported."""
    return bounds[0] <= tuple(version[:2]) < bounds[1]


def dependency_text(pyproject):
    """Return the lines of pyproject.toml that decide what is installed."""
    kept, section = [], ""
    for line in pyproject.splitlines():
        header = re.match(r"\[+([^\[\]]+)\]+\s*(#.*)?$", line)
        section = header.group(1).strip() if header else section
        if section.startswith(SECTIONS) and line.strip() and not line.lstrip().startswith("#"):
            kept.append(line.rstrip())
    return "\n".join(kept)


def venv_python(root):
    """Return the path of the environment's interpreter."""
    inside = os.path.join("Scripts", "python.exe") if os.name == "nt" else os.path.join("bin", "python")
    return os.path.join(root, ".venv", inside)


def stamp_path(root):
    """Return the path of the stamp that a finished set-up leaves."""
    return os.path.join(root, ".venv", "csat-setup.json")


def venv_version(root):
    """Return the version that made the environment, as pyvenv.cfg tells it, or None."""
    text = read(os.path.join(root, ".venv", "pyvenv.cfg")) or ""
    found = re.search(r"^version(?:_info)?\s*=\s*(\d+\.\d+\.\d+)", text, re.MULTILINE)
    return found.group(1) if found else None


def wanted_stamp(root):
    """Return what the stamp says when the environment is up to date."""
    text = (read(os.path.join(root, "requirements.lock")) or "") + dependency_text(read_pyproject(root))
    return {
        "inputs": hashlib.sha256(text.encode("utf-8")).hexdigest(),
        "python": venv_version(root),
        "interpreter": os.path.realpath(venv_python(root)),
        "root": os.path.realpath(root),
    }


def found_stamp(root):
    """Return the stamp: ``{}`` where there is none, UNFINISHED after an interrupted set-up."""
    text = read(stamp_path(root))
    if text is None:
        return {}
    try:
        stamp = json.loads(text)
    except ValueError:
        return UNFINISHED
    return stamp if isinstance(stamp, dict) else UNFINISHED


def read_pyproject(root):
    """Return the text of pyproject.toml."""
    text = read(os.path.join(root, "pyproject.toml"))
    if text is None:
        raise SetupError("no pyproject.toml in {}: run this from a complete copy of the project".format(root))
    return text


def runs(command):
    """Return what a command prints, or None where it does not run."""
    try:
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdout=pipe, stderr=pipe, env=clean_environment())
        output = process.communicate()[0]
    except (IOError, OSError):
        return None
    return output.decode("utf-8", "replace").strip() if process.returncode == 0 else None


def reason_to_remake(root, uv, bounds, running, switch):
    """Tell why the environment cannot be kept, or None where packages can be installed into it."""
    stamp, version = found_stamp(root), venv_version(root)
    if not os.path.exists(os.path.join(root, ".venv")):
        return "there is none yet"
    if stamp == UNFINISHED:
        return "an earlier set-up did not finish"
    if version is None or not os.path.exists(venv_python(root)):
        return "it is broken"
    place = (os.path.realpath(root), os.path.realpath(venv_python(root)))
    if stamp and (stamp.get("root"), stamp.get("interpreter")) != place:
        return "the project or its Python has moved"
    if not in_range([int(part) for part in version.split(".")], bounds):
        return "its Python {} is not supported".format(version)
    if switch and version != dotted(running):
        return "it has Python {}, you asked for {}".format(version, dotted(running))
    if runs([venv_python(root), "-c", PROBE]) != version:
        return "its Python does not run as {}".format(version)
    if not uv and runs([venv_python(root), "-c", "import pip"]) is None:
        return "it has no pip"
    return None


def another_python(bounds):
    """Return the name of a supported Python on the PATH, newest first, or None."""
    for minor in range(bounds[1][1] - 1, bounds[0][1] - 1, -1):
        name = "python{}.{}".format(bounds[0][0], minor)
        if (runs([name, "-c", PROBE]) or "").startswith("{}.{}.".format(bounds[0][0], minor)):
            return name
    return None


def dotted(version):
    """Return a version tuple as text."""
    return ".".join(str(part) for part in version)


def check_python(bounds, running):
    """Raise where the running Python cannot make the environment."""
    if in_range(running, bounds):
        return
    first, last = "{}.{}".format(*bounds[0]), "{}.{}".format(bounds[1][0], bounds[1][1] - 1)
    problem = "old" if tuple(running[:2]) < bounds[0] else "new"
    found = another_python(bounds)
    remedy = "run" if found else "install one, then run"
    raise SetupError(
        "Python {} is too {}, this project needs {} to {}: {}: make setup PYTHON={}".format(
            dotted(running), problem, first, last, remedy, found or "python" + last
        )
    )


def check_venv_module(uv, running):
    """Raise where this Python has no venv or ensurepip and uv is not there to do without."""
    if uv:
        return
    python = base_python()
    missing = [name for name in ("venv", "ensurepip") if runs([python, "-c", "import " + name]) is None]
    if missing:
        raise SetupError(
            "{} cannot make a virtual environment (no {}): on Debian or Ubuntu: apt install python{}-venv; "
            "or use another Python: make setup PYTHON=python3.13; or install uv".format(
                python, ", no ".join(missing), dotted(running[:2])
            )
        )


def base_python():
    """Return the interpreter itself, not that of an environment which may be about to go."""
    return getattr(sys, "_base_executable", None) or sys.executable


def clean_environment():
    """Return an environment in which installs compile bytecode whatever the caller's shell says."""
    drop = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME", "PIP_USER", "PIP_NO_COMPILE")
    return {name: value for name, value in os.environ.items() if name not in drop}


def run(command, root, what):
    """Run a command that shows its own output; raise one line where it fails."""
    code = subprocess.call(command, cwd=root, env=clean_environment())
    if code:
        raise SetupError("{} failed (see above); mend that, then run: make setup".format(what))


def make_venv(root, uv):
    """Make an empty environment, marked unfinished from its first moment on."""
    folder = os.path.join(root, ".venv")
    if os.path.islink(folder):
        raise SetupError(".venv is a link: remove it, then run: make setup")
    if os.path.isdir(folder):
        shutil.rmtree(folder)
    os.mkdir(folder)
    write_stamp(root, UNFINISHED)
    command = [uv, "venv", "--quiet", "--allow-existing", "--python", base_python(), folder]
    run(command if uv else [base_python(), "-m", "venv", folder], root, "making .venv")


def install(root, uv):
    """Install the lock with its hashes, then the project: pip refuses an editable beside hashes."""
    lock = os.path.join(root, "requirements.lock")
    if not os.path.exists(lock):
        raise SetupError("no requirements.lock in {}: run: make lock".format(root))
    write_stamp(root, UNFINISHED)
    python = venv_python(root)
    if uv:
        pip = [uv, "pip", "install", "--quiet", "--python", python]
        compiled = ["--compile-bytecode"]
    else:
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        compiled = ["--compile"]
    run(pip + compiled + ["--no-deps", "--require-hashes", "-r", lock], root, "installing requirements.lock")
    run(pip + ["--no-deps", "--no-build-isolation", "-e", root], root, "installing the project")


def write_stamp(root, stamp):
    """Leave the stamp."""
    with open(stamp_path(root), "w") as file:
        file.write(json.dumps(stamp, indent=1, sort_keys=True) + "\n")


def set_up(root, uv, running, switch=False, quiet=False):
    """Bring the environment up to date; return False where there was nothing to do."""
    bounds = supported_range(read_pyproject(root))
    if switch:
        check_python(bounds, running)
    current = found_stamp(root) == wanted_stamp(root) and os.path.exists(venv_python(root))
    if current and not (switch and venv_version(root) != dotted(running)):
        if not quiet:
            print("Nothing to do: .venv is up to date (Python {})".format(venv_version(root)))
        return False
    reason = reason_to_remake(root, uv, bounds, running, switch)
    if reason:
        check_python(bounds, running)
        check_venv_module(uv, running)
        print("Making .venv: {}".format(reason))
        make_venv(root, uv)
    print("Installing requirements.lock with {}".format("uv" if uv else "pip (a minute or two)"))
    sys.stdout.flush()
    install(root, uv)
    write_stamp(root, wanted_stamp(root))
    print("Ready: .venv (Python {})".format(venv_version(root)))
    return True


def find_uv():
    """Path of uv, or None."""
    which = getattr(shutil, "which", None)
    return which("uv") if which else None


def main(arguments=None):
    """Entry point; ``--switch`` moves an existing environment to the running Python."""
    arguments = sys.argv[1:] if arguments is None else arguments
    unknown = sorted(set(arguments) - {"--switch", "--quiet"})
    try:
        if unknown:
            raise SetupError("unknown option {}; there are --switch and --quiet".format(", ".join(unknown)))
        set_up(ROOT, find_uv(), tuple(sys.version_info[:3]), "--switch" in arguments, "--quiet" in arguments)
    except SetupError as error:
        print("setup: {}".format(error), file=sys.stderr)
        return 1
    except (IOError, OSError) as error:
        print("setup: {}; close what uses .venv, then run: make setup".format(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("setup: interrupted; run make setup to finish", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
