"""A commented csat.toml made of guesses, and its update that keeps what a person changed."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import tomlkit

from csatlib.tables.profile import LIKELY, UNSURE, Block, Guess, Profile, profile
from csatlib.tables.reading import readers
from csatlib.tables.reading.layouts import NOT_ASKED
from csatlib.tables.waves import joined

SERVQUAL = {"tangibles": 4, "reliability": 5, "responsiveness": 4, "assurance": 4, "empathy": 5}
CHINESE = dict(
    zip([*SERVQUAL, "service"], ["有形性", "可靠性", "响应性", "保证性", "移情性", "服务"], strict=True)
)


def init(files: Sequence[str | Path], *, config: str | Path = "csat.toml", keep: bool = False) -> list[str]:
    r"""Profile raw exports and write a csat.toml draft, or add to one.

    Parameters
    ----------
    files : sequence of str or Path
        Exports in one folder; none is changed. Several files of answers with the same columns are taken for waves
        of one survey: the settings read the last, and say what was worded anew.
    config : str or Path
        File to write.
    keep : bool
        Update an existing file: what stands there stays, what it lacks is added.

    Returns
    -------
    list of str
        What a person must decide, and with `keep` what was added or kept.

    Raises
    ------
    FileExistsError
        When the file exists and `keep` is False.
    ValueError
        Files in several folders, two files of one table, or a file that cannot be read: all at once.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export = Path(folder, "export.csv")
    ...     _ = export.write_text("ResponseId,EndDate\na,2026-10-01\nb,2026-10-02\n", encoding="utf-8")
    ...     init([export], config=Path(folder, "csat.toml"))
    ['export.csv: is it the table responses? (75% sure)']
    """
    config, paths = Path(config), [Path(file) for file in files]
    if config.exists() and not keep:
        raise FileExistsError(f"{config} exists; use --update to add to it, or --config to write another file")
    folders = {path.resolve().parent for path in paths}
    if len(folders) != 1:
        raise ValueError(
            f"the files lie in {len(folders)} folders; put them into one, because [source] has one path"
        )
    profiles, problems = [], []
    for path in paths:
        try:
            profiles.append(_profile(path))
        except (ValueError, OSError) as error:
            problems.append(str(error))
    if problems:
        raise ValueError("; ".join(problems))
    place = Path(os.path.relpath(folders.pop(), config.resolve().parent)).as_posix()
    fresh, told = draft(profiles, path=place), []
    text = fresh
    if keep and config.exists():
        text, told = update(config.read_text(encoding="utf-8"), fresh)
    part = config.with_name(f".{config.name}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, config)
    return told if told else decisions(fresh)


def _profile(path: Path) -> Profile:
    reading = readers.read(path)
    made = {f"{name}: " for name in reading.told.get("multi_select", {})}
    names = [
        name for name in reading.data.column_names if name != readers.LEFT_OUT and not name.startswith(tuple(made))
    ]
    rows = reading.data
    if readers.LEFT_OUT in rows.column_names:
        rows = rows.filter(rows[readers.LEFT_OUT].is_null())
    frame = rows.select(names).to_pandas()
    text = pd.DataFrame({name: frame[name].astype("str").where(frame[name].notna()) for name in names})
    not_asked = NOT_ASKED if NOT_ASKED in reading.told.get("blanks", {}) else None
    return profile(text.replace("", None), file=path.name, questions=reading.questions, not_asked=not_asked)


def draft(profiles: Sequence[Profile], *, path: str) -> str:
    """Write a csat.toml draft: each guess with how sure it is and three sample values.

    Parameters
    ----------
    profiles : sequence of Profile
        One per file.
    path : str
        Folder of the files, as it should stand under [source].

    Returns
    -------
    str
        TOML that `csatlib.tables.config.load` accepts, with a list of what a person must decide on top.

    Raises
    ------
    ValueError
        When two files look like the same table.

    Examples
    --------
    >>> import pandas as pd
    >>> from csatlib.tables.profile import profile
    >>> export = pd.DataFrame({"ResponseId": ["a", "b"], "EndDate": ["2026-10-01", "2026-10-02"]})
    >>> text = draft([profile(export, file="export.csv")], path="data")
    >>> print(text.split("[tables.responses.columns]")[1].strip().splitlines()[0])
    response_id = "ResponseId"      # 95% sure: a, b
    """
    profiles, wordings, told = joined(profiles)
    twice = {p.table for p in profiles if sum(q.table == p.table for q in profiles) > 1}
    if twice:
        files = ", ".join(p.file for p in profiles if p.table in twice)
        raise ValueError(
            f"{files}: all look like {', '.join(sorted(twice))}; give one file per table, or rename them"
        )
    decisions = [*told, *(d for p in profiles for d in (*p.decide, *_open_questions(p)))]
    language = "zh" if any(p.language == "zh" for p in profiles) else "en"
    lines = ["# Draft of csat.toml, guessed from the files. Read every line marked with less than 90 % sure."]
    lines += ["#", "# To decide:"] + [f"# {k}. {text}" for k, text in enumerate(decisions, 1)] if decisions else []
    lines += ["", "[company]", 'name = "My company"             # shown on every page']
    lines += ['business = "subscription"       # or "retail"', f"language = {_quote(language)}", "", "[source]"]
    lines += [f"path = {_quote(path)}"]
    for one in profiles:
        lines += ["", *_table_lines(one)]
    shares = next((p.points for p in profiles if p.points and p.blocks), ())
    items: dict[str, dict[str, str]] = {}
    for name, block in _named_blocks(profiles):
        lines += ["", *_scale_lines(name, block, shares, CHINESE if language == "zh" else {})]
        columns = {_item_name(item): next(reversed(sides.values())) for item, sides in block.items.items()}
        items |= {item: wordings[c] for item, c in columns.items() if c in wordings and item not in items}
        shares = ()
    for item, texts in items.items():
        lines += ["", f"[items.{_key(item)}.wording]    # {LIKELY:.0%} sure: first wave of each wording"]
        lines += [f"{_quote(wave)} = {_quote(text)}" for wave, text in texts.items()]
    return "\n".join(lines) + "\n"


def decisions(text: str) -> list[str]:
    r"""List what a draft leaves to a person.

    Parameters
    ----------
    text : str
        A draft.

    Returns
    -------
    list of str
        The numbered lines on its top, without numbers.

    Examples
    --------
    >>> decisions("# To decide:\n# 1. who are you?\n\n[company]")
    ['who are you?']
    """
    head = text.split("[company]")[0].splitlines()
    return [line.split(". ", 1)[1] for line in head if line.startswith("# ") and line[2:3].isdigit()]


def update(existing: str, fresh: str) -> tuple[str, list[str]]:
    r"""Add what a new draft knows to a csat.toml without touching what stands there.

    Parameters
    ----------
    existing, fresh : str
        The file as a person left it, and a new draft.

    Returns
    -------
    text : str
        The existing file, comments and all, with keys, columns and items it lacked.
    told : list of str
        What was added, and where the draft differs and the person's value was kept.

    Examples
    --------
    >>> text, told = update('[company]\nname = "Acme"\n', '[company]\nname = "My company"\nlanguage = "en"\n')
    >>> told
    ['kept company.name = "Acme" (draft: "My company")', 'added company.language = "en"']
    """
    document, told = tomlkit.parse(existing), []
    _merge(document, tomlkit.parse(fresh), (), told)
    return tomlkit.dumps(document), told


def _merge(mine: Any, theirs: Any, at: tuple[str, ...], told: list[str]) -> None:
    for key, value in theirs.items():
        where = ".".join((*at, key))
        if key not in mine:
            mine[key] = value
            told.append(f"added {where} = {_short(value)}")
        elif isinstance(value, Mapping) and isinstance(mine[key], Mapping):
            _merge(mine[key], value, (*at, key), told)
        elif key == "items":
            known = {item["item"] for item in mine[key]}
            for item in [item for item in value if item["item"] not in known]:
                mine[key].append(item)
                told.append(f"added {where}: {item['item']}")
        elif mine[key] != value:
            told.append(f"kept {where} = {_short(mine[key])} (draft: {_short(value)})")


def _short(value: Any) -> str:
    text = json.dumps(value.unwrap() if hasattr(value, "unwrap") else value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _open_questions(one: Profile) -> Iterator[str]:
    if one.confidence < 0.9:
        yield f"{one.file}: is it the table {one.table}? ({one.confidence:.0%} sure)"
    for block in one.blocks:
        first = next(iter(block.items.values()))
        columns = " and ".join(first.values())
        guess = "the published order of SERVQUAL" if len(block.items) == sum(SERVQUAL.values()) else "one for all"
        yield f"{columns} ...: which dimension does each of the {len(block.items)} items belong to? Taken: {guess}"
        if block.not_applicable:
            codes = ", ".join(f"{code:g}" for code in block.not_applicable)
            yield f"{columns} ...: does {codes} mean: does not apply? Taken so"
    if one.not_asked:
        yield f"{one.file}: {one.not_asked} is kept apart from no answer, as a question that did not apply. Right?"
    if one.points:
        listed = ", ".join(guess.value for guess in one.points)
        where = "see [scales.servqual.importance]"
        yield f"{listed}: points of importance that add up to 100; which dimension is each for ({where})?"


def _item_name(item: str) -> str:
    return f"q{item}" if item.isdigit() else item


def _key(text: str) -> str:
    return text if text.isascii() and text.isidentifier() else _quote(text)


def _table_lines(one: Profile) -> list[str]:
    lines = [f"[tables.{one.table}]                # {one.confidence:.0%} sure", f"file = {_quote(one.file)}"]
    codes = [f"{c:g}" for c in sorted({code for block in one.blocks for code in block.not_applicable})]
    codes += [_quote(one.not_asked)] if one.not_asked else []
    if codes:
        lines.append(f"not_applicable = [{', '.join(codes)}]")
    if one.time_format:
        lines.append(f"time_format = {_quote(one.time_format)}")
    if one.waves:
        lines.append(f"# waves found: {', '.join(one.waves[:12])}")
    renamed = [g for g in one.columns if g.key != g.value]
    for guess in [g for g in one.columns if g.key == g.value]:
        lines.append(f"# {guess.key}: {guess.confidence:.0%} sure: {', '.join(guess.samples)}")
    if renamed:
        lines += ["", f"[tables.{one.table}.columns]"]
    for guess in renamed:
        entry = f"{guess.key} = {_quote(guess.value)}"
        lines.append(f"{entry:<31} # {guess.confidence:.0%} sure: {', '.join(guess.samples)}")
    return lines


def _named_blocks(profiles: Sequence[Profile]) -> Iterator[tuple[str, Block]]:
    blocks = [block for one in profiles for block in one.blocks]
    paired = [b for b in blocks if len(next(iter(b.items.values()))) == 2]
    for k, block in enumerate([*paired, *(b for b in blocks if b not in paired)]):
        yield ("servqual" if k == 0 else f"scale_{k + 1}"), block


def _scale_lines(name: str, block: Block, shares: Sequence[Guess], called: Mapping[str, str]) -> list[str]:
    sure = f"{block.confidence:.0%} sure" + (
        ": check which side is expected" if block.confidence <= UNSURE else ""
    )
    lines = [f"[scales.{name}]                # {sure}", f"low = {block.low}", f"high = {block.high}"]
    if block.labels:
        lines.append(f"labels = {_quote(block.labels)}           # preset of text answers")
    lines.append("items = [")
    dimensions = _dimensions(len(block.items))
    for (item, sides), dimension in zip(block.items.items(), dimensions, strict=True):
        parts = {"item": _item_name(item), "dimension": dimension} | dict(sides)
        if block.wording[item] != sides["perception"]:
            parts["label"] = block.wording[item]
        lines.append("  { " + ", ".join(f"{key} = {_quote(value)}" for key, value in parts.items()) + " },")
    lines += ["]", "", f"[scales.{name}.dimensions]    # what a reader sees"]
    named = list(dict.fromkeys(dimensions))
    lines += [f"{d} = {_quote(called.get(d, d.capitalize()))}" for d in named]
    return [*lines, *_importance_lines(name, named, shares)]


def _importance_lines(name: str, dimensions: list[str], shares: Sequence[Guess]) -> list[str]:
    """Give each dimension its points: by the words of the heading, else by order; else as a comment to fill in."""
    if not shares:
        return []
    keys = [guess.key for guess in shares]
    if not set(keys) <= set(dimensions):
        keys = dimensions if len(dimensions) == len(keys) else []
    lines = ["", f"[scales.{name}.importance]    # 100 points shared out, column by dimension"]
    for k, guess in enumerate(shares):
        entry = f"{keys[k]} = {_quote(guess.value)}" if keys else f"# DIMENSION = {_quote(guess.value)}"
        lines.append(f"{entry:<31} # {guess.confidence:.0%} sure: {', '.join(guess.samples)}")
    return lines


def _dimensions(items: int) -> list[str]:
    if items == sum(SERVQUAL.values()):
        return [name for name, size in SERVQUAL.items() for _ in range(size)]
    return ["service"] * items
