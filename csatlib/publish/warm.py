"""Kernels forked from one warmed process: the heavy imports are made once a run, not once a notebook."""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from importlib.metadata import EntryPoint
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

import csatlib

NAME = "csatlib-warm"
POSSIBLE = sys.platform == "linux" and hasattr(os, "pidfd_open")
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
ENV = dict.fromkeys(ONE_THREAD, "1") | {
    # Arrow's allocator would start a thread, and a thread does not survive a fork
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
}
TOPICS = tuple(f"csatlib.{module.name}" for module in pkgutil.iter_modules(csatlib.__path__) if module.ispkg)
IMPORTS = (
    *("ipykernel.kernelapp", "pandas", "seaborn", "sklearn.linear_model", "statsmodels.api", "ibis"),
    *("ibis.backends.sql.compilers.duckdb", "pyarrow.dataset"),
    *("csatlib.tables.workspace", "csatlib.findings", "csatlib.tiles", *TOPICS),
    *("semopy", "rjieba"),  # the topics import them late
)
PATIENCE = 120.0  # seconds for the imports, on a machine that is busy
DEATH = 1  # PR_SET_PDEATHSIG of prctl(2)
LARGEST = 1 << 20  # bytes of a request


class Process:
    """A forked kernel with what a LocalProvisioner asks of a Popen; the fork's parent is the warmed process."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, handle: int) -> None:
        self.pid = pid
        self._handle: int | None = handle
        self._closing = threading.Lock()  # a closed handle's number may soon be another's

    def poll(self) -> int | None:
        """Return None while it lives, then 1: only its parent knows the exit status."""
        return 1 if self.ended(0) else None

    def ended(self, seconds: float | None) -> bool:
        """Tell whether it has ended, or does within so many seconds; None waits for it."""
        return self._handle is None or bool(select.select([self._handle], [], [], seconds)[0])

    def wait(self) -> int:
        """Wait for its end."""
        if self._handle is not None:
            self.ended(None)
            with self._closing:
                os.close(self._handle)
                self._handle = None
        return 1

    def send_signal(self, signum: int) -> None:
        """Send a signal, unless it is gone; any thread may."""
        with self._closing, contextlib.suppress(ProcessLookupError):
            if self._handle is not None:
                signal.pidfd_send_signal(self._handle, signum)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


class Provisioner(LocalProvisioner):
    """Kernel provisioner that forks the kernel from the warmed process of :func:`ready`."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Fork a kernel; `cmd` is ``[python, "-m", "ipykernel_launcher", *arguments]``."""
        request = {"arguments": cmd[3:], "env": kwargs["env"], "cwd": kwargs.get("cwd") or os.getcwd()}
        self.process = _forked(request)
        self.pid = self.pgid = self.process.pid
        self.cwd = request["cwd"]
        return self.connection_info

    async def kill(self, restart: bool = False) -> None:
        """Kill the kernel and see it end, which takes no time; Jupyter would look again after 0.1 seconds."""
        await super().kill(restart)
        if self.process is not None:
            self.process.ended(0.1)


_lock = threading.Lock()
_held: dict[str, Any] = {}


@contextlib.contextmanager
def ready(cold: bool = False) -> Iterator[bool]:
    """Keep a warmed process at hand; call it from a thread that outlives the kernels.

    Parameters
    ----------
    cold : bool
        Do without.

    Yields
    ------
    bool
        Whether kernels can be forked: on Linux, where the process started and has a single thread.

    Examples
    --------
    >>> with ready(cold=True) as warm:
    ...     warm
    False
    """
    if cold:
        with _aside():
            yield False
        return
    if not POSSIBLE or _held:
        yield bool(_held)
        return
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "csatlib.publish.warm", str(theirs.fileno()), str(os.getpid())]
    process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=os.environ | ENV)  # noqa: S603
    theirs.close()
    KernelProvisionerFactory.provisioners[NAME] = EntryPoint(
        NAME, f"{__name__}:Provisioner", KernelProvisionerFactory.GROUP_NAME
    )
    _held.update(socket=ours, process=process, warmed=None)
    try:
        yield True
    finally:
        _held.clear()
        ours.close()
        process.kill()  # it may still be importing
        process.wait()


@contextlib.contextmanager
def _aside() -> Iterator[None]:
    """Do as if there were no warmed process."""
    kept = dict(_held)
    _held.clear()
    try:
        yield
    finally:
        _held.update(kept)


def usable() -> bool:
    """Tell whether the warmed process of :func:`ready` can fork; waits for its imports.

    Returns
    -------
    bool
        False without one, where it failed, and where an import started a thread.

    Examples
    --------
    >>> with ready(cold=True):
    ...     usable()
    False
    """
    with _lock:
        if not _held:
            return False
        if _held["warmed"] is None:
            _held["socket"].settimeout(PATIENCE)
            try:
                _held["warmed"] = _held["socket"].recv(LARGEST) == b"warm"
            except OSError:
                _held["warmed"] = False
        return _held["warmed"]


def _forked(request: dict[str, Any]) -> Process:
    if not usable():
        raise RuntimeError("no warmed process to fork a kernel from")
    with _lock:
        _held["socket"].send(json.dumps(request).encode())
        answer, handles, _, _ = socket.recv_fds(_held["socket"], LARGEST, 1)
    if not handles:
        raise RuntimeError("the kernel ended as soon as it was forked")
    return Process(int(answer), handles[0])


def serve(connection: socket.socket, runner: int) -> None:
    """Import, then fork a kernel per request until the runner closes its end or dies.

    Parameters
    ----------
    connection : socket
        The other end of the runner's.
    runner : int
        Process identity of the runner.
    """
    _die_with(runner)
    for name in IMPORTS:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # shared pages stay shared: no collector writes into them
    single = len(os.listdir("/proc/self/task")) == 1
    connection.send(b"warm" if single else b"threads")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended kernels leave no zombies
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the runner to answer
    own = os.getpid()
    while single and (asked := connection.recv(LARGEST)):
        pid = os.fork()
        if pid == 0:
            connection.close()
            _become_kernel(json.loads(asked), own)
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:  # over already: the runner tells from the missing handle
            connection.send(b"0")
            continue
        socket.send_fds(connection, [str(pid).encode()], [handle])
        os.close(handle)


def _become_kernel(request: dict[str, Any], parent: int) -> None:
    os.setsid()
    _die_with(parent)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a notebook prints goes to its client, not to the runner's
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    _reseed()
    sys.argv = ["ipykernel_launcher", *request["arguments"]]
    sys.path[0] = ""
    from ipykernel import kernelapp

    try:
        kernelapp.launch_new_instance()
    finally:
        os._exit(0)


def _reseed() -> None:
    """Kernels must not draw the same numbers since they share a parent; Python's own generator sees to it."""
    import numpy as np

    np.random.seed()


def _die_with(parent: int) -> None:
    """Ask Linux to kill this process when its parent dies, however that happens."""
    ctypes.CDLL(None, use_errno=True).prctl(DEATH, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked
        os._exit(1)


def main(arguments: Sequence[str]) -> None:
    """Serve on an inherited socket."""
    with socket.socket(fileno=int(arguments[0])) as connection, contextlib.suppress(BrokenPipeError):
        serve(connection, int(arguments[1]))


if __name__ == "__main__":
    main(sys.argv[1:])
