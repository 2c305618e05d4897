"""Pytest plugin, ``-p tools.warm_nbval``: nbval's kernels are forked from one warmed process where that can be."""

import contextlib
import os

from csatlib.publish import warm

_held = contextlib.ExitStack()


def pytest_sessionstart(session):
    """Warm up, and make jupyter_client choose our provisioner."""
    with _silent():  # ipykernel warns that nbval's client does not encrypt
        _held.enter_context(warm.ready())
    if warm.usable():
        os.environ["JUPYTER_DEFAULT_PROVISIONER_NAME"] = warm.NAME


def pytest_sessionfinish(session):
    """Let the warmed process end."""
    os.environ.pop("JUPYTER_DEFAULT_PROVISIONER_NAME", None)
    _held.close()


@contextlib.contextmanager
def _silent():
    """Let what is started meanwhile inherit a stderr that leads nowhere."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
