"""Kernels of the batch: the running interpreter, whatever Jupyter is installed beside it."""

import contextlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from traitlets import default
from traitlets.config import Config

from csatlib.publish import warm
from csatlib.tables.names import VARIABLE

WARM = {"kernel_provisioner": {"provisioner_name": warm.NAME}}
# ipykernel 7 warns on stderr unless the transport between client and kernel may be encrypted
CONFIG = Config({"KernelManager": {"transport_encryption": "auto"}})


class Client(AsyncKernelClient):
    """Kernel client that takes a kernel for ready as soon as it has answered and its output has arrived.

    Jupyter's own then waits until nothing has come for 0.2 seconds, lest an earlier message be taken for an
    answer; nbclient tells them apart by what they answer to.
    """

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait for it; RuntimeError where it died or took more than `timeout` seconds."""
        end = time.monotonic() + (timeout or float("inf"))
        while time.monotonic() < end:
            self.kernel_info()
            with contextlib.suppress(Empty):
                answer = await self.get_shell_msg(timeout=1)
                if answer["msg_type"] == "kernel_info_reply":
                    await self.get_iopub_msg(timeout=0.2)
                    return
            if not await self.is_alive():
                raise RuntimeError("it died before it answered")
        raise RuntimeError(f"it did not answer within {timeout} seconds")


def environment(snapshot: Path, work: Path, language: str = "en") -> dict[str, str]:
    """Environment of a kernel: the run's snapshot and language, one BLAS thread, no user profile, our csatlib.

    Parameters
    ----------
    snapshot : Path
        Snapshot every notebook of the run reads.
    work : Path
        Temporary folder, takes the place of the user's IPython profile and its start-up files.

    language : str
        Language of the report.

    Returns
    -------
    dict
        Variable name -> text.
    """
    env = dict.fromkeys(warm.ONE_THREAD, "1") | {
        "CSAT_SNAPSHOT": str(snapshot),
        VARIABLE: language,
        "IPYTHONDIR": str(work / "ipython"),
    }
    root = Path(__file__).parents[2]
    if root.name not in ("site-packages", "dist-packages"):
        env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    return env


def manager(env: dict[str, str], started: Callable | None = None) -> type[AsyncKernelManager]:
    """Kernel manager class which starts the running interpreter with `env`; needs no kernelspec.

    Kernels are forked from the warmed process of :func:`csatlib.publish.warm.ready` where there is one.

    Parameters
    ----------
    env : dict
        Variables added to those of this process.
    started : callable, optional
        Called with the kernel's process once it runs.

    Returns
    -------
    type
        For nbclient's ``kernel_manager_class``.
    """
    spec = KernelSpec(
        argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        + ["--HistoryManager.enabled=False"],
        display_name="Python 3",
        language="python",
        env={name: value.replace("$", "$$") for name, value in env.items()},
        metadata={"supported_encryption": ["curve"]} | (WARM if warm.usable() else {}),
    )

    class Specs(KernelSpecManager):
        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            return spec

    class Manager(AsyncKernelManager):
        @default("kernel_spec_manager")
        def _kernel_spec_manager_default(self) -> KernelSpecManager:
            return Specs(parent=self)

        @default("client_factory")
        def _client_factory_default(self) -> type[AsyncKernelClient]:
            return Client

        async def start_kernel(self, **kwargs: Any) -> None:
            await super().start_kernel(**kwargs)
            if started is not None:
                started(self.provisioner.process)

    return Manager
