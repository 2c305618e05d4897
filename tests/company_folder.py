"""A small company folder for tests of tables: settings and CSV files from literals."""

from pathlib import Path

SCALE = """
[scales.care]
low = 1
high = 7
labels = { "非常满意" = 7, "very bad" = 1 }
importance = { speed = "points_speed" }
items = [{ item = "q07", dimension = "speed", expectation = "e07", perception = "p07" }]
"""

CUSTOMERS = """customer_id,joined_on,left_on,region
C1,2025-01-01,,North
C2,2025-02-01,,South
C3,2025-03-01,,North
"""
RESPONSES = """response_id,customer_id,responded_at,nps,weight,comment,e07,p07,points_speed
R3,C2,2026-08-31 23:59:59,0,1,,7,2,100
R1,C1,2026-10-03 10:00:00,10,1,"good, very",6,5,100
R2,,2026-09-30,9,2,中文,7,,60
"""


def write_company(folder: Path, *, settings: str = "", scale: str = SCALE, **files: str) -> Path:
    """Write csat.toml and one CSV per table; return the path of csat.toml."""
    source = folder / "source"
    source.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (source / f"{name}.csv").write_text(text, encoding="utf-8")
    config = folder / "csat.toml"
    config.write_text(
        f'[company]\nname = "Tiny"\n[source]\npath = "source"\n{settings}\n{scale}', encoding="utf-8"
    )
    return config
