"""How survey tools lay out an export: header rows, question texts, answers that do not count."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pyarrow.compute as pc

LAYOUTS = ("plain", "qualtrics", "surveymonkey", "form")
_NUMBERED = re.compile(r"^\s*[QqＱ]?\d+\s*[、.．。:：)）]\s*(?=[^\s\d])")
_IMPORT = re.compile(r'^\s*\{"ImportId"')
_TRUE_NOT, _INCOMPLETE = {"false", "0", "no"}, {"incomplete", "partial", "in progress", "未完成"}
_ANY_ANSWER = {"response", "open-ended response"}
# column (lower case) -> values (lower case) of answers that do not count -> why
_QUALTRICS = {
    "status": dict.fromkeys(("survey preview", "1", "9", "17", "spam preview"), "preview answer")
    | dict.fromkeys(("survey test", "2"), "test answer")
    | dict.fromkeys(("spam", "8", "imported spam", "12"), "spam"),
    "distributionchannel": {"preview": "preview answer", "test": "test answer"},
    "finished": dict.fromkeys(_TRUE_NOT, "unfinished answer"),
}
_STATUS = dict.fromkeys(_INCOMPLETE, "unfinished answer") | dict.fromkeys(
    ("preview", "test", "测试"), "test answer"
)
_STATED = dict.fromkeys(("response status", "completion status", "survey status", "答卷状态"), _STATUS)
_COMPLETED = dict.fromkeys(("completed", "complete?"), dict.fromkeys(_TRUE_NOT, "unfinished answer"))


REASONS = {
    "preview": "preview answer",
    "test": "test answer",
    "spam": "spam",
    "unfinished": "unfinished answer",
}
# what a form export writes where nothing was answered
NOT_ASKED, BLANK = "(跳过)", "(空)"
_BLANKS = {"(跳过)": NOT_ASKED, "（跳过）": NOT_ASKED, "(空)": BLANK, "（空）": BLANK}


@dataclass(frozen=True)
class Layout:
    """What the first rows of a file say.

    Parameters
    ----------
    name : str
        One of `LAYOUTS`.
    header_rows : int
        Rows before the first answer.
    columns : tuple of str
        Unique names, without regard to case.
    questions : mapping of str to str
        Column -> text of its question, where it has one.
    renamed : mapping of str to str
        Unique name -> name in the file, where they differ.
    rules : mapping of str to mapping of str to str
        Column -> value in lower case -> why such a row does not count.
    """

    name: str
    header_rows: int
    columns: tuple[str, ...]
    questions: Mapping[str, str] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def detect(head: Sequence[Sequence[str]]) -> str:
    """Return the layout that the first rows show.

    Parameters
    ----------
    head : sequence of rows of text
        The first rows of a file, three at least where it has them.

    Returns
    -------
    str
        One of `LAYOUTS`; ``plain`` where no mark of another is there.

    Examples
    --------
    >>> detect([["1、性别", "2、满意度—响应速度"], ["女", "5"]])
    'form'
    """
    first = [cell.strip() for cell in head[0]] if head else []
    if len(head) > 2 and any(_IMPORT.match(cell) for cell in head[2]):
        return "qualtrics"
    second = [cell.strip() for cell in head[1]] if len(head) > 1 else []
    if first[:1] and first[0].casefold() == "respondent id" and second and not second[0] and any(second):
        return "surveymonkey"
    numbered = sum(bool(_NUMBERED.match(cell)) for cell in first)
    return "form" if numbered >= 2 and 4 * numbered >= len(first) else "plain"


def recognise(
    head: Sequence[Sequence[str]],
    layout: str | None = None,
    *,
    header_rows: int | None = None,
) -> Layout:
    """Read the header rows of a file.

    Parameters
    ----------
    head : sequence of rows of text
        The first rows of a file, three at least where it has them.
    layout : str, optional
        One of `LAYOUTS`; found by `detect` when absent.
    header_rows : int, optional
        Of a plain file: 2 where names stand below merged headings.

    Returns
    -------
    Layout

    Raises
    ------
    ValueError
        If the file is too short for the layout, or a declared layout is not what the rows show.

    Examples
    --------
    >>> recognise([["Respondent ID", "Rate us", ""], ["", "Speed", "Price"]]).columns
    ('Respondent ID', 'Rate us - Speed', 'Rate us - Price')
    """
    name = layout or detect(head)
    if name == "qualtrics":
        return _qualtrics(head)
    if name == "surveymonkey":
        return _surveymonkey(head)
    if name == "plain" and header_rows == 2:
        names, renamed = unique(_below_headings(head))
        return Layout(name, 2, names, {}, renamed, _rules(names, _STATED))
    names, renamed = unique(head[0])
    return Layout(
        name, 1, names, _form_questions(names) if name == "form" else {}, renamed, _rules(names, _STATED)
    )


def unique(names: Sequence[str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Make names unique without regard to case.

    Parameters
    ----------
    names : sequence of str
        Names in the file; an empty one becomes ``column 3``.

    Returns
    -------
    names : tuple of str
        The second ``x`` is ``x (2)``.
    renamed : dict of str to str
        New name -> name in the file.

    Examples
    --------
    >>> unique(["x", "X", ""])
    (('x', 'X (2)', 'column 3'), {'X (2)': 'X', 'column 3': ''})
    """
    plain = [name.strip() for name in names]
    taken, result, renamed = {name.casefold() for name in plain}, [], {}
    seen: set[str] = set()
    for position, name in enumerate(plain, 1):
        new, k = name or f"column {position}", 2
        if new.casefold() in seen or (not name and new.casefold() in taken):
            while f"{new} ({k})".casefold() in seen | taken:
                k += 1
            new = f"{new} ({k})"
        if new != name:
            renamed[new] = name
        seen.add(new.casefold())
        result.append(new)
    return tuple(result), renamed


