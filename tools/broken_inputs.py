"""Try every broken input and write docs/broken-inputs.md: ``python -m tools.broken_inputs``."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Write the page."""
    sys.path.insert(0, str(ROOT / "tests"))
    import broken_inputs

    file = ROOT / "docs" / "broken-inputs.md"
    file.write_text(broken_inputs.page(), encoding="utf-8")
    print(f"written: {file.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
