"""Write the sample company: `python -m csatlib.tables.simulate data/sample`."""

import sys

from csatlib.tables.simulate import simulate, write


def main(arguments: list[str]) -> int:
    """Write the sample company into a folder: ``python -m csatlib.tables.simulate data/sample``.

    Parameters
    ----------
    arguments : list of str
        The folder.

    Returns
    -------
    int
        Exit status: 0 written, 2 called wrongly.

    Examples
    --------
    >>> main([])
    2
    """
    if len(arguments) != 1:
        print("usage: python -m csatlib.tables.simulate FOLDER", file=sys.stderr)  # noqa: T201
        return 2
    write(simulate(), arguments[0])
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