def reasons(layout: Layout, values: Mapping[str, Sequence[str | None]]) -> list[str | None]:
    """Say of every row why it does not count, or None where it does.

    Parameters
    ----------
    layout : Layout
        From `recognise`.
    values : mapping of str to sequence of str
        Values of each column that `layout.rules` names.

    Returns
    -------
    list of str or None
        ``"column: reason"``; a preview goes before an unfinished answer.

    Examples
    --------
    >>> layout = Layout("plain", 1, ("Completed",), rules={"Completed": {"no": "unfinished answer"}})
    >>> reasons(layout, {"Completed": ["Yes", "No"]})
    [None, 'Completed: unfinished answer']
    """
    result: list[str | None] = [None] * max((len(v) for v in values.values()), default=0)
    for column, rule in layout.rules.items():
        for row, value in enumerate(values[column]):
            why = rule.get(value.strip().casefold()) if value else None
            if why and result[row] is None:
                result[row] = f"{column}: {why}"
    return result


def without_blanks(data: pa.Table, codes: Collection[str | float] = ()) -> tuple[pa.Table, dict[str, int]]:
    """Empty the cells of a form export that say that nothing was answered.

    Parameters
    ----------
    data : pyarrow Table
        Text columns; others are left alone.
    codes : collection of str or float
        Codes with a declared meaning: they stay, written one way.

    Returns
    -------
    data : pyarrow Table
    told : dict of str to int
        `NOT_ASKED` and `BLANK`, where they occur -> cells.

    Examples
    --------
    >>> data, told = without_blanks(pa.table({"q1": ["5", "(跳过)", "（空）"]}))
    >>> data["q1"].to_pylist(), told
    (['5', None, None], {'(跳过)': 1, '(空)': 1})
    """
    told = dict.fromkeys((NOT_ASKED, BLANK), 0)
    for position, name in enumerate(data.column_names):
        column = data[name]
        if not pa.types.is_string(column.type):
            continue
        cells = pc.utf8_trim_whitespace(column)
        for written, code in _BLANKS.items():
            same = pc.fill_null(pc.equal(cells, written), False)
            count = pc.sum(same).as_py() or 0
            if count:
                told[code] += count
                new = pa.scalar(code if code in codes else None, pa.string())
                column = pc.if_else(same, new, column)
                data = data.set_column(position, name, column)
    return data, {code: count for code, count in told.items() if count}


