"""What a raw export seems to hold: which table, which column is what, which questions form a scale."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from csatlib.tables import points
from csatlib.tables.presets import PRESETS
from csatlib.tables.schema import TABLES

SURE, LIKELY, UNSURE = 0.95, 0.75, 0.4
_NAMES = {
    "response_id": "response_id responseid respondent_id respondentid interview_id uuid caseid case_no record_id"
    " 序号 编号 答卷编号 答题序号",
    "customer_id": "customer_id customerid client_id member_id account_id externalreference"
    " 客户编号 会员编号 会员号",
    "responded_at": "responded_at recordeddate enddate end_date date_modified submitted_at completed_at timestamp"
    " 提交答卷时间 提交时间 填写时间 结束时间",
    "started_at": "started_at startdate start_date date_created 开始答题时间 开始时间",
    "weight": "weight wt weighting 权重",
    "wave": "wave quarter round 期次 波次",
    "survey": "survey survey_type questionnaire 问卷类型",
    "overall": "overall overall_satisfaction satisfaction csat total_satisfaction 总体满意度 整体满意度",
    "nps": "nps nps_score likelihood_to_recommend recommend 推荐意愿 推荐",
    "ces": "ces effort customer_effort 费力度",
    "comment": "comment comments verbatim open_comment suggestions 建议 意见 其他建议",
    "occurred_at": "occurred_at invoicedate order_date purchase_date transaction_date date 交易时间 下单时间",
    "amount": "amount total price revenue sales value 金额 消费金额",
    "complaint_id": "complaint_id ticket_id case_id srrecordid request_id 工单编号 投诉编号",
    "opened_at": "opened_at createddate created_at open_date 投诉时间 创建时间",
    "resolved_at": "resolved_at closedate closed_at resolution_date 解决时间 关闭时间",
    "channel": "channel methodreceived source 渠道",
    "category": "category srtype type reason 类别 投诉类型",
    "joined_on": "joined_on signup_date start_of_contract registered_at 注册时间 入会时间",
    "left_on": "left_on churn_date end_of_contract cancelled_at 退订时间 销户时间",
}
_EXPECTED = re.compile(r"expect|should|ideal|excellent|must|期望|期待|应该|应当|理想", re.IGNORECASE)
_RECEIVED = re.compile(r"perce|actual|receiv|experience|satisf|is like|实际|感知|感受|满意|体验", re.IGNORECASE)
_PARTS = re.compile(r"\s+[-–]\s+|\s*[—：]+\s*")
_NUMBER = re.compile(r"^\s*[QqＱ]?\d+\s*[、.．。:：)）]\s*")
_CJK = re.compile(r"[一-鿿]")


@dataclass(frozen=True)
class Guess:
    """One guess: what (key), value, how sure (0 to 1), up to three sample values, and the column behind it."""

    key: str
    value: str
    confidence: float
    samples: tuple[str, ...]
    column: str


@dataclass(frozen=True)
class Block:
    """Questions answered on one range: item name to column, for expectation and perception."""

    items: Mapping[str, Mapping[str, str]]
    low: int
    high: int
    labels: str | None
    not_applicable: tuple[float, ...]
    confidence: float
    wording: Mapping[str, str]


@dataclass(frozen=True)
class Profile:
    """What one file seems to hold.

    `points` are the columns over which respondents shared out 100, key is the dimension their heading names or "";
    `not_asked` is the code of a form for questions that were passed over.
    """

    file: str
    table: str
    confidence: float
    columns: tuple[Guess, ...]
    blocks: tuple[Block, ...]
    language: str
    waves: tuple[str, ...] = ()
    time_format: str | None = None
    decide: tuple[str, ...] = field(default=())
    names: tuple[str, ...] = ()
    points: tuple[Guess, ...] = ()
    not_asked: str | None = None


def profile(
    frame: pd.DataFrame,
    *,
    file: str,
    questions: Mapping[str, str] | None = None,
    not_asked: str | None = None,
) -> Profile:
    """Guess what a raw export holds.

    Parameters
    ----------
    frame : DataFrame
        The export as text, missing answers missing; one row per record.
    file : str
        Its name.
    questions : mapping of str to str, optional
        Column to the text of its question.
    not_asked : str, optional
        Code that the file had in place of answers to questions that were passed over.

    Returns
    -------
    Profile
        ``table`` and ``columns`` with confidence and three sample values each, ``blocks`` of questions, ``points``
        of importance, ``language``, ``waves``, and ``decide``: what a person must say.

    Examples
    --------
    >>> frame = pd.DataFrame({"ResponseId": ["a", "b"], "EndDate": ["2026-10-01", "2026-10-02"]})
    >>> found = profile(frame, file="export.csv")
    >>> found.table, [guess.key for guess in found.columns]
    ('responses', ['response_id', 'responded_at'])
    """
    questions = dict(questions or {})
    names = {c: _canonical(c, questions.get(c, "")) for c in frame.columns}
    shared, shares = _points(frame, questions, names)
    blocks, used, decide = _blocks(frame.drop(columns=shared), questions, names)
    used |= set(shared)
    roles = {}
    for column, key in names.items():
        if key and column not in used and key not in roles and _fits(frame[column], key):
            roles[key] = column
    table, confidence = _table(file, roles, bool(blocks))
    sure = {key: _sureness(column, key) for key, column in roles.items()}
    if table == "responses":
        free = [c for c in frame.columns if c not in used and c not in roles.values()]
        for key, column in _by_content(frame, free, roles).items():
            roles[key], sure[key] = column, UNSURE
            decide.append(f"is {column} the {key} of the answers? Taken so by its content")
    known = {c.name for c in TABLES[table].columns}
    guesses = tuple(
        Guess(key, column, sure[key], _samples(frame[column]), column)
        for key, column in roles.items()
        if key in known
    )
    spared = [column for column, other in TABLES[table].instead if other in roles]
    missing = [c.name for c in TABLES[table].columns if c.required and c.name not in {*roles, *spared}]
    decide += [f"{table}: which column is {name}? None looked like it" for name in missing]
    text = "".join([*frame.columns, *questions.values()])
    language = "zh" if len(_CJK.findall(text)) > 0.15 * len(text) else "en"
    times = [g.column for g in guesses if g.key.endswith(("_at", "_on"))]
    time_format = _time_format(pd.concat([frame[c] for c in times]), language, decide) if times else None
    waves = tuple(sorted(frame[roles["wave"]].dropna().astype(str).unique())) if "wave" in roles else ()
    found = (file, table, confidence, guesses, blocks, language, waves, time_format, tuple(decide))
    return Profile(*found, names=tuple(frame.columns), points=shares, not_asked=not_asked)


def _points(frame: pd.DataFrame, questions: Mapping[str, str], names) -> tuple[list[str], tuple[Guess, ...]]:
    columns, share = points.find(frame, [c for c in frame.columns if names[c] is None])
    keys = [points.dimension_of(f"{questions.get(c, '')} {c}") or "" for c in columns]
    if len(set(keys)) < len(keys):
        keys = [""] * len(keys)
    told = zip(keys, columns, strict=True)
    return columns, tuple(
        Guess(key, c, round(share * (LIKELY if key else UNSURE), 2), _samples(frame[c]), c) for key, c in told
    )


def _canonical(column: str, question: str) -> str | None:
    plain = re.sub(r"[\s\-./]+", "_", _NUMBER.sub("", column).strip().casefold()).strip("_")
    for key, words in _NAMES.items():
        if plain in words.split() or plain.replace("_", "") in words.replace("_", "").split():
            return key
    if re.search(r"recommend|推荐", question or column, re.IGNORECASE):
        return "nps"
    if re.search(r"anything else|own words|\bcomments?\b|建议|意见", question or column, re.IGNORECASE):
        return "comment"
    if re.search(r"overall.{0,30}satisf|(总体|整体).{0,6}满意", question or column, re.IGNORECASE):
        return "overall"
    return None


def _fits(values: pd.Series, key: str) -> bool:
    there = values.dropna().astype(str)
    if there.empty:
        return False
    if key.endswith(("_at", "_on")):
        return _times(there) > 0.9
    if key in ("amount", "weight", "nps"):
        numbers = pd.to_numeric(there, errors="coerce")
        return numbers.notna().mean() > 0.9 and (key != "nps" or numbers.dropna().between(0, 10).mean() > 0.9)
    return key != "response_id" or there.is_unique


def _by_content(frame: pd.DataFrame, free: list[str], roles: Mapping[str, str]) -> dict[str, str]:
    """Find the moment and the identifier of an answer among columns whose names say nothing."""
    found = {}
    if "responded_at" not in roles:
        dated = (c for c in free if frame[c].astype("str").str.contains(r"\d[-/.:年]\d").mean() > 0.9)
        found["responded_at"] = next((c for c in dated if _times(frame[c].dropna()) > 0.9), None)
    if "response_id" not in roles:
        whole = (c for c in free if c != found.get("responded_at") and frame[c].notna().all())
        found["response_id"] = next((c for c in whole if frame[c].is_unique), None)
    return {key: column for key, column in found.items() if column is not None}


def _times(values: pd.Series) -> float:
    return float(pd.to_datetime(values.head(200), errors="coerce", format="mixed").notna().mean())


def _time_format(values: pd.Series, language: str, decide: list[str]) -> str | None:
    """Find the one way all times are written, where it is not year-month-day."""
    there = values.dropna().astype("str").str.strip()
    if there.str.match(r"\d{4}-\d\d?-\d\d?([ T]|$)").all():
        return None
    days = ("%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y/%m/%d", "%d-%m-%Y", "%Y年%m月%d日", "%m/%d/%y", "%d.%m.%y")
    hours = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
    fits = [
        day + hour
        for day in days
        for hour in hours
        if pd.to_datetime(there, format=day + hour, errors="coerce").notna().all()
    ]
    if len(fits) > 1:
        decide.append(f"are times written as {' or as '.join(fits)}? Both fit, {fits[0]} is taken")
    if not fits:
        decide.append(f"how are times written? No one format fits all of {', '.join(_samples(there))}")
    return fits[0] if fits else None


def _sureness(column: str, key: str) -> float:
    same = re.sub(r"[\s\-_]+", "", column.casefold()) == key.replace("_", "")
    return SURE if same else LIKELY


def _table(file: str, roles: Mapping[str, str], has_block: bool) -> tuple[str, float]:
    stem = file.rsplit("/", 1)[-1].rsplit(".", 1)[0].casefold()
    named = [name for name in TABLES if stem.startswith(name[:-1])]
    if named:
        return named[0], SURE
    if has_block or {"nps", "overall", "ces", "responded_at"} & set(roles):
        return "responses", SURE if has_block and "responded_at" in roles else LIKELY
    marks = {"complaints": {"complaint_id", "opened_at"}, "transactions": {"amount", "occurred_at"}}
    marks["customers"] = {"customer_id", "joined_on"}
    shares = {name: len(keys & set(roles)) / len(keys) for name, keys in marks.items()}
    best = max(shares, key=shares.__getitem__)
    return (best, LIKELY if shares[best] == 1 else UNSURE) if shares[best] else ("responses", UNSURE)


def _samples(values: pd.Series) -> tuple[str, ...]:
    return tuple(" ".join(str(v).split())[:40] for v in values.dropna().unique()[:3])


def _blocks(
    frame: pd.DataFrame, questions: Mapping[str, str], names: Mapping[str, str | None]
) -> tuple[tuple[Block, ...], set[str], list[str]]:
    scales = {c: _scale(frame[c]) for c in frame.columns if names[c] is None}
    groups: dict[tuple, dict[str, str]] = {}
    for column in [c for c, scale in scales.items() if scale]:
        group, item = _place(column, questions.get(column, ""))
        groups.setdefault(group, {})[item] = column
    groups = {g: items for g, items in _by_last_number(groups).items() if len(items) >= 2}
    made, used, decide, left = [], set(), [], dict(groups)
    for group in groups:
        if group not in left:
            continue
        items = left.pop(group)
        twin = next((g for g in left if set(left[g]) == set(items)), None)
        sides, sure = (
            ({"perception": items}, LIKELY)
            if twin is None
            else _sides(frame, (group, items), (twin, left.pop(twin)), questions, decide)
        )
        block = _block(frame, sides, scales, questions, sure)
        made.append(block)
        used |= {c for side in sides.values() for c in side.values()}
    return tuple(made), used, decide


def _scale(values: pd.Series) -> tuple[int, int, str | None, tuple[float, ...]] | None:
    there = values.dropna().astype(str).str.strip()
    if len(there) < 2:
        return None
    numbers = pd.to_numeric(there, errors="coerce")
    if numbers.notna().all():
        whole = np.sort(numbers.unique())
        if len(whole) > 14 or (whole % 1 != 0).any():
            return None
        low = int(min(1, whole.min())) if whole.min() >= 0 else 1
        runs = np.split(whole, np.flatnonzero(np.diff(whole) > 1) + 1)
        counts = [int(numbers.isin(run).sum()) for run in runs]
        top = runs[int(np.argmax(counts))].max()
        high = next((h for h in (5, 7, 10) if top <= h), None)
        if high is None or (numbers > high).mean() > 0.5:
            return None
        if len(runs) > 1 and runs[-1].min() > high and runs[-1].min() not in (8, 9, 77, 88, 98, 99, 999):
            return None
        return low, high, None, tuple(float(v) for v in whole if v > high or v < low)
    known = {name: there.isin(list(labels)).mean() for name, labels in PRESETS.items()}
    best = max(known, key=known.__getitem__)
    if known[best] < 0.8:
        return None
    steps = PRESETS[best].values()
    return int(min(steps)), int(max(steps)), best, ()


def _place(column: str, question: str) -> tuple[tuple, str]:
    text = _NUMBER.sub("", question or column)
    parts = [part.strip() for part in _PARTS.split(text) if part.strip()]
    if len(parts) > 1:
        return ("text", " - ".join(parts[:-1])), parts[-1]
    numbered = re.fullmatch(r"(.*?)0*(\d+)(\D*)", column)
    if numbered and (numbered[1] or numbered[3]):
        return ("name", numbered[1], numbered[3]), numbered[2]
    return ("alone", column), column


def _by_last_number(groups: dict[tuple, dict[str, str]]) -> dict[tuple, dict[str, str]]:
    """Turn sq1_1, sq1_2, sq2_1 ... round: many stems with the same one or two endings are the items."""
    stems = {g: items for g, items in groups.items() if g[0] == "name" and re.search(r"\d+\D$", g[1])}
    endings = {tuple(sorted(items)) for items in stems.values()}
    if len(stems) < 3 or len(endings) != 1 or len(next(iter(endings))) > 2:
        return groups
    turned: dict[tuple, dict[str, str]] = {g: items for g, items in groups.items() if g not in stems}
    for group, items in stems.items():
        stem = re.sub(r"\d+\D$", "", group[1])
        for ending, column in items.items():
            turned.setdefault(("name", stem, ending), {})[re.findall(r"\d+", group[1])[-1]] = column
    return turned


def _sides(frame, one, two, questions, decide) -> tuple[dict[str, dict[str, str]], float]:
    def words(part) -> str:
        group, items = part
        return " ".join([*map(str, group[1:]), *(questions.get(c, "") for c in items.values())])

    def hint(part) -> int:
        return bool(_EXPECTED.search(words(part))) - bool(_RECEIVED.search(words(part)))

    def mean(part) -> float:
        columns = list(part[1].values())
        return float(frame[columns].apply(pd.to_numeric, errors="coerce").mean().mean())

    letters = [part[0][1].casefold().strip("_ ")[:1] if part[0][0] == "name" else "" for part in (one, two)]
    if hint(one) != hint(two):
        first, second = (one, two) if hint(one) > hint(two) else (two, one)
        sure = SURE
    elif set(letters) == {"e", "p"}:
        first, second = (one, two) if letters[0] == "e" else (two, one)
        sure = LIKELY
    else:
        first, second = (one, two) if not mean(one) < mean(two) else (two, one)
        sure = UNSURE
        columns = ", ".join(list(first[1].values())[:2])
        decide.append(f"are {columns} ... what customers expect? Taken so because their mean is higher")
    return {"expectation": first[1], "perception": second[1]}, sure


def _block(frame, sides, scales, questions, sure) -> Block:
    columns = [c for side in sides.values() for c in side.values()]
    found = [scales[c] for c in columns]
    labels = next((label for *_, label, _ in found if label), None)
    codes = sorted({code for *_, codes in found for code in codes})
    perceived = sides["perception"]
    items = {item: {side: sides[side][item] for side in sides} for item in perceived}
    wording = {
        item: _PARTS.split(_NUMBER.sub("", questions.get(column) or column))[-1]
        for item, column in perceived.items()
    }
    low, high = min(f[0] for f in found), max(f[1] for f in found)
    inside = tuple(code for code in codes if not low <= code <= high)
    return Block(items, low, high, labels, inside, sure, wording)
