"""Findings that somebody should look at today: beyond a control limit, or surely on the wrong side of a target."""

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path

from csatlib.publish import lock, manifest, site

FILE = "alerts.json"
DECIDES = "9"  # pages of the last stage repeat what others found
SAID = ("metric", "group", "period", "unit", "estimate", "ci_low", "ci_high", "n", "n_eff", "direction")
WORDS = ("statement", "action", "owner")


def of(finding: dict, *, min_rank: int = 30) -> list[dict]:
    """Alerts of one finding.

    Parameters
    ----------
    finding : dict
        As recorded: direction, estimate, interval, n, n_eff; only one with a ``target`` or control limits
        ``lcl``, ``ucl`` can alert.
    min_rank : int
        Fewer effective answers are indicative and never alert.

    Returns
    -------
    list of dict
        ``kind`` "target" (the whole interval is on its bad side) or "control limit" (the estimate is beyond it on
        the bad side), ``limit`` (in the unit of the estimate), then what the finding says.

    Examples
    --------
    >>> low = {"estimate": 49.6, "ci_low": 43.7, "ci_high": 55.5, "n": 337, "direction": "higher_is_better"}
    >>> [alert["kind"] for alert in of(low | {"target": 60.0, "lcl": 39.8, "ucl": 60.6})]
    ['target']
    >>> of(low | {"target": 50.0})
    []
    """
    base = finding.get("n_eff") if finding.get("n_eff") is not None else finding.get("n")
    if finding.get("estimate") is None or base is None or base < min_rank:
        return []
    upwards = finding["direction"] == "higher_is_better"
    kinds = {
        "target": (finding.get("target"), finding["ci_high" if upwards else "ci_low"]),
        "control limit": (finding.get("lcl" if upwards else "ucl"), finding["estimate"]),
    }
    said = {name: finding.get(name) for name in (*SAID, *WORDS)}
    return [
        {"kind": kind, "limit": limit} | said
        for kind, (limit, figure) in kinds.items()
        if limit is not None and figure is not None and (figure < limit if upwards else figure > limit)
    ]


def build(out: Path, *, periods: Iterable[str], min_rank: int) -> list[dict]:
    """Write alerts.json: of every published report of these periods, by job and position on the page.

    Parameters
    ----------
    out : Path
        Output folder; its manifest holds the findings of what is published.
    periods : iterable of str
        Labels.
    min_rank : int
        See :func:`of`.

    Returns
    -------
    list of dict
        What :func:`of` gives, with ``page``, relative to the folder.
    """
    periods = sorted(periods)
    done = {entry["job"]: entry for entry in manifest.read(out) if entry["status"] == "done"}
    done = {job: entry for job, entry in done.items() if not entry["notebook"].startswith(DECIDES)}
    found = [
        alert | {"page": f"{job}.html"}
        for job, entry in sorted(done.items())
        if entry["period"] in periods and (out / f"{job}.html").exists()
        for finding in entry.get("findings", ())
        for alert in of(finding, min_rank=min_rank)
    ]
    with tempfile.TemporaryDirectory(prefix=lock.PART, dir=out) as work:
        part = Path(work) / FILE
        told = json.dumps({"periods": periods, "alerts": found}, ensure_ascii=False, indent=1)
        part.write_text(told + "\n", encoding="utf-8")
        site.publish(part, out / FILE)
    return found
