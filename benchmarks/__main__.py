"""Run every benchmark, or those named: `python -m benchmarks [NAME ...]`."""

import sys
from importlib import import_module
from pathlib import Path

found = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
for name in sys.argv[1:] or [stem.removeprefix("bench_") for stem in found]:
    if f"bench_{name}" not in found:
        sys.exit(f"no benchmark {name!r}; there are: {', '.join(stem.removeprefix('bench_') for stem in found)}")
    import_module(f"benchmarks.bench_{name}").main()
