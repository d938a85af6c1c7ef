"""`huskies export`, `import` and `edit`: stories as Markdown, in files and in the user's editor."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

from huskies_cli.command import own_command
from huskies_cli.output import ErrorItem, Result
from huskies_cli.progress import shown
from huskies_cli.session import Session
from huskies_core.argument import Argument, parse_story_id
from huskies_core.errors import HuskiesError, UsageError
from huskies_core.ids import StoryId
from huskies_core.operations.authorization import refuse_inside_run
from huskies_core.operations.common_arguments import StoryArgument
from huskies_core.operations.operation import STORIES, Command
from huskies_core.sanitize import without_controls

_STDERR = 2
"""The output of the editor with --json, since stdout has the document."""

Stories = Annotated[
    tuple[StoryId, ...],
    Argument("The stories' ids.", metavar="[ID...]", positional=True, parse=parse_story_id, completion="stories"),
]  # fmt: skip
Folder = Annotated[
    str | None,
    Argument("Write a file for each story into this folder.", flags=("--dir",), metavar="DIR", completion="folder"),
]  # fmt: skip
Paths = Annotated[
    tuple[str, ...], Argument("Files or folders.", metavar="PATH...", positional=True, completion="file")
]


@own_command(Command("export", STORIES))
def export_stories(session: Session, stories: Stories = (), folder: Folder = None) -> Result:
    """Write stories as Markdown.

    Without ids, the command writes all open stories. With --dir, it writes a file for each story, in the format that
    'huskies import' reads. Without --dir, it writes one story to stdout.
    """
    from huskies_core.operations.export import export, exported_json, write_exported

    with session.open() as context:
        exported = export(context, stories)
    if len(exported) > 1 and folder is None and not session.json:
        fact = f"only one story can be written to stdout, not {len(exported)}"
        raise UsageError(fact, hint="Write a file for each story: --dir DIR.")
    if folder is not None:
        exported = write_exported(exported, Path(folder))
    text = "\n".join(item.markdown if item.path is None else str(item.path) for item in exported)
    # Only a terminal must not get control characters.
    shown_text = without_controls(text) if sys.stdout.isatty() else text
    return Result({"stories": [exported_json(item) for item in exported]}, text=lambda: shown_text)


@own_command(Command("import", STORIES))
def import_stories(session: Session, paths: Paths) -> Result:
    """Read stories from Markdown.

    Each file becomes a new story in the backlog. In a folder that contains 1_backlog, 2_current, 3_qa, 4_merge, 5_done
    or 6_archived, stories keep number, type and stage. If one file is invalid, nothing is imported.
    """
    from huskies_core.operations.import_stories import BadFiles, import_files, imported_json

    with session.open() as context, shown(session) as context.progress:
        try:
            imported = import_files(context, map(Path, paths))
        except BadFiles as error:
            return Result({"stories": []}, errors=tuple(map(ErrorItem.of, error.problems)))
    text = "\n".join(f"{item.story}: {item.stage.name} from {item.path}" for item in imported)
    return Result({"stories": [imported_json(item) for item in imported]}, text=text)


@own_command(Command("edit", STORIES))
def edit_story(session: Session, story: StoryArgument) -> Result:
    """Edit a story in your editor.

    The command opens the story as Markdown in $VISUAL, $EDITOR or vi. If the text cannot be saved, it stays in a file,
    and the error names the file.
    """
    import tempfile

    from huskies_core.operations.markdown import from_markdown, to_markdown
    from huskies_core.operations.stories import replace_draft, updated_json
    from huskies_core.operations.story_events import load_story

    with session.open() as context:
        refuse_inside_run(context)
        draft = load_story(context, story).draft
        path = Path(tempfile.mkdtemp(prefix="huskies-")) / f"story-{story}.md"
        path.write_bytes(to_markdown(draft).encode())
        try:
            _run_editor(path, stdout=_STDERR if session.json else None)
            updated = replace_draft(context, story, from_markdown(_read(path)), expected=draft)
        except HuskiesError as error:
            hint = f"{error.hint} Your text is in {path}".strip()
            raise HuskiesError(error.message, hint=hint, code=error.code, subject=error.subject) from error
    shutil.rmtree(path.parent)
    return Result(updated_json(updated), f"{story}: {'updated' if updated.changed else 'nothing changed'}")


def _run_editor(path: Path, *, stdout: int | None) -> None:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        done = subprocess.run([*shlex.split(editor), str(path)], stdout=stdout)
    except (OSError, ValueError) as error:
        fact, hint = f"the editor {editor!r} cannot be started", "Set VISUAL or EDITOR."
        raise HuskiesError(fact, hint=hint, code="editor_failed") from error
    if done.returncode:
        raise HuskiesError(f"the editor exited {done.returncode}: nothing was saved", code="editor_failed")


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise HuskiesError("the edited text is not UTF-8", code="invalid_text") from error
