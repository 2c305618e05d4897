"""Run published jobs again from their snapshots and tell whether the figures reproduce."""

import json
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from csatlib import findings
from csatlib.publish import execution, kernels, languages, machine, manifest, plan, warm
from csatlib.publish.watch import Watch
from csatlib.tables import cache
from csatlib.tables import config as settings_file
from csatlib.tables.period import parse

CLOSE = 2e-6  # findings keep six significant digits: the last may turn


@dataclass(frozen=True)
class Verified:
    """What became of a published job: status is reproduced, differs or cannot; `reason` says how or why."""

    job: str
    status: str
    reason: str | None = None


@dataclass(frozen=True)
class _Check:
    project: Path
    notebooks: Path
    out: Path
    language: str
    timeout: int
    stop: threading.Event = field(default_factory=threading.Event)


def verify(
    config: str | Path = "csat.toml",
    *,
    period: str | None = None,
    out: str | Path | None = None,
    jobs: int | None = None,
    timeout: int = 600,
    progress: Callable[[Verified], None] | None = None,
) -> list[Verified]:
    """Execute the published notebooks again, each from the snapshot it was made of, and compare the findings.

    Parameters
    ----------
    config : str or Path
        The settings file, looked for in the current folder and its parents.
    period : str, optional
        Only reports of this period.
    out : str or Path, optional
        Output folder; default: ``[report] output`` of the settings.
    jobs : int, optional
        Notebooks at a time; default: :func:`csatlib.publish.machine.jobs`.
    timeout : int
        Seconds a single cell may take.
    progress : callable, optional
        Called with each result.

    Returns
    -------
    list of Verified
        One per published report in the main language: the figures are the same in the others. Nothing
        published is touched.

    Raises
    ------
    ValueError
        Nothing was published, or nothing for this period.

    Examples
    --------
    >>> verify(period="2026-10")  # doctest: +SKIP
    """
    settings = settings_file.load(config)
    out = settings.output if out is None else Path(out).resolve()
    label = parse(period).label if period is not None else None
    done = {entry["job"]: entry for entry in manifest.read(out) if entry["status"] == "done"}
    chosen = [entry for _, entry in sorted(done.items()) if label in (None, entry["period"])]
    if not chosen:
        there = ", ".join(sorted({entry["period"] for entry in done.values()})) or "nothing"
        raise ValueError(f"no report to verify{f' for {label}' if label else ''} in {out}; published: {there}")
    notebooks = plan.find(settings.file.parent)[0].path.parent
    check = _Check(settings.file.parent, notebooks, out, settings.company.language, timeout)

    def one(entry: dict) -> Verified:
        verified = _verified(check, entry)
        if progress:
            progress(verified)
        return verified

    with warm.ready(), languages.speaking(check.language):
        return machine.side_by_side(one, chosen, workers=jobs or machine.jobs(), stop=check.stop)


def _verified(check: _Check, entry: dict) -> Verified:
    job, published = entry["job"], check.out / f"{entry['job']}.ipynb"
    snapshot = cache.home() / entry["snapshot"]
    if not published.exists():
        return Verified(job, "cannot", "the executed notebook is not there any more")
    if not (snapshot / "snapshot.json").exists():
        return Verified(job, "cannot", f"its snapshot {entry['snapshot'][:12]}... is not in the cache any more")
    with tempfile.TemporaryDirectory() as folder, Watch(stop=check.stop) as watch:
        executed = Path(folder) / "executed.ipynb"
        failure = execution.execute(
            published,
            executed,
            parameters={},  # they stand in the published notebook
            env=kernels.environment(snapshot, Path(folder), check.language),
            timeout=check.timeout,
            watch=watch,
            folder=check.notebooks,
        )
        if failure:
            where = f" in {failure['cell']}" if failure["cell"] else ""
            return Verified(job, "cannot", manifest.redact(f"{failure['error']}{where}", check.project))
        then, now = (findings.of(json.loads(p.read_text(encoding="utf-8"))) for p in (published, executed))
    recorded = entry.get("findings", then)
    if list(differences(recorded, then)):
        return Verified(job, "differs", "the published notebook holds other findings than the manifest")
    apart = list(differences(then, now))
    if not apart:
        return Verified(job, "reproduced", f"{len(now)} findings")
    versions = manifest.versions()
    other = [f"{n} {v}, now {versions.get(n)}" for n, v in entry["versions"].items() if v != versions.get(n)]
    more = f"; and {len(apart) - 1} more" if len(apart) > 1 else ""
    return Verified(job, "differs", f"{apart[0]}{more}" + (f" (made with {'; '.join(other)})" if other else ""))


def differences(then: Sequence[dict], now: Sequence[dict]) -> Iterator[str]:
    """Tell where two records of one notebook differ.

    Parameters
    ----------
    then, now : sequence of dict
        Findings, from :func:`csatlib.findings.of`.

    Yields
    ------
    str
        A figure that differs beyond its sixth digit, a finding only one of them has, another sentence.

    Examples
    --------
    >>> then = {"metric": "nps", "group": "all", "period": "2026-10", "estimate": 12.5}
    >>> list(differences([then], [then | {"estimate": 13.5}]))
    ['nps (all, 2026-10): estimate was 12.5, is 13.5']
    """
    before, after = ({_key(known, i): known[i] for i in range(len(known))} for known in (then, now))
    for key in [*before, *(key for key in after if key not in before)]:
        name = f"{key[0]} ({key[1]}, {key[2]})"
        if key not in after or key not in before:
            yield f"{name}: only {'then' if key in before else 'now'}"
            continue
        old, new = before[key], after[key]
        figures = [f for f in findings.FIGURES if not _same(old.get(f), new.get(f))]
        yield from (f"{name}: {f} was {old.get(f)}, is {new.get(f)}" for f in figures)
        if not figures and old.get("statement") != new.get("statement"):
            yield f"{name}: another sentence"


def _key(known: Sequence[dict], position: int) -> tuple:
    """Metric, group, period, and which of several with the same."""
    names = [tuple(str(finding[name]) for name in ("metric", "group", "period")) for finding in known]
    return *names[position], names[:position].count(names[position])


def _same(old: float | None, new: float | None) -> bool:
    if old is None or new is None:
        return old is new
    return abs(old - new) <= CLOSE * max(abs(old), abs(new))
