"""From one answered column to sums per group and replicate group, raked where margins are given."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from ibis.expr.types import Table

from csatlib.scores.followed import kept
from csatlib.scores.pushed import Asked, matching, pushed
from csatlib.scores.question import COLUMNS, DETRACTOR, PROMOTER, Question
from csatlib.stats.rows import Block, blocks
from csatlib.stats.segments import SegmentSums, sum_by_segment
from csatlib.stats.threads import one_thread
from csatlib.stats.weights.margins import Margins, coded, fitted

SCORES = ("nps", "top_box", "mean")
UNITS = {"nps": "points", "top_box": "share", "mean": "scale"}
RAKED_TO = 1e-7


@dataclass(frozen=True)
class Groups:
    """Sums of one question by group; all arrays (groups, columns), `present` (groups, 256, columns)."""

    labels: tuple[tuple, ...]
    sums: SegmentSums
    member: np.ndarray
    domains: tuple[tuple[np.ndarray, Margins], ...]
    counts: np.ndarray
    weight: np.ndarray
    total: np.ndarray
    weight_square: np.ndarray
    square: np.ndarray
    present: np.ndarray

    def combine(self, matrix: np.ndarray) -> "Groups":
        """Add groups up; row i says which of them make up the new group i."""
        matrix = np.asarray(matrix, dtype=float)
        added = {
            name: np.tensordot(matrix, getattr(self, name), axes=1)
            for name in ("counts", "weight", "total", "weight_square", "square", "present")
        }
        return replace(self, member=matrix @ self.member, **added | {"present": added["present"] > 0})

    @property
    def means(self) -> np.ndarray:
        """Weighted means."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.total / self.weight + self.sums.shift

    @property
    def variance(self) -> np.ndarray:
        """Weighted variance of one answer, without the n / (n - 1) factor."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.maximum(self.square / self.weight - (self.total / self.weight) ** 2, 0)

    @property
    def kish(self) -> np.ndarray:
        """Kish's effective number of answers."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.weight**2 / self.weight_square

    @property
    def n_groups(self) -> np.ndarray:
        """Replicate groups behind each figure."""
        return self.present.sum(axis=1)

    def drawn_sums(self, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weights and totals in each replicate, (replicates, groups, columns), raked again in each."""
        flat = (self.sums.weight.shape[1], -1)
        shape = (len(drawn), len(self.sums.segments), len(self.sums.columns))
        with one_thread():  # small products, see stats.moments
            weight, total = (
                (drawn @ part.swapaxes(0, 1).reshape(flat)).reshape(shape)
                for part in (self.sums.weight, self.sums.total)
            )
            if self.domains:
                factor = _factors(weight[:, :, 0], self.domains)[:, :, None]
                weight, total = weight * factor, total * factor
            if np.array_equal(self.member, np.eye(len(self.sums.segments))):
                return weight, total
            return np.matmul(self.member, weight), np.matmul(self.member, total)

    def replicates(self, drawn: np.ndarray) -> np.ndarray:
        """Means in each replicate, (replicates, groups, columns); NaN where a group has no answer."""
        weight, total = self.drawn_sums(drawn)
        with np.errstate(invalid="ignore", divide="ignore"):
            return total / weight + self.sums.shift


def summed(
    data: Any,
    asked: Sequence[Asked],
    *,
    by: Sequence[str],
    required: int,
    weight: str | None,
    cluster: str | None,
    key: str | None,
) -> list[SegmentSums]:
    """Sum questions, each over the rows it rests on, in one pass where the engine can, else one by one."""
    design = {"by": by, "weight": weight, "cluster": cluster, "key": key}
    found = pushed(data, asked, required=required, **design)
    for i, (question, where) in enumerate(asked):
        if found[i] is None:
            rows = matching(data, where) if isinstance(data, Table) else kept(data, where) if where else data
            read = blocks(rows, [question.outcome], labels=question.labels or None, **design)
            checked = _checked(read, question, list(by)[len(by) - required :])
            derived = (replace(block, values=_derive(block.values[:, 0], question)) for block in checked)
            found[i] = sum_by_segment(derived, COLUMNS)
    return found


def grouped(
    data: Any,
    question: Question,
    *,
    by: Sequence[str],
    weight: str | None,
    cluster: str | None,
    key: str | None,
    margins: Mapping[str, Mapping] | None,
    within: str | None = None,
) -> Groups:
    """Sum the rows, unless that is done, and add them up by group; margins are met inside `within`."""
    raking = list(margins or {})
    sums = data
    if not isinstance(data, SegmentSums):
        design = {"weight": weight, "cluster": cluster, "key": key, "by": [*by, *raking], "required": len(raking)}
        sums = summed(data, [(question, {})], **design)[0]
    labels = tuple(dict.fromkeys(segment[: len(by)] for segment in sums.segments))
    member = np.array([[float(s[: len(by)] == label) for s in sums.segments] for label in labels])
    member = member.reshape(len(labels), len(sums.segments))
    domains = _domains(sums, margins, len(by), list(by).index(within) if within else None) if raking else ()
    factor = np.ones((len(sums.segments), 1))
    if domains:
        factor = _factors(sums.weight[:, :, 0].sum(axis=1)[None, :], domains)[0][:, None]
    return Groups(
        labels=labels,
        sums=sums,
        member=member,
        domains=domains,
        counts=member @ sums.counts,
        weight=member @ (factor * sums.weight.sum(axis=1)),
        total=member @ (factor * sums.total.sum(axis=1)),
        weight_square=member @ (factor**2 * sums.weight_square),
        square=member @ (factor * sums.square),
        present=np.tensordot(member, sums.weight > 0, axes=1) > 0,
    )


def _derive(x: np.ndarray, question: Question) -> np.ndarray:
    promoter, detractor, top = (x >= PROMOTER) * 1.0, (x <= DETRACTOR) * 1.0, (x >= question.top) * 1.0
    made = np.column_stack([promoter - detractor, promoter, detractor, top, x])
    made[np.isnan(x)] = np.nan
    return np.column_stack([np.ones(len(x)), made])


def _checked(rows: Iterable[Block], question: Question, raking: list[str]) -> Iterator[Block]:
    outside, example, broken, lacking = 0, None, 0, dict.fromkeys(raking, 0)
    for block in rows:
        x = block.values[:, 0]
        wrong = (x < question.low) | (x > question.high)
        if wrong.any():
            outside, example = outside + int(wrong.sum()), example or float(x[wrong][0])
        if question.whole:
            broken += int((x[~np.isnan(x)] % 1 != 0).sum())
        for name, labels in zip(raking, block.segments[len(block.segments) - len(raking) :], strict=True):
            lacking[name] += int((labels.isna().to_numpy() & (block.weight > 0)).sum())
        yield block
    problems = []
    if outside:
        problems.append(
            f"{question.outcome!r} holds {outside} answers outside the scale, for example {example:g}, allowed "
            f"{question.low:g} to {question.high:g}: turn codes such as 99 = no answer into missing values, or "
            "correct low and high"
        )
    if broken:
        problems.append(
            f"{question.outcome!r} holds {broken} answers that are no whole numbers: give single answers"
        )
    problems += [
        f"{name!r} is missing in {count} rows: leave those rows out, or give them a category with a target"
        for name, count in lacking.items()
        if count
    ]
    if problems:
        raise ValueError("; ".join(problems))


def _domains(
    sums: SegmentSums, margins: Mapping[str, Mapping], first: int, within: int | None
) -> tuple[tuple[np.ndarray, Margins], ...]:
    domain = [segment[within] if within is not None else None for segment in sums.segments]
    found, problems = [], []
    for value in dict.fromkeys(domain):
        at = np.array([i for i, other in enumerate(domain) if other == value])
        cells = [pd.Series([sums.segments[i][first + j] for i in at]) for j in range(len(margins))]
        try:
            found.append((at, coded(cells, margins)))
        except ValueError as error:
            problems.append(str(error) if value is None else f"in {value}: {error}")
    if problems:
        raise ValueError("; ".join(problems))
    return tuple(found)


def _factors(weight: np.ndarray, domains: tuple[tuple[np.ndarray, Margins], ...]) -> np.ndarray:
    factor = np.ones_like(weight)
    for at, margins in domains:
        base = weight[:, at]
        raked = fitted(base, margins, tolerance=RAKED_TO)[0]
        with np.errstate(invalid="ignore", divide="ignore"):
            factor[:, at] = np.where(base > 0, raked / base, 1.0)
    return factor
