"""A questionnaire looked over before it goes out: how long it takes, and what a person should judge."""

import re
from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from csatlib.stats.rows import require_columns
from csatlib.tables.scale import Scale

MINUTES = 5.0
SECONDS = {"closed": 7.5, "points": 25.0, "open": 40.0}
WORDS, CHARACTERS = 20, 40
BLOCK = 15
OPEN_SHARE = 0.2
COLUMNS = ("question", "text", "kind", "scale", "low", "high", "labels", "reversed", "before")
RESULT = ("rule", "severity", "question", "text", "found", "n", "limit")
SEVERITIES = ("error", "warning", "note")
DOUBLE = re.compile(r"\b(?:and/or|and|or|as well as)\b|[和与及或]|以及", re.IGNORECASE)
NEGATION = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|without|cannot|neither|nor)\b|n['’]t\b|[不没未无非]", re.IGNORECASE
)
LEADING = re.compile(
    r"\b(?:obviously|clearly|surely|of course|naturally|don['’]t you|do you agree|wouldn['’]t you|excellent|"
    r"outstanding|world-class|great|award-winning)\b|当然|显然|毫无疑问|难道|是不是|优质|卓越|一流",
    re.IGNORECASE,
)
ABSOLUTE = re.compile(
    r"\b(?:always|every time|all|ever|never|completely|totally)\b|总是|永远|所有|完全|从不", re.IGNORECASE
)
ASIDE = re.compile(
    r"[非特十]常|不错|无论|neither satisfied nor dissatisfied|neither agree nor disagree", re.IGNORECASE
)
BAD = re.compile(
    r"\b(?:dis\w+|poor|bad|unlikely|difficult|hard|never|rarely|seldom|worst?e?|not)\b|不|差|难|从来没有|很少",
    re.IGNORECASE,
)
MIDDLE = re.compile(
    r"\b(?:neither|neutral|undecided|sometimes|fair|average)\b|一般|中立|不确定|普通|有时", re.IGNORECASE
)


