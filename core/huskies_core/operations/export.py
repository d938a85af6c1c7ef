"""Stories as Markdown files."""

import re
from collections.abc import Collection
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.ids import StoryId
from huskies_core.operations.files import write_whole
from huskies_core.operations.markdown import to_markdown
from huskies_core.store import stories
from huskies_core.store.stories import Story


class Exported(Struct, frozen=True):
    """A story as Markdown, the name of its file, and the path if it was written."""

    story: StoryId
    name: str
    markdown: str
    path: Path | None = None


def exported_json(item: Exported) -> dict[str, object]:
    path = None if item.path is None else str(item.path)
    return {"id": item.story, "name": item.name, "path": path, "markdown": item.markdown}


def export(context: Context, ids: Collection[StoryId] = ()) -> tuple[Exported, ...]:
    """Return these stories, or without `ids` all that have not finished. Raise HuskiesError `not_found`."""
    with context.store.reading() as db:
        chosen = [stories.load(db, story) for story in ids] if ids else stories.open_stories(db)
    return tuple(Exported(story.id, _name(story), to_markdown(story.draft)) for story in chosen)


def write_exported(exported: Collection[Exported], folder: Path) -> tuple[Exported, ...]:
    """Write each into `folder`, which is created if it is missing. Replace existing files."""
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
