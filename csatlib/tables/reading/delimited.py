"""Delimited text: which encoding, which delimiter, which decimal sign."""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from charset_normalizer import from_bytes

DELIMITERS = (",", ";", "\t", "|")
_BLOCK = 1 << 20
_ROWS = 50_000
_HEAD = 200
_COMMA = r"^\s*[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+\s*$"
_WHOLE = r"^\s*[+-]?\d+\s*$"
_THOUSANDS = r"^\s*[+-]?[1-9]\d{0,2},\d{3}\s*$"
_REMEDY = 'set encoding = "gb18030", "cp1252" or another under the table, or save the file as UTF-8'


@dataclass(frozen=True)
class Text:
    """A text file before its rows are read.

    Parameters
    ----------
    encoding : str
        Name of the codec; ``utf-8-sig`` reads UTF-8 with and without a byte order mark.
    delimiter : str
        One of `DELIMITERS`, or the declared one.
    head : list of list of str
        The first rows, up to `_HEAD`.
    has_comma_decimals : bool
        True where some digits with a comma between them are in the file.
    detected : tuple of str
        What was found rather than declared.
    """

    encoding: str
    delimiter: str
    head: list[list[str]]
    has_comma_decimals: bool
    detected: tuple[str, ...]


def inspect(path: Path, encoding: str | None = None, delimiter: str | None = None) -> Text:
    """Find encoding and delimiter of a text file; the whole file is decoded once, strictly.

    Raises
    ------
    ValueError
        If the bytes do not fit the declared encoding or any likely one, or mix two.
    """
    detected = tuple(name for name, given in (("encoding", encoding), ("delimiter", delimiter)) if not given)
    commas = False
    if encoding:
        codec = "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
        commas = _decode(path, codec)
    else:
        codec, commas = _encoding(path)
    with path.open(encoding=codec, newline="") as lines:
        start = lines.read(_BLOCK)
    if not delimiter:
        widths = {sign: len(next(_parse(io.StringIO(start), sign, strict=False), [])) for sign in DELIMITERS}
        delimiter = max(DELIMITERS, key=lambda sign: widths[sign])
    try:
        head = list(islice(_parse(io.StringIO(start), delimiter), _HEAD))
    except ValueError:
        # a fault further down belongs to the rows, not to the header
        head = list(islice(_parse(io.StringIO(start), delimiter, strict=False), _HEAD))
    return Text(codec, delimiter, head, commas, detected)


def rows(path: Path, text: Text, skip: int) -> Iterator[list[tuple[str, ...]]]:
    """Yield the columns of blocks of rows as text, after `skip` header rows.

    Raises
    ------
    ValueError
        If a row has more or fewer values than the header, or a quote is not closed; with the row.
    """
    width = len(text.head[0])
    with path.open(encoding=text.encoding, newline="") as lines:
        parsed = islice(_parse(lines, text.delimiter), skip, None)
        count, wrong = 0, []
        while block := list(islice(parsed, _ROWS)):
            wrong += [f"row {count + k} has {len(r)}" for k, r in enumerate(block, 1) if len(r) != width]
            count += len(block)
            if not wrong:
                yield list(zip(*block, strict=True))
    if wrong:
        more = f" and {len(wrong) - 3} more rows" if len(wrong) > 3 else ""
        raise ValueError(
            f"the header has {width} values, but {', '.join(wrong[:3])}{more}; quote values that hold "
            f"{text.delimiter!r}, or declare the delimiter"
        )


def _parse(lines, delimiter: str, strict: bool = True) -> Iterator[list[str]]:
    reader = csv.reader(lines, delimiter=delimiter, strict=strict)
    try:
        # a blank line is no row
        yield from (row for row in reader if row)
    except csv.Error as error:
        raise ValueError(
            f"line {reader.line_num}: {error}; is a quote not closed, or a quote inside a value not doubled?"
        ) from None


def _decode(path: Path, codec: str) -> bool:
    """Decode the whole file; say whether digits stand around a comma."""
    decoder, place, commas, tail = codecs.getincrementaldecoder(codec)("strict"), 0, False, ""
    with path.open("rb") as data:
        while block := data.read(_BLOCK):
            try:
                text = decoder.decode(block)
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"the file is not {codec.removesuffix('-sig')} text: {error.reason} near byte "
                    f"{place + error.start + 1}; {_REMEDY}"
                ) from None
            commas = commas or bool(re.search(r"\d,\d", tail + text))
            place, tail = place + len(block), text[-2:]
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise ValueError(f"the file ends inside a character of {codec}; it is cut off, or {_REMEDY}") from None
    return commas


