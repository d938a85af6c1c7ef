"""The measurements run; a person reads their results."""

import pytest

from bench.rows import TINY, Row
from bench.run import Measurement, measure, measurements, table


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("measurement", list(measurements()), ids=lambda measurement: measurement.__name__)
def test_a_measurement_yields_rows(measurement: Measurement) -> None:
    rows = measure(measurement, TINY)
    assert rows
    assert all(row.ours > 0 and row.bare > 0 for row in rows)


def test_the_table_tells_what_is_not_kept() -> None:
    rows = [
        Row("commits", "a second", 600, 1000, at_least=0.5),
        Row("an idle tick", "ms", 30, 10, at_most=2),
        Row("memory", "MiB", 12, 10),
    ]
    assert table(rows).splitlines() == [
        "measured      ours  bare   unit      ratio  bound",
        "commits       600   1,000  a second  0.60   >= 0.5",
        "an idle tick  30    10     ms        3.00   <= 2    NOT KEPT",
        "memory        12    10     MiB       1.20",
    ]
