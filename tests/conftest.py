import os
import signal

import pytest

os.environ.setdefault("MPLBACKEND", "agg")


@pytest.fixture(autouse=True)
def interruptible():
    """Ctrl-C, which tests send, is ignored in a script's background jobs, and taken by a Spark that has run."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def private_cache(tmp_path_factory, monkeypatch):
    """Snapshots of a test never reach the user's cache."""
    monkeypatch.setenv("CSAT_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session")
def warmed():
    """One warmed process for every kernel of the tests that ask for it."""
    from csatlib.publish import warm

    with warm.ready() as there:
        assert there == warm.POSSIBLE
        assert warm.usable() == warm.POSSIBLE
        yield
