"""Stories as Markdown files."""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.operations.files import write_whole
from huskies_core.operations.markdown import to_markdown
from huskies_core.store import stories
from huskies_core.store.stories import Story


@dataclass(frozen=True)
class Exported:
    """A story's Markdown, the file name it goes by, and where it was written."""

    story: int
    name: str
    markdown: str
    path: Path | None = None


def export(context: Context, ids: Collection[int] = ()) -> tuple[Exported, ...]:
    """Those stories, or without `ids` all that are not terminal. Raises HuskiesError `not_found`."""
    with context.store.reading() as db:
        found = [stories.load(db, story) for story in ids] if ids else stories.open_stories(db)
    return tuple(Exported(story.id, _name(story), to_markdown(story.draft)) for story in found)


def write_exported(exported: Collection[Exported], folder: Path) -> tuple[Exported, ...]:
    """Writes each into `folder`, made if it is missing; a file of that name is replaced."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        fact = f"{folder} is not a directory"
        raise HuskiesError(fact, code="not_a_directory", subject=str(folder)) from error
    written = tuple(replace(item, path=folder / item.name) for item in exported)
    for item in written:
        write_whole(folder / item.name, item.markdown)
    return written


def _name(story: Story) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", story.draft.title.lower()).strip("-")[:50].strip("-")
    return f"{story.id}_{story.draft.type.value}_{slug or 'untitled'}.md"
