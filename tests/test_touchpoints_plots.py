from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Annotation, Text

from csatlib import theme
from csatlib.touchpoints import actions, band, evidence, impact, inventory, lists, plots, quadrants, sentences

SAMPLE = Path(__file__).parents[1] / "data" / "sample"


@pytest.fixture(autouse=True)
def closed():
    theme.use()
    yield
    plt.close("all")


def crowd(n=60, seed=0):
    """A made-up inventory, crowded in the middle, half of it with contacts."""
    rng = np.random.default_rng(seed)
    marks = {name: np.clip(rng.normal(6, 0.9, n), 1, 10) for name in ("operational", "experience")}
    impact = np.clip(rng.normal(6.5, 1.8, n), 1, 10)
    about = {"number": range(1, n + 1), "touchpoint": [f"Touchpoint called {i}" for i in range(n)], "stage": "use"}
    entries = pd.DataFrame(about | marks).assign(impact=impact, band=[band(v) for v in impact], owner="Care")
    placed = quadrants(entries)
    seen = rng.random(n) < 0.5
    return placed.assign(
        seen_operational=np.where(seen, placed["operational"] + rng.normal(size=n), np.nan),
        seen_experience=np.where(seen, placed["experience"] + rng.normal(size=n), np.nan),
    )


@pytest.mark.parametrize(("n", "seed"), [(24, 1), (60, 0), (60, 3)])
def test_labels_of_the_grid_never_overlap_and_stay_inside(n, seed):
    placed = crowd(n, seed)
    ax = plots.plot_grid(placed, cut=5.5)
    ax.figure.canvas.draw()
    renderer, area = ax.figure.canvas.get_renderer(), ax.get_window_extent()
    texts = [t for t in ax.texts if isinstance(t, Annotation) or t.get_text()]
    boxes = [Text.get_window_extent(text, renderer) for text in texts]
    assert len([t for t in texts if isinstance(t, Annotation)]) == n
    assert not [(i, j) for i in range(len(boxes)) for j in range(i) if boxes[i].overlaps(boxes[j])]
    assert all(area.x0 <= b.x0 and b.x1 <= area.x1 and area.y0 <= b.y0 and b.y1 <= area.y1 for b in boxes)
    points = ax.transData.transform(placed[["experience", "operational"]].to_numpy())
    covered = [1 for b in boxes for x, y in points if b.x0 < x < b.x1 and b.y0 < y < b.y1]
    assert not covered


def test_importance_of_eight_is_filled_and_lines_join_opinion_and_evidence():
    placed = crowd(24)
    ax = plots.plot_grid(placed, cut=5.5)
    filled = [line for line in ax.lines if line.get_marker() == "o" and line.get_markerfacecolor() == theme.ACCENT]
    assert len(filled[0].get_xdata()) == (placed["impact"] >= 8).sum()
    joins = [line for line in ax.lines if line.get_color() == theme.MUTED and len(line.get_xdata()) == 2]
    assert len(joins) == placed["seen_experience"].notna().sum()
    assert ax.get_label() == sentences.placed(placed)


def test_lists_read_as_the_grid_does():
    data = pd.read_csv(SAMPLE / "touchpoints.csv")
    contacts = pd.read_csv(SAMPLE / "contacts.csv", parse_dates=["occurred_at"])
    seen = evidence(contacts, customers=3000)
    placed = quadrants(inventory(data).entries, evidence=seen)
    rows = lists.listing(placed)
    service = placed.set_index("touchpoint").loc["Field service"]
    row = rows[rows["touchpoint"].str.contains("Field service")].iloc[0]
    assert row["touchpoint"] == f"{service['number']} Field service (Use): Feels good, works badly"
    assert row["works"] == f"{service['operational']:.1f} ({service['seen_operational']:.1f})"
    todo = actions(data, evidence=seen)
    assert todo["touchpoint"].tolist() == ["Field service", "Complaint desk"]
    shown = lists.corrections(todo)
    assert "No contacts on record." in shown["what"].iloc[1]
    assert shown["rank"].tolist()[1] == "reach not known"
    assert lists.bands(placed)["count"].sum() == 24
    nothing = impact(contacts.assign(customer_id=None))
    assert lists.beside(nothing, inventory(data).entries).empty
    strip = plots.plot_strip(inventory(data[data["stage"] != "buy again"]).stages)
    assert strip.get_label().endswith("No touchpoint is listed for: Buy again.")
    ax = plots.plot_evidence(seen.query("measure == 'satisfaction'").assign(n=5))
    assert np.isnan(ax.lines[0].get_xdata().astype(float)).all()
