import os

import pytest

os.environ.setdefault("MPLBACKEND", "agg")


@pytest.fixture(autouse=True)
def private_cache(tmp_path_factory, monkeypatch):
    """Snapshots of a test never reach the user's cache."""
    monkeypatch.setenv("CSAT_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
