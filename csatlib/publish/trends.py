"""Headline figures over the periods that have been run: small lines with ranges, and what each period said."""

from csatlib.publish import frozen
from csatlib.publish.history import HEADLINES
from csatlib.tables.period import parse
from csatlib.words import mark, number, say

CHANGES = "executive.change."
LONGEST = 13  # periods: the same month of last year is the first
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 320.0, 112.0, 44.0, 10.0, 10.0, 24.0
WITH_TARGET = mark("{label} from {first} to {last}, target {target}: {values}.")
WITHOUT = mark("{label} from {first} to {last}: {values}.")


def cards(books: dict[str, dict], folder: str, *, min_rank: int) -> list[dict]:
    """Lay out the headlines of one folder of pages with what earlier periods said of them.

    Parameters
    ----------
    books : dict
        From :func:`csatlib.publish.history.published`.
    folder : str
        Such as ``2026-10/all``.
    min_rank : int
        Figures on fewer effective answers are indicative: an open dot.

    Returns
    -------
    list of dict
        One per headline: ``label``, ``figure``, ``unit``, ``span``, ``target``, ``change`` (against the period
        before, with one of three words), ``rows`` (one per period, the latest first: ``period``, ``page``,
        ``statement``, ``change``) and ``trend``, from :func:`drawn`, or None where fewer than two periods have it.
    """
    now, part = folder.split("/")
    kind = parse(now)
    own = {
        job.split("/")[0]: (job, book) for job, book in books.items() if book["headlines"] and _is_of(job, part)
    }
    slots = kind.last(LONGEST).labels
    found = []
    for finding in own[now][1]["headlines"] if now in own else ():
        metric = finding["metric"]
        if metric.startswith(CHANGES):
            continue
        series = [_of(own[slot][1], metric) if slot in own else None for slot in slots]
        told = [
            {
                "period": slot,
                "page": f"{own[slot][0]}.html",
                "statement": point["statement"],
                "change": _change(own[slot][1], metric),
            }
            for slot, point in zip(slots, series, strict=True)
            if point
        ]
        found.append(_card(finding, min_rank) | {"rows": told[::-1], "change": told[-1]["change"] if told else ""})
        found[-1]["trend"] = drawn(slots, series, min_rank=min_rank)
    return found


def latest(folders: list[str]) -> set[str]:
    """Pick the newest month, quarter and year."""
    by_kind = {}
    for label in sorted({folder.split("/")[0] for folder in folders}):
        by_kind[parse(label).kind] = label
    return set(by_kind.values())


def drawn(slots: list[str], series: list[dict | None], *, min_rank: int) -> dict | None:
    """Place a small line: one place per period; a period without a figure is a gap.

    Parameters
    ----------
    slots : list of str
        Periods, the earliest first.
    series : list of dict or None
        A finding for each; None, or one without an estimate, where there is none.
    min_rank : int
        See :func:`cards`.

    Returns
    -------
    dict or None
        ``width``, ``height``, ``alt``, ``dots`` (x, y, low, high, open), ``lines`` (pairs of neighbours),
        ``target`` (y or None), ``ticks`` (y, text), ``first``, ``last`` (x, text). None below two figures.
    """
    there = [point is not None and point.get("estimate") is not None for point in series]
    if sum(there) < 2:
        return None
    start = there.index(True)
    slots, series, there = slots[start:], series[start:], there[start:]
    target = next(
        (point["target"] for point in reversed(series) if point and point.get("target") is not None), None
    )
    shown = [point for point, is_there in zip(series, there, strict=True) if is_there]
    ends = [
        point[side] for point in shown for side in ("estimate", "ci_low", "ci_high") if point.get(side) is not None
    ]
    low, high = (
        min([*ends, *([] if target is None else [target])]),
        max([*ends, *([] if target is None else [target])]),
    )
    high = high if high > low else low + 1

    def height(value: float) -> float:
        return round(TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    step = (WIDTH - LEFT - RIGHT - 12) / max(len(slots) - 1, 1)
    dots = [
        None if not is_there else _dot(round(LEFT + 6 + at * step, 1), point, height, min_rank)
        for at, (point, is_there) in enumerate(zip(series, there, strict=True))
    ]
    decimals = _decimals(shown[-1])
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "alt": _alt(slots, series, there, target),
        "dots": [dot for dot in dots if dot],
        "lines": [(a, b) for a, b in zip(dots, dots[1:], strict=False) if a and b],
        "target": None if target is None else height(target),
        "ticks": [(height(value), number(value, decimals)) for value in (high, low)],
        "ends": [(dots[0]["x"], slots[0]), (round(LEFT + 6 + (len(slots) - 1) * step, 1), slots[-1])],
        "left": LEFT,
        "right": WIDTH - RIGHT,
    }


def _dot(x: float, point: dict, height, min_rank: int) -> dict:
    base = point.get("n_eff") if point.get("n_eff") is not None else point["n"]
    low, high = (
        point[side] if point.get(side) is not None else point["estimate"] for side in ("ci_low", "ci_high")
    )
    few = base is None or base < min_rank
    return {"x": x, "y": height(point["estimate"]), "low": height(low), "high": height(high), "open": few}


def _alt(slots: list[str], series: list, there: list[bool], target: float | None) -> str:
    values = []
    for slot, point, is_there in zip(slots, series, there, strict=True):
        if not is_there:
            values.append(say("{period} no figure", period=slot))
            continue
        named = {"period": slot} | dict(zip(("value", "low", "high"), _three(point), strict=True))
        values.append(say("{period} {value} ({low} to {high})", **named))
    last = next(point for point, is_there in zip(reversed(series), reversed(there), strict=True) if is_there)
    places = {"label": _label(last), "first": slots[0], "last": slots[-1], "values": say(", ").join(values)}
    if target is None:
        return say(WITHOUT, **places)
    return say(WITH_TARGET, target=number(target, _decimals(last)), **places)


def _card(finding: dict, min_rank: int) -> dict:
    about = {"label": _label(finding), "unit": finding["unit"], "figure": "", "span": "", "target": ""}
    if finding.get("estimate") is None:
        return about | {"span": finding["statement"]}
    value, low, high = _three(finding)
    base = finding.get("n_eff") if finding.get("n_eff") is not None else finding["n"]
    target = finding.get("target")
    return about | {
        "figure": value + (" †" if base < min_rank else ""),
        "span": say("{low} to {high}, n = {n}", low=low, high=high, n=f"{finding['n']:,.0f}"),
        "target": "" if target is None else say("Target {value}", value=number(target, _decimals(finding))),
    }


def _three(finding: dict) -> list[str]:
    return [number(finding.get(name), _decimals(finding)) for name in ("estimate", "ci_low", "ci_high")]


def _decimals(finding: dict) -> int:
    return int(finding.get("decimals", 2))


def _label(finding: dict) -> str:
    return finding.get("label") or finding["metric"].removeprefix(HEADLINES)


def _of(book: dict, metric: str) -> dict | None:
    return next((found for found in book["headlines"] if found["metric"] == metric), None)


def _change(book: dict, metric: str) -> str:
    found = _of(book, metric.replace(HEADLINES, CHANGES, 1))
    return found["statement"] if found else ""


def _is_of(job: str, part: str) -> bool:
    """Whether a job's folder is this part's; a restatement is not the page that was released."""
    folder = job.split("/")[1]
    return folder == part and not frozen.RESTATED.search(folder)
