"""Stories from Markdown files: new ones, or those of the older work directory with number, type and stage."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from huskies_core.clock import to_iso
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.ids import StoryId
from huskies_core.operations.authorization import refuse_inside_run
from huskies_core.operations.branch_work import read_work
from huskies_core.operations.drafts import check_references, check_words, check_written, tidy
from huskies_core.operations.markdown import from_markdown
from huskies_core.pipeline.stages import Archived, ArchiveReason, Backlog, Coding, Merge, Qa, Stage
from huskies_core.store import branches, stories
from huskies_core.store.connection import Connection
from huskies_core.store.stories import StoryDraft, StoryType

FOLDERS = ("1_backlog", "2_current", "3_qa", "4_merge", "5_done", "6_archived")
_AT_WORK = ("2_current", "3_qa", "4_merge")
_NAME = re.compile(r"([0-9]{1,18})_([a-z]+)_.+\.md")


class Imported(Struct, frozen=True):
    story: StoryId
    path: Path
    stage: Stage


class StoryFile(Struct, frozen=True):
    """A file; `number` is the number in its name, `folder` the folder of the older work directory, or ""."""

    path: Path
    draft: StoryDraft
    number: StoryId | None
    folder: str


class BadFiles(HuskiesError):
    """The errors of an import: one for each invalid file, with its path in `subject`."""

    def __init__(self, problems: Sequence[HuskiesError]) -> None:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        first = problems[0]
        super().__init__(f"{first.message}{more}", hint=first.hint, code=first.code, subject=first.subject)
        self.problems = tuple(problems)


def imported_json(item: Imported) -> dict[str, object]:
    return {"id": item.story, "path": str(item.path), "stage": item.stage.name}


def import_files(context: Context, paths: Iterable[Path]) -> tuple[Imported, ...]:
    """Add the stories of the files and folders in one transaction. Raise BadFiles, with nothing added.

    Other files refer to a file by the number in its name, in `depends_on` and `epic`.
    """
    refuse_inside_run(context)
    files = _in_order(_read_files(paths))
    stages = []
    for number, file in enumerate(files):
        context.progress("reading branches", number, len(files))
        stages.append(_first_stage(context, file))
    with context.store.exclusive() as db:
        _refuse_numbers_in_use(db, files)
        ids: dict[int, StoryId] = {}
        imported = []
        for number, (file, (stage, base)) in enumerate(zip(files, stages, strict=True)):
            context.progress("writing stories", number, len(files))
            story = _add(context, db, file, stage, ids)
            if base:
                branches.record(db, story, base, now=context.now())
            imported.append(Imported(story, file.path, stage))
    return tuple(imported)


def _read_files(paths: Iterable[Path]) -> list[StoryFile]:
    """Read all files, and the Markdown files of folders, before any error is raised."""
    files: list[StoryFile] = []
    problems: list[HuskiesError] = []
    for path in dict.fromkeys(_expand(paths)):
        try:
            files.append(_read(path))
        except HuskiesError as error:
            problems.append(_at(path, error))
    numbered: dict[int, Path] = {}
    for file in files:
        if file.number is not None and numbered.setdefault(file.number, file.path) != file.path:
            fact = f"number {file.number} is also that of {numbered[file.number]}"
            problems.append(_at(file.path, HuskiesError(fact, code="number_in_use")))
    if problems:
        raise BadFiles(problems)
    return files


def _expand(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        older = [path / name for name in FOLDERS if (path / name).is_dir()]
        files = [file for folder in older or [path] for file in sorted(folder.glob("*.md"), key=_by_number)]
        if not files and not older:
            raise HuskiesError(f"{path} has no Markdown files", code="nothing_found", subject=str(path))
        yield from files


def _by_number(path: Path) -> tuple[int, str]:
    match = _NAME.fullmatch(path.name)
    return (int(match[1]) if match else 0, path.name)


def _read(path: Path) -> StoryFile:
    if not path.is_file():
        raise HuskiesError("the file does not exist", code="not_found")
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise HuskiesError("not text in UTF-8", code="invalid_text") from error
    match = _NAME.fullmatch(path.name)
    kind = match[2] if match and match[2] in list(StoryType) else ""
    draft = from_markdown(text, kind=StoryType(kind or StoryType.STORY))
    check_words(draft)
    number = StoryId(int(match[1])) if match else None
    folder = path.absolute().parent.name
    file = StoryFile(path, draft, number, folder if folder in FOLDERS else "")
    if file.folder:
        _check_older(file, kind)
    return file


def _check_older(file: StoryFile, kind: str) -> None:
    """Raise HuskiesError unless number and type are in the name, as in the older work directory."""
    if not file.number or not kind:
        fact = f"a file in {file.folder} is called <number>_<type>_<name>.md"
        raise HuskiesError(fact, hint=f"Types: {', '.join(StoryType)}.", code="invalid_name")
    if kind != file.draft.type:
        fact = f"the type is {kind} in the name, {file.draft.type.value} in the front matter"
        raise HuskiesError(fact, hint="Use the same type in both.", code="invalid_type")
    if file.draft.type is StoryType.EPIC and file.folder in _AT_WORK:
        raise HuskiesError(f"an epic cannot be in {file.folder}", code="invalid_type")


def _in_order(files: Sequence[StoryFile]) -> list[StoryFile]:
    """Return each file after those it refers to, and files that keep their number first."""
    by_number = {file.number: at for at, file in enumerate(files) if file.number is not None}
    sorter: TopologicalSorter[int] = TopologicalSorter()
    for at, file in enumerate(files):
        numbers = (*file.draft.depends_on, file.draft.epic)
        sorter.add(at, *(by_number[number] for number in numbers if number in by_number))
    try:
        sorter.prepare()
    except CycleError as error:
        cycle = [files[at].path for at in error.args[1]]
        fact = f"waits for itself: {' → '.join(path.name for path in cycle)}"
        raise BadFiles([_at(cycle[0], HuskiesError(fact, code="dependency_cycle"))]) from error
    ordered = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=lambda at: (not files[at].folder, at))
        ordered += [files[at] for at in ready]
        sorter.done(*ready)
    return ordered


def _first_stage(context: Context, file: StoryFile) -> tuple[Stage, str]:
    """Return the stage of a new story, and the base commit of its branch if it enters the merge queue."""
    match file.folder:
        case "2_current":
            return Coding(), ""
        case "3_qa":
            return Qa(), ""
        case "4_merge":
            assert file.number is not None
            from huskies_core.git.worktrees import branch_of
            from huskies_core.runs.story_worktrees import base_tip

            work = read_work(context, file.number)
            if not work.has_work:
                return Coding(), ""
            branch = branch_of(file.number)
            return Merge(branch, work.commits_ahead), work.base or base_tip(context)
        case "5_done" | "6_archived":
            return Archived(to_iso(context.now()), ArchiveReason.COMPLETED), ""
        case _:
            return Backlog(), ""


def _refuse_numbers_in_use(db: Connection, files: Sequence[StoryFile]) -> None:
    numbered = {file.number: file.path for file in files if file.folder and file.number is not None}
    problems = [
        _at(numbered[number], HuskiesError(f"number {number} is in use", code="number_in_use"))
        for number in stories.numbers_in_use(db, numbered)
    ]
    if problems:
        raise BadFiles(problems)


def _add(context: Context, db: Connection, file: StoryFile, stage: Stage, ids: dict[int, StoryId]) -> StoryId:
    """Write one story, and record its new number in `ids`."""
    try:
        draft = tidy(_renumbered(file.draft, ids))
        check_references(db, draft)
        number = file.number if file.folder else None
        event = "created" if isinstance(stage, Backlog) else "imported"
        actor, now = context.actor, context.now()
        added = stories.add(db, draft, stage, actor=actor, now=now, number=number, event=event)
        check_written(db, added)
    except HuskiesError as error:
        raise BadFiles([_at(file.path, error)]) from error
    if file.number is not None:
        ids[file.number] = added.id
    return added.id


def _renumbered(draft: StoryDraft, ids: Mapping[int, StoryId]) -> StoryDraft:
    depends_on = tuple(ids.get(number, number) for number in draft.depends_on)
    epic = None if draft.epic is None else ids.get(draft.epic, draft.epic)
    return replace(draft, depends_on=depends_on, epic=epic)


def _at(path: Path, error: HuskiesError) -> HuskiesError:
    return HuskiesError(f"{path}: {error.message}", hint=error.hint, code=error.code, subject=str(path))