def questions(
    scales: Mapping[str, Scale] | Sequence[Scale],
    *,
    wording: Mapping[str, Mapping[str, str]] | None = None,
    waves: Sequence[str] = (),
    more: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """List the questions of a questionnaire from its scales and wordings.

    Parameters
    ----------
    scales : mapping or sequence of Scale
        All scales asked, such as ``ws.scales``. Items that are both expected and received are two questions, and
        the points over dimensions one.
    wording : mapping of item to mapping of wave to text, optional
        The wording valid from each wave on, such as ``ws.settings.wording``; else the item's label stands for it.
    waves : sequence of str
        Waves asked so far. What is looked over is the last wave that wordings name, where it comes after all of
        these, else the last of these; it is compared with the wave before.
    more : mapping of question to kind, optional
        Questions outside the scales, such as ``{"nps": "closed", "comment": "open"}``; open ones are answered in
        the respondent's own words.

    Returns
    -------
    DataFrame
        One row per question, in order: ``question``, ``text``, ``kind`` ("closed", "points", "open"), ``scale``,
        ``low``, ``high``, ``labels`` (text answers from low to high, parted by " | "; "" where none are named),
        ``reversed``, ``before`` (the last wave's text; "" where it is the same or not known).

    Examples
    --------
    >>> from csatlib.tables.scale import Item
    >>> scale = Scale([Item("q1", perception="p1", label="Prompt service")], low=1, high=7)
    >>> questions([scale], more={"comment": "open"})[["question", "text", "kind"]].values.tolist()
    [['p1', 'Prompt service', 'closed'], ['comment', 'comment', 'open']]
    """
    listed = list(scales.values()) if isinstance(scales, Mapping) else list(scales)
    wording = wording or {}
    asked = sorted(set(waves))
    later = sorted({name for texts in wording.values() for name in texts if not asked or name > asked[-1]})
    before, wave = ["", "", *asked, *later[-2 if not asked else -1 :]][-2:]
    rows = []
    for scale in listed:
        ends = {"scale": scale.name, "low": scale.low, "high": scale.high, "labels": _ladder(scale)}
        for side in ("expectation", "desired", "adequate", "perception", "importance"):
            for item in scale.items:
                if getattr(item, side):
                    now, then = (_valid(wording.get(item.item, {}), name) for name in (wave, before))
                    text = now or item.label or item.item
                    changed = then if then and now and then != now else ""
                    row = {"question": getattr(item, side), "text": text, "kind": "closed", "before": changed}
                    rows.append(row | ends | {"reversed": item.reversed})
        if scale.importance:
            names = ", ".join(scale.label(d) for d in scale.importance)
            rows.append(
                {"question": next(iter(scale.importance.values())), "text": names, "kind": "points"} | ends
            )
    rows += [{"question": name, "text": name, "kind": kind} for name, kind in (more or {}).items()]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    texts = {name: _text(table[name]) for name in ("scale", "labels", "before")}
    return table.assign(**texts, reversed=table["reversed"].eq(True))


def questionnaire(
    data: pd.DataFrame | Sequence[str],
    *,
    minutes: float = MINUTES,
    seconds: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Look over a questionnaire before it is launched.

    Parameters
    ----------
    data : DataFrame or sequence of str
        From :func:`questions`, or wordings alone, which are taken as closed questions; of a frame only
        ``text`` is needed.
    minutes : float
        The longest it should take.
    seconds : mapping of str to float, optional
        Seconds of a question by ``kind``; default 7.5 closed, 25 points, 40 open.

    Returns
    -------
    DataFrame
        One row per thing found, the worst first, then in the order of the questions: ``rule``, ``severity``
        ("error": change it; "warning": a person should judge; "note": good to know), ``question`` ("" where it is
        the whole questionnaire), ``text``, ``found`` (the words, labels or former wording found), ``n`` (a number
        found: minutes, questions, words), ``limit`` (what it is held against). Rules:

        - ``minutes`` (error above the limit, else note): estimated time.
        - ``long_block`` (warning): more than 15 closed questions of one kind in a row on one scale.
        - ``long_text`` (warning): more than 20 words, or 40 characters where the text is Chinese.
        - ``unbalanced`` (error): not as many named answers below the middle as above it, or as many unfavourable
          as favourable ones.
        - ``no_middle`` (note): an even number of answers; ``ranges`` (note): scales of different ranges;
          ``one_direction`` (note): no reversed question among ten or more.
        - ``no_open`` (warning): no open question; ``many_open`` (warning): more than 20 % are open.
        - ``changed`` (warning): worded otherwise than in the wave before.
        - ``double_barrelled`` (warning): "and", "or" or their like; ``leading`` (warning): a word that suggests
          an answer; ``absolute`` (note): always, all, never; ``negation`` (note, with two: warning).

    Raises
    ------
    KeyError
        No column ``text``.
    ValueError
        No question, or a limit that is not above 0.

    Notes
    -----
    Words are found by pattern, in English and Chinese, so a person judges: "and" may join two words for one thing.
    The estimate is a rule of thumb; where a wave was answered before, its median time is the better guide (see
    :func:`csatlib.survey.funnel`).

    References
    ----------
    Saris, W. E. and Gallhofer, I. N. (2014), Design, Evaluation, and Analysis of Questionnaires, 2nd ed.;
    Krosnick, J. A. and Presser, S. (2010), Question and Questionnaire Design, in Handbook of
    Survey Research, 2nd ed.

    Examples
    --------
    >>> found = questionnaire(["Staff are quick and polite.", "Waiting was short."])
    >>> found.query("rule == 'double_barrelled'")[["severity", "text", "found"]].values.tolist()
    [['warning', 'Staff are quick and polite.', 'and']]
    """
    table = data if isinstance(data, pd.DataFrame) else pd.DataFrame({"text": list(data)}, dtype="str")
    require_columns(table.columns, ["text"])
    if table.empty or not minutes > 0:
        raise ValueError(
            f"{len(table)} questions, minutes={minutes}; give at least one question and a limit above 0"
        )
    table = table.assign(**{c: default for c, default in _defaults(table).items() if c not in table.columns})
    pace = SECONDS | dict(seconds or {})
    unknown = sorted(set(table["kind"]) - set(pace))
    if unknown:
        raise ValueError(f"kind holds {', '.join(unknown)}; allowed: {', '.join(pace)}, or give seconds= for it")
    rows = [*_whole(table, minutes, pace), *_scales(table)]
    for row in table.drop_duplicates(["text", "before"]).to_dict("records"):
        rows += _wording(row)
    found = pd.DataFrame(rows, columns=list(RESULT)).astype({"n": float, "limit": float})
    texts = {name: _text(found[name]) for name in ("question", "text", "found")}
    order = found["severity"].map(SEVERITIES.index)
    return found.assign(**texts).loc[order.sort_values(kind="stable").index].reset_index(drop=True)


def estimated_minutes(table: pd.DataFrame, pace: Mapping[str, float]) -> float:
    """Minutes that questions take by kind."""
    return float(table["kind"].map(pace).sum() / 60)


def _defaults(table: pd.DataFrame) -> dict[str, object]:
    return {
        "question": [str(i) for i in range(1, len(table) + 1)],
        "kind": "closed", "scale": "", "low": float("nan"), "high": float("nan"), "labels": "", "reversed": False,
        "before": "",
    }  # fmt: skip


def _whole(table: pd.DataFrame, minutes: float, pace: Mapping[str, float]) -> list[dict]:
    takes, is_open = estimated_minutes(table, pace), table["kind"] == "open"
    found = [_row("minutes", "error" if takes > minutes else "note", n=takes, limit=minutes)]
    if not is_open.any():
        found.append(_row("no_open", "warning", n=0))
    if is_open.mean() > OPEN_SHARE:
        found.append(_row("many_open", "warning", n=int(is_open.sum()), limit=len(table)))
    closed = table[table["kind"] == "closed"]
    runs = (closed["scale"] != closed["scale"].shift()).cumsum()
    for scale, size in closed.groupby(runs)["scale"].agg(["first", "size"]).itertuples(index=False):
        if size > BLOCK:
            found.append(_row("long_block", "warning", question=scale, n=size, limit=BLOCK))
    ranges = sorted(set(zip(closed["low"].dropna(), closed["high"].dropna(), strict=True)))
    if len(ranges) > 1:
        told = ", ".join(f"{low:g}–{high:g}" for low, high in ranges)
        found.append(_row("ranges", "note", found=told, n=len(ranges)))
    return found


def _scales(table: pd.DataFrame) -> list[dict]:
    found = []
    for name, own in table[(table["kind"] == "closed") & (table["scale"] != "")].groupby("scale", sort=False):
        low, high = own["low"].iloc[0], own["high"].iloc[0]
        found += _balance(name, own["labels"].iloc[0])
        if (high - low) % 2 == 1 and high - low > 1:
            found.append(_row("no_middle", "note", question=name, n=high - low + 1))
        if len(own) >= 10 and not own["reversed"].any():
            found.append(_row("one_direction", "note", question=name, n=len(own)))
    return found


def _balance(name: str, labels: str) -> list[dict]:
    named = [label for label in labels.split(" | ") if label]
    bad = [label for label in named if BAD.search(ASIDE.sub("", label)) and not MIDDLE.search(label)]
    good = [label for label in named if label not in bad and not MIDDLE.search(label)]
    if len(named) < 3 or len(bad) == len(good):
        return []
    return [_row("unbalanced", "error", question=name, found=labels, n=len(good), limit=len(bad))]


def _wording(row: Mapping) -> list[dict]:
    text, own = row["text"], {"question": row["question"], "text": row["text"]}
    found = []
    if row["before"]:
        found.append(_row("changed", "warning", **own, found=row["before"]))
    if row["kind"] != "closed":
        return found
    chinese = bool(re.search(r"[一-鿿]", text))
    size, limit = (len(text), CHARACTERS) if chinese else (len(text.split()), WORDS)
    if size > limit:
        found.append(_row("long_text", "warning", **own, n=size, limit=limit))
    bare = ASIDE.sub("", text)
    patterns: tuple[tuple[str, re.Pattern, Callable[[int], str]], ...] = (
        ("double_barrelled", DOUBLE, lambda n: "warning"),
        ("leading", LEADING, lambda n: "warning"),
        ("absolute", ABSOLUTE, lambda n: "note"),
        ("negation", NEGATION, lambda n: "warning" if n > 1 else "note"),
    )
    for rule, pattern, severity in patterns:
        words = [match.group().lower() for match in pattern.finditer(bare)]
        if words:
            told = ", ".join(dict.fromkeys(words))
            found.append(_row(rule, severity(len(words)), **own, found=told, n=len(words)))
    return found


def _row(rule: str, severity: str, **values: object) -> dict:
    return {"rule": rule, "severity": severity} | values


def _text(column: pd.Series) -> pd.Series:
    return column.astype(object).where(column.notna(), "").astype("str")


def _ladder(scale: Scale) -> str:
    """First wording of each named answer, from low to high."""
    first: dict[float, str] = {}
    for label, value in scale.labels.items():
        first.setdefault(value, label)
    return " | ".join(first[value] for value in sorted(first))


def _valid(texts: Mapping[str, str], wave: str) -> str:
    """Return the wording valid in a wave."""
    known = [name for name in texts if name <= wave]
    return texts[max(known)] if known else ""
