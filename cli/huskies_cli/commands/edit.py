"""`huskies edit`: a story in the user's editor."""

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from huskies_cli.command import own_command
from huskies_cli.output import Result
from huskies_cli.session import Session
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.ids import StoryId
from huskies_core.operations.authorization import refuse_inside_run
from huskies_core.operations.common_arguments import StoryArgument
from huskies_core.operations.markdown import from_markdown, to_markdown
from huskies_core.operations.operation import STORIES, Command
from huskies_core.operations.stories import Updated, replace_draft, updated_json
from huskies_core.operations.story_events import load_story
from huskies_core.store.stories import StoryDraft

_STDERR = 2
"""The output of the editor with --json, since stdout has the document."""


@own_command(Command("edit", STORIES))
def edit_story(session: Session, story: StoryArgument) -> Result:
    """Edit a story in your editor.

    The editor is $VISUAL, $EDITOR or vi; the story is Markdown. A text that cannot be saved stays in a file; the error
    has its path.
    """
    with session.open() as context:
        refuse_inside_run(context)
        draft = load_story(context, story).draft
        path = Path(tempfile.mkdtemp(prefix="huskies-")) / f"story-{story}.md"
        path.write_bytes(to_markdown(draft).encode())
        updated = _edited(context, story, draft, path, stdout=_STDERR if session.json else None)
    shutil.rmtree(path.parent)
    text = f"{story}: {'updated' if updated.changed else 'nothing changed'}"
    return Result(updated_json(updated), text=text)


def _edited(
    context: Context, story: StoryId, draft: StoryDraft, path: Path, *, stdout: int | None
) -> Updated:
    try:
        _run_editor(path, stdout=stdout)
        return replace_draft(context, story, from_markdown(_read(path)), expected=draft)
    except HuskiesError as error:
        hint = f"{error.hint} Your text is in {path}".strip()
        raise HuskiesError(error.message, hint=hint, code=error.code, subject=error.subject) from error


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
