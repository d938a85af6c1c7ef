"""Record the usage of runs: while they are live, and finally from their whole output after their end."""

from collections.abc import Iterable
from datetime import datetime

from huskies_core.errors import HuskiesError
from huskies_core.runtimes.registry import load_runtime, runtime_names
from huskies_core.store import usage
from huskies_core.store.connection import Connection
from huskies_core.store.runs import Run
from huskies_core.store.usage import ModelUsage
from huskies_core.supervisor.progress import measure, read_output
from huskies_core.supervisor.records import Progress
from huskies_core.supervisor.run_directory import RunDirectory


def record(db: Connection, run: Run, progress: Progress, *, now: datetime) -> None:
    """Store the usage of a run so far, one row for each model. Later figures replace earlier ones."""
    usage.put(db, run.id, *_rows(progress), now=now)


def is_recorded(db: Connection, run: Run, progress: Progress) -> bool:
    """Return whether the store already has exactly these figures."""
    return set(_rows(progress)) == set(usage.of_run(db, run.id))


def is_behind(db: Connection, run: Run, progress: Progress) -> bool:
    """Return whether the store has higher figures. The output file lacks output that did not fit on the disk."""
    recorded = _tokens(usage.of_run(db, run.id))
    return progress.turns < run.turns or _tokens(_rows(progress)) < recorded


def progress_from_output(directory: RunDirectory, run: Run) -> Progress | None:
    """Return the figures of a run from its whole output; None if the output or the spec is missing."""
    if run.runtime not in runtime_names():
        return None
    reader = load_runtime(run.runtime).make_reader()
    try:
        spec = directory.read_spec()
        read_output(directory.output, reader)
    except (HuskiesError, FileNotFoundError):
        return None
    return measure("", reader, spec)


def _rows(progress: Progress) -> tuple[ModelUsage, ...]:
    return tuple(
        ModelUsage(**{**vars(used), "cost_usd": used.cost_usd or 0.0}, model=model)
        for model, used in progress.usage.items()
    )


def _tokens(rows: Iterable[ModelUsage]) -> int:
    return sum(
        row.input_tokens + row.output_tokens + row.cache_read_tokens + row.cache_write_tokens for row in rows
    )
