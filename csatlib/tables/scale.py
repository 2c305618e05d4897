"""What a questionnaire's item block is: its columns, dimensions and answer range."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Item:
    """One statement of a scale and the columns that hold its answers.

    Parameters
    ----------
    item : str
        Short identifier, unique in the scale.
    dimension : str, optional
        Dimension the item belongs to; an item without one counts only where all items are averaged.
    expectation, perception, importance, desired, adequate : str, optional
        Column names; any of them may be absent.
    reversed : bool
        True where a high answer means low quality; expectation and perception are both turned round.
    label : str, optional
        What a reader sees; the identifier when absent.

    Examples
    --------
    >>> Item("q01", "tangibles", expectation="e01", perception="p01").perception
    'p01'
    """

    item: str
    dimension: str | None = None
    expectation: str | None = None
    perception: str | None = None
    importance: str | None = None
    desired: str | None = None
    adequate: str | None = None
    reversed: bool = False
    label: str | None = None


@dataclass(frozen=True)
class Scale:
    """A set of items answered on one range.

    Parameters
    ----------
    items : sequence of Item
        At least one; identifiers are unique.
    low, high : float
        Ends of the answer range, low < high.
    importance : mapping of str to str
        Dimension to the column with the points a respondent gave it.
    dimension_labels : mapping of str to str
        Dimension to what a reader sees.
    labels : mapping of str to float
        Text answers and the number each stands for.
    name : str
        Name in the settings.

    Raises
    ------
    ValueError
        Naming every problem: an empty or repeated item, an unknown dimension, a range turned round.

    Examples
    --------
    >>> scale = Scale([Item("q1", "speed", "e1", "p1"), Item("q2", "speed", "e2", "p2")], low=1, high=5)
    >>> scale.dimensions
    ('speed',)
    """

    items: tuple[Item, ...]
    low: float
    high: float
    importance: Mapping[str, str] = field(default_factory=dict)
    dimension_labels: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, float] = field(default_factory=dict)
    name: str = "scale"

    def __post_init__(self) -> None:
        object.__setattr__(self, "items", tuple(self.items))
        problems = list(self._problems())
        if problems:
            raise ValueError(f"Scale {self.name!r}: " + "; ".join(problems))

    def _problems(self):
        names = [item.item for item in self.items]
        if not names:
            yield "it has no items; give at least one Item(...)"
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            yield f"items named more than once: {', '.join(repeated)}; every identifier must be unique"
        if not self.low < self.high:
            yield f"low={self.low} must be below high={self.high}"
        known = set(self.dimensions)
        for key, mapping in (("importance", self.importance), ("dimension_labels", self.dimension_labels)):
            unknown = sorted(set(mapping) - known)
            if unknown:
                named, there = ", ".join(unknown), ", ".join(sorted(known))
                yield f"{key} names dimensions no item has: {named}; known: {there}"

    def drop(self, items: Iterable[str]) -> "Scale":
        """Leave items out, for example those whose wording changed between the waves compared.

        Parameters
        ----------
        items : iterable of str
            Identifiers; those the scale does not have are ignored.

        Returns
        -------
        Scale
            Without them, and without what was said of a dimension that lost its last item.
        """
        gone = set(items)
        kept = tuple(item for item in self.items if item.item not in gone)
        left = {item.dimension for item in kept}
        return replace(
            self,
            items=kept,
            importance={d: column for d, column in self.importance.items() if d in left},
            dimension_labels={d: label for d, label in self.dimension_labels.items() if d in left},
        )

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Dimensions in display order: as labelled, then as the items name them."""
        named = dict.fromkeys(item.dimension for item in self.items if item.dimension is not None)
        return tuple(dict.fromkeys([d for d in self.dimension_labels if d in named] + list(named)))

    def label(self, name: str) -> str:
        """Return a reader's name of an item or dimension."""
        if name in self.dimension_labels:
            return self.dimension_labels[name]
        return next((item.label or name for item in self.items if item.item == name), name)
