"""Cells that hold several chosen answers, as one yes or no per answer."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SIGNS = ("┋", ";")
MOST = 50
_LONGEST = 80


def split(data: pa.Table, *, delimiter: str = "") -> tuple[pa.Table, dict[str, dict[str, Any]]]:
    """Add a boolean column for every answer of a question that allows several.

    A bar ``┋`` is written by form tools between chosen answers only. A semicolon counts where two cells at least
    hold it, no answer stands twice in one of them, and an answer is chosen twice on average: free text is no list
    of choices.

    Parameters
    ----------
    data : pyarrow Table
        Text columns; others are left alone.
    delimiter : str
        Of the file; it parts no answers.

    Returns
    -------
    data : pyarrow Table
        With columns ``"question: answer"`` behind the rest, missing where nothing was chosen.
    told : dict of str to dict
        Question -> ``sign`` and ``options`` (number of answers), ``kept`` True where these are more than `MOST`,
        so that the cells stayed as they are.

    Examples
    --------
    >>> data, told = split(pa.table({"used": ["app;shop", "shop;", "", "shop;app"]}))
    >>> data.column_names, data["used: app"].to_pylist(), told["used"]["options"]
    (['used', 'used: app', 'used: shop'], [True, False, None, True], 2)
    """
    told = {}
    for name in data.column_names:
        column = data[name]
        if not pa.types.is_string(column.type):
            continue
        sign = next((s for s in SIGNS if s != delimiter and pc.any(pc.match_substring(column, s)).as_py()), None)
        found = _chosen(column.combine_chunks(), sign) if sign else None
        if found is None:
            continue
        chosen, options = found
        told[name] = {"sign": sign, "options": len(options)}
        if len(options) > MOST:
            told[name]["kept"] = True
            continue
        empty = ~chosen.any(axis=1)
        for k in np.argsort(options):
            added, number = f"{name}: {options[k]}", 2
            while added.casefold() in {other.casefold() for other in data.column_names}:
                added, number = f"{name}: {options[k]} ({number})", number + 1
            data = data.append_column(added, pa.array(chosen[:, k], pa.bool_(), mask=empty))
    return data, told


def is_any(rows: Sequence[Sequence[str]], delimiter: str) -> bool:
    """Tell whether a column of the first rows holds several answers in one cell."""
    width = min(map(len, rows), default=0)
    if not any(sign in cell for row in rows for cell in row for sign in SIGNS if sign != delimiter):
        return False
    columns = [pa.array([row[k] for row in rows], pa.string()) for k in range(width)]
    return bool(split(pa.table(columns, names=list(map(str, range(width)))), delimiter=delimiter)[1])


def _chosen(column: pa.Array, sign: str) -> tuple[np.ndarray, list[str]] | None:
    """Return who chose what (rows, answers) and the answers; no matrix where they are too many."""
    lists = pc.split_pattern(column, sign)
    # 其他〖...〗: what was written beside an answer is not another one
    texts = pc.replace_substring_regex(pc.list_flatten(lists), "〖[^〗]*〗", "")
    texts, parents = pc.utf8_trim_whitespace(texts), pc.list_parent_indices(lists)
    filled = pc.not_equal(texts, "")
    encoded, parents = texts.filter(filled).dictionary_encode(), parents.filter(filled).to_numpy()
    options, codes = encoded.dictionary.to_pylist(), encoded.indices.to_numpy()
    if sign != SIGNS[0] and not _are_choices(options, codes, parents):
        return None
    if len(options) > MOST:
        return np.zeros((len(column), 0), dtype=bool), options
    chosen = np.zeros((len(column), len(options)), dtype=bool)
    chosen[parents, codes] = True
    return chosen, options


def _are_choices(options: list[str], codes: np.ndarray, parents: np.ndarray) -> bool:
    several = np.bincount(parents, minlength=1) > 1
    pairs = parents.astype(np.int64) * max(len(options), 1) + codes
    is_repeated = len(np.unique(pairs)) < len(pairs)
    return (
        several.sum() >= 2
        and not is_repeated
        and len(codes) >= 2 * len(options)
        and max(map(len, options)) <= _LONGEST
    )
