"""Run the measurements and print a table: `PYTHONPATH=tests python -m bench.run [--quick] [NAME…]`.

Each `bench_*.py` beside this file lists its measurements in ROWS: functions of a fresh folder and a scale, that yield
rows. A row is a ratio of two things measured in the same run, so that the speed of the machine matters little. Exits
1 when a bound is not kept.
"""

import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path

from bench.rows import FULL, QUICK, Row, Scale

Measurement = Callable[[Path, Scale], Iterable[Row]]

HEADINGS = ("measured", "ours", "bare", "unit", "ratio", "bound", "")


def measurements(names: Iterable[str] = ()) -> Iterator[Measurement]:
    """Yield all measurements, or those with a name that contains one of `names`."""
    parts = tuple(names)
    for file in sorted(Path(__file__).parent.glob("bench_*.py")):
        for measurement in import_module(f"bench.{file.stem}").ROWS:
            if not parts or any(part in f"{file.stem}.{measurement.__name__}" for part in parts):
                yield measurement


def measure(measurement: Measurement, scale: Scale) -> tuple[Row, ...]:
    with tempfile.TemporaryDirectory(prefix="huskies-bench-") as folder:
        return tuple(measurement(Path(folder).resolve(), scale))


def table(rows: Iterable[Row]) -> str:
    cells = [HEADINGS, *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(_line(line, widths) for line in cells)


def _cells(row: Row) -> tuple[str, ...]:
    numbers = f"{row.ours:,.4g}", f"{row.bare:,.4g}"
    return row.name, *numbers, row.unit, f"{row.ratio:.2f}", row.bound, "" if row.is_kept else "NOT KEPT"


def _line(cells: Iterable[str], widths: list[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def main() -> int:
    parser = ArgumentParser(prog="bench.run")
    parser.add_argument("--quick", action="store_true", help="measure less, and less exactly")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only what has this in its name")
    chosen = parser.parse_args()
    rows: list[Row] = []
    for measurement in measurements(chosen.names):
        rows.extend(measure(measurement, QUICK if chosen.quick else FULL))
    sys.stdout.write(f"{table(rows)}\n")
    return 0 if all(row.is_kept for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