def kept(layout: Layout, keep: Collection[str]) -> Layout:
    """Return the layout without the rules that leave out rows which are to be kept.

    Parameters
    ----------
    layout : Layout
        From `recognise`.
    keep : collection of {"preview", "test", "spam", "unfinished"}
        Kinds of rows that count.

    Returns
    -------
    Layout

    Examples
    --------
    >>> layout = Layout("plain", 1, ("Completed",), rules={"Completed": {"no": "unfinished answer"}})
    >>> kept(layout, ["unfinished"]).rules
    {'Completed': {}}
    """
    why = {REASONS[kind] for kind in keep}
    rules = {c: {v: reason for v, reason in rule.items() if reason not in why} for c, rule in layout.rules.items()}
    return replace(layout, rules=rules)


def _rules(names: Sequence[str], known: Mapping[str, Mapping[str, str]]) -> dict[str, Mapping[str, str]]:
    folded = {name.casefold(): name for name in names}
    return {folded[key]: rule for key, rule in known.items() if key in folded}


def _qualtrics(head: Sequence[Sequence[str]]) -> Layout:
    if len(head) < 3 or not any(_IMPORT.match(cell) for cell in head[2]):
        raise ValueError(
            'layout "qualtrics" wants three header rows, the third with {"ImportId": ...}; export the answers '
            'with Qualtrics\' own headers, or set layout = "plain"'
        )
    names, renamed = unique(head[0])
    texts = [" ".join(text.split()) for text in head[1]]
    questions = {n: text for n, text in zip(names, texts, strict=False) if text and text != n}
    # a renamed column is still known by its import id
    ids = [_import_id(cell) for cell in head[2]]
    known = {n: _QUALTRICS.get(n.casefold()) or _QUALTRICS.get(i) for n, i in zip(names, ids, strict=False)}
    order = list(_QUALTRICS.values())
    rules = {n: rule for n, rule in known.items() if rule}
    rules = dict(sorted(rules.items(), key=lambda entry: order.index(entry[1])))
    return Layout("qualtrics", 3, names, questions, renamed, rules)


def _import_id(cell: str) -> str:
    try:
        return str(json.loads(cell)["ImportId"]).casefold()
    except (ValueError, KeyError, TypeError):
        return ""


def _surveymonkey(head: Sequence[Sequence[str]]) -> Layout:
    if len(head) < 2:
        raise ValueError('layout "surveymonkey" wants two header rows: questions, then answer options')
    above, below, question = [], [], ""
    for upper, lower in zip(head[0], head[1], strict=False):
        question = " ".join(upper.split()) or question
        above.append(question)
        below.append(" ".join(lower.split()))
    several = {q for q in above if above.count(q) > 1}
    joined, texts = [], []
    for q, option in zip(above, below, strict=True):
        plain = not option or (q not in several and option.casefold() in _ANY_ANSWER)
        joined.append(q if plain else f"{q} - {option}")
        texts.append(joined[-1] if option else "")
    names, renamed = unique(joined)
    questions = {n: text for n, text in zip(names, texts, strict=True) if text}
    return Layout("surveymonkey", 2, names, questions, renamed, _rules(names, _STATED | _COMPLETED))


def _below_headings(head: Sequence[Sequence[str]]) -> list[str]:
    """Name columns by the lower of two rows; where that is not unique, with the heading above."""
    below = [lower.strip() or upper.strip() for upper, lower in zip(head[0], head[1], strict=False)]
    folded = [name.casefold() for name in below]
    return [
        f"{upper.strip()} - {name}" if folded.count(name.casefold()) > 1 and upper.strip() != name else name
        for upper, name in zip(head[0], below, strict=False)
    ]


def _form_questions(names: Sequence[str]) -> dict[str, str]:
    return {name: _NUMBERED.sub("", name) for name in names if _NUMBERED.match(name)}
