"""Files with stories, read completely before any error is reported."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from huskies_core.errors import HuskiesError
from huskies_core.ids import StoryId
from huskies_core.operations.drafts import check_words
from huskies_core.operations.markdown import from_markdown
from huskies_core.store.stories import StoryDraft, StoryType

FOLDERS = ("1_backlog", "2_current", "3_qa", "4_merge", "5_done", "6_archived")
_AT_WORK = ("2_current", "3_qa", "4_merge")
_NAME = re.compile(r"([0-9]{1,18})_([a-z]+)_.+\.md")


@dataclass(frozen=True)
class StoryFile:
    """A file; `number` is the number in its name, `folder` the folder of the older work directory, or ""."""

    path: Path
    draft: StoryDraft
    number: StoryId | None
    folder: str

    @property
    def known_number(self) -> StoryId:
        assert self.number is not None
        return self.number

    @property
    def named_numbers(self) -> tuple[StoryId, ...]:
        """The numbers of its dependencies and its epic."""
        return self.draft.depends_on if self.draft.epic is None else (*self.draft.depends_on, self.draft.epic)


class BadFiles(HuskiesError):
    """The errors of an import: one for each invalid file, with its path in `subject`."""

    def __init__(self, problems: Sequence[HuskiesError]) -> None:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        first = problems[0]
        super().__init__(f"{first.message}{more}", hint=first.hint, code=first.code, subject=first.subject)
        self.problems = tuple(problems)


def read_files(paths: Iterable[Path]) -> tuple[StoryFile, ...]:
    """Return the stories of the files, and of the Markdown files in the folders. Raise BadFiles."""
    files: list[StoryFile] = []
    problems: list[HuskiesError] = []
    for path in dict.fromkeys(_expand(paths)):
        try:
            files.append(_read(path))
        except HuskiesError as error:
            problems.append(_at(path, error))
    problems += _same_numbers(files)
    if problems:
        raise BadFiles(problems)
    return tuple(files)


def named(file: StoryFile, error: HuskiesError) -> HuskiesError:
    return _at(file.path, error)


def _at(path: Path, error: HuskiesError) -> HuskiesError:
    return HuskiesError(f"{path}: {error.message}", hint=error.hint, code=error.code, subject=str(path))


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
    file = StoryFile(path, draft, StoryId(int(match[1])) if match else None, _older_folder(path))
    return _older(file, kind) if file.folder else file


def _older_folder(path: Path) -> str:
    name = path.absolute().parent.name
    return name if name in FOLDERS else ""


def _older(file: StoryFile, kind: str) -> StoryFile:
    """Return the file. Raise HuskiesError unless its name has number and type, as in the older work directory."""
    if not file.number or not kind:
        fact = f"a file in {file.folder} is called <number>_<type>_<name>.md"
        raise HuskiesError(fact, hint=f"Types: {', '.join(StoryType)}.", code="invalid_name")
    if kind != file.draft.type:
        fact = f"the type is {kind} in the name, {file.draft.type.value} in the front matter"
        raise HuskiesError(fact, hint="Use the same type in both.", code="invalid_type")
    if file.draft.type is StoryType.EPIC and file.folder in _AT_WORK:
        raise HuskiesError(f"an epic cannot be in {file.folder}", code="invalid_type")
    return file


def _same_numbers(files: Sequence[StoryFile]) -> list[HuskiesError]:
    first: dict[int, StoryFile] = {}
    problems = []
    for file in files:
        if file.number is None:
            continue
        known = first.setdefault(file.number, file)
        if known is not file:
            fact = f"number {file.number} is also that of {known.path}"
            problems.append(named(file, HuskiesError(fact, code="number_in_use")))
    return problems
