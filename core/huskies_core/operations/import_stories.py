"""Stories from Markdown files: new ones, or those of the older work directory with number, type and stage."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from huskies_core.clock import to_iso
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.ids import StoryId
from huskies_core.operations.authorization import refuse_inside_run
from huskies_core.operations.branch_work import Work, work_of
from huskies_core.operations.drafts import check_references, check_written, tidy
from huskies_core.operations.story_files import BadFiles, StoryFile, named, read_files
from huskies_core.pipeline.stages import Archived, ArchiveReason, Backlog, Coding, Merge, Qa, Stage
from huskies_core.store import branches, stories
from huskies_core.store.connection import Connection
from huskies_core.store.stories import StoryDraft


@dataclass(frozen=True)
class Imported:
    story: StoryId
    path: Path
    stage: Stage


@dataclass(frozen=True)
class _Birth:
    """A file with the first stage of its story; `work` is the branch of a story in the merge queue."""

    file: StoryFile
    stage: Stage
    work: Work | None = None


def imported_json(item: Imported) -> dict[str, object]:
    return {"id": item.story, "path": str(item.path), "stage": item.stage.name}


def import_files(context: Context, paths: Iterable[Path]) -> tuple[Imported, ...]:
    """Add the stories of the files and folders in one transaction. Raise BadFiles, with nothing added.

    Other files refer to a file by the number in its name, in `depends_on` and `epic`.
    """
    refuse_inside_run(context)
    files = _in_order(read_files(paths))
    births = []
    for number, file in enumerate(files):
        context.progress("reading branches", number, len(files))
        births.append(_birth(context, file))
    with context.store.exclusive() as db:
        _refuse_numbers_in_use(db, files)
        ids: dict[int, StoryId] = {}
        imported = []
        for number, birth in enumerate(births):
            context.progress("writing stories", number, len(births))
            story = _add(context, db, birth, ids)
            imported.append(Imported(story, birth.file.path, birth.stage))
    return tuple(imported)


def _birth(context: Context, file: StoryFile) -> _Birth:
    match file.folder:
        case "2_current":
            return _Birth(file, Coding())
        case "3_qa":
            return _Birth(file, Qa())
        case "4_merge":
            work = work_of(context, file.known_number)
            stage = Merge(work.branch, work.commits) if work.commits else Coding()
            return _Birth(file, stage, work if work.commits else None)
        case "5_done" | "6_archived":
            return _Birth(file, Archived(to_iso(context.now()), ArchiveReason.COMPLETED))
        case _:
            return _Birth(file, Backlog())


def _refuse_numbers_in_use(db: Connection, files: Sequence[StoryFile]) -> None:
    numbered = {file.known_number: file for file in files if file.folder}
    taken = stories.numbers_in_use(db, numbered)
    if taken:
        raise BadFiles(
            [
                named(numbered[number], HuskiesError(f"number {number} is in use", code="number_in_use"))
                for number in taken
            ]
        )


def _add(context: Context, db: Connection, birth: _Birth, ids: dict[int, StoryId]) -> StoryId:
    """Write one story, and record its new number in `ids`."""
    file, now = birth.file, context.now()
    try:
        draft = tidy(_renumbered(file.draft, ids))
        check_references(db, draft)
        number = file.number if file.folder else None
        event = "created" if isinstance(birth.stage, Backlog) else "imported"
        added = stories.add(db, draft, birth.stage, actor=context.actor, now=now, number=number, event=event)
        check_written(db, added)
    except HuskiesError as error:
        raise BadFiles([named(file, error)]) from error
    if birth.work is not None:
        branches.record(db, added.id, birth.work.base, now=now)
    if file.number is not None:
        ids[file.number] = added.id
    return added.id


def _renumbered(draft: StoryDraft, ids: Mapping[int, StoryId]) -> StoryDraft:
    depends_on = tuple(ids.get(number, number) for number in draft.depends_on)
    epic = None if draft.epic is None else ids.get(draft.epic, draft.epic)
    return replace(draft, depends_on=depends_on, epic=epic)


def _in_order(files: Sequence[StoryFile]) -> list[StoryFile]:
    """Return each file after those it refers to, and files that keep their number first."""
    by_number = {file.number: at for at, file in enumerate(files) if file.number is not None}
    sorter: TopologicalSorter[int] = TopologicalSorter()
    for at, file in enumerate(files):
        sorter.add(at, *(by_number[number] for number in file.named_numbers if number in by_number))
    try:
        sorter.prepare()
    except CycleError as error:
        first = files[error.args[1][0]]
        raise BadFiles([named(first, _cycle([files[at].path.name for at in error.args[1]]))]) from error
    ordered = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=lambda at: (not files[at].folder, at))
        ordered += [files[at] for at in ready]
        sorter.done(*ready)
    return ordered


def _cycle(names: Sequence[str]) -> HuskiesError:
    return HuskiesError(f"waits for itself: {' → '.join(names)}", code="dependency_cycle")
