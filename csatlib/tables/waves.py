"""Several files of one survey: which one the settings read, and what was worded anew from wave to wave."""

import re
from collections.abc import Sequence

from csatlib.tables.profile import Profile

SAME = 0.8


def joined(
    profiles: Sequence[Profile],
) -> tuple[list[Profile], dict[str, dict[str, str]], list[str]]:
    """Take files of answers with the same columns for waves of one survey.

    Parameters
    ----------
    profiles : sequence of Profile
        One per file.

    Returns
    -------
    tuple
        One profile per table (of waves that of the last wave); column of an item -> first wave of each wording ->
        its text, where the texts differ; what a person must decide.

    Examples
    --------
    >>> import pandas as pd
    >>> from csatlib.tables.profile import profile
    >>> frame = pd.DataFrame({"ResponseId": ["a", "b"], "EndDate": ["2026-10-01", "2026-10-02"]})
    >>> kept, wordings, decide = joined([profile(frame, file=name) for name in ("w1.csv", "w2.csv")])
    >>> [one.file for one in kept], wordings
    (['w2.csv'], {})
    """
    answers = [one for one in profiles if one.table == "responses"]
    if len(answers) < 2 or not all(_alike(answers[0], other) for other in answers[1:]):
        return list(profiles), {}, []
    ordered = sorted(answers, key=lambda one: (min(one.waves, default=""), one.file))
    last = ordered[-1]
    files = ", ".join(one.file for one in ordered)
    decide = [
        f"{files}: the same questions, so they look like waves of one survey; settings name one file per table: "
        f"put all waves into one file. Taken: {last.file}"
    ]
    starts = [min(one.waves, default="") for one in ordered]
    are_told = "" not in starts and len(set(starts)) == len(starts)
    found = _wordings(ordered, starts if are_told else [one.file for one in ordered])
    wordings = {column: texts for column, texts in found.items() if len(texts) > 1}
    if wordings and not are_told:
        decide.append(
            f"{', '.join(wordings)}: worded differently in {files}; from which wave on? No column tells the wave "
            "of each file, so nothing is written under [items]"
        )
        wordings = {}
    for column, texts in wordings.items():
        told = "; ".join(f"{wave}: {text}" for wave, text in texts.items())
        decide.append(f"{column}: is it another question since it was worded anew ({told})? Taken so")
    kept = [last if one is answers[0] else one for one in profiles if one not in answers[1:]]
    return kept, wordings, decide


def _alike(one: Profile, other: Profile) -> bool:
    mine, theirs = set(one.names), set(other.names)
    return len(mine & theirs) >= SAME * max(len(mine), len(theirs))


def _wordings(ordered: Sequence[Profile], names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return column -> name of the first file of each text -> text; the same text again is no new wording."""
    texts: dict[str, dict[str, str]] = {}
    for name, one in zip(names, ordered, strict=True):
        for block in one.blocks:
            for item, sides in block.items.items():
                known = texts.setdefault(next(reversed(sides.values())), {})
                if not known or _plain(list(known.values())[-1]) != _plain(block.wording[item]):
                    known[name] = block.wording[item]
    return texts


def _plain(text: str) -> str:
    return re.sub(r"\W+", "", text).casefold()