def _encoding(path: Path) -> tuple[str, bool]:
    with path.open("rb") as data:
        mark = data.read(2)
    if mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16", _decode(path, "utf-16")
    try:
        return "utf-8-sig", _decode(path, "utf-8-sig")
    except ValueError as error:
        reason = error
    with path.open("rb") as data:
        odd = [(k, line) for k, line in enumerate(data, 1) if not line.isascii()]
    for codec in _candidates(odd):
        try:
            return codec, _decode(path, codec)
        except ValueError:
            continue
    raise ValueError(f"no usual encoding fits (UTF-8, GB18030, cp1252): {reason}")


def _candidates(odd: Sequence[tuple[int, bytes]]) -> list[str]:
    """Return plausible encodings, the likeliest first, from the lines that are not ASCII."""
    sample = b"".join(line for _, line in odd[:5000])
    is_chinese = _share_of_common_hanzi(sample) >= 0.7
    fine = [k for k, line in odd if _fits(line)]
    if not is_chinese and 3 * len(fine) >= len(odd):
        other = next((k for k, line in odd if not _fits(line)), fine[-1])
        raise ValueError(
            f"the file mixes encodings: line {fine[0]} is UTF-8, line {other} is not; export it again, "
            f"or {_REMEDY}"
        )
    # accents stand alone in Western text; in other scripts nearly every character is beyond ASCII
    runs = re.findall(rb"[\x80-\xff]+", sample)
    is_western = sum(map(len, runs)) < 3 * len(runs)
    if is_chinese and is_western:
        found = [match.encoding for match in from_bytes(sample, cp_isolation=["gb18030", "cp1252"])]
        return [*(found if len(found) == 1 else ()), "gb18030", "cp1252", "latin-1"]
    if not is_chinese and not is_western:
        guess = from_bytes(sample).best()
        looks = f"; it may be {guess.encoding}" if guess else ""
        raise ValueError(f"the encoding is none of UTF-8, GB18030 and cp1252{looks}: {_REMEDY}")
    return ["gb18030"] if is_chinese else ["cp1252", "latin-1"]


def _fits(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _share_of_common_hanzi(sample: bytes) -> float:
    try:
        text = sample.decode("gb18030")
    except UnicodeDecodeError:
        return 0.0
    odd = [c.encode("gb18030") for c in text if not c.isascii()]
    common = [c for c in odd if len(c) == 2 and 0xA1 <= c[0] <= 0xD7 and c[1] >= 0xA1]
    return len(common) / len(odd) if odd else 0.0


def with_points(data: pa.Table, declared: bool, codes: Sequence[str] = ()) -> tuple[pa.Table, list[str]]:
    """Write decimal commas as points in columns of numbers.

    Parameters
    ----------
    data : pyarrow Table
        Text columns.
    declared : bool
        True where the decimal sign is known to be a comma: a column counts where half of its values are
        such numbers. Otherwise all must be, and not all of them could be thousands (``1,234``).
    codes : sequence of str
        Values that are no answers.

    Returns
    -------
    data : pyarrow Table
    columns : list of str
        Columns that were changed.
    """
    changed = []
    for position, name in enumerate(data.column_names):
        column = data.column(position)
        if not pa.types.is_string(column.type):
            continue
        trimmed = pc.utf8_trim_whitespace(column)
        counts = pc.invert(pc.is_in(trimmed, value_set=pa.array(["", *codes], pa.string())))
        values = trimmed.filter(pc.and_kleene(counts, pc.is_valid(trimmed)))
        comma = pc.sum(pc.match_substring_regex(values, _COMMA)).as_py() or 0
        whole = pc.sum(pc.match_substring_regex(values, _WHOLE)).as_py() or 0
        unclear = pc.sum(pc.match_substring_regex(values, _THOUSANDS)).as_py() or 0
        needed = len(values) / 2 if declared else len(values)
        if comma and comma + whole >= needed and (declared or unclear < comma):
            plain = pc.replace_substring(pc.replace_substring(trimmed, ".", ""), ",", ".")
            data = data.set_column(
                position, name, pc.if_else(pc.match_substring_regex(trimmed, _COMMA), plain, column)
            )
            changed.append(name)
    return data, changed
