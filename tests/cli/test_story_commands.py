"""The commands that add, show and change stories: what they print, and the JSON that scripts read."""

from functools import partial
from pathlib import Path

import pytest

from huskies_cli.project_context import open_context
from huskies_core.ids import StoryId
from huskies_core.pipeline.events import Accept, MergeFailed, QaSkipped
from huskies_core.pipeline.stages import MergeFailureKind
from huskies_core.store import journal, stories
from huskies_core.store.journal import JournalKind
from huskies_core.store.transitions import apply_event
from support.cli import run_huskies
from support.commands import Commands
from support.git_repository import GitRepository

ADVICE = (
    "No tick ran in the last two minutes. Run 'huskies watch', 'huskies service install systemd' or"
    " 'huskies service install cron'.\n"
)
MISSING = "huskies: there is no story 9\n  'huskies list --all' shows every story.\n"
LISTED = {
    "id": 1,
    "type": "story",
    "title": "Show it",
    "stage": "backlog",
    "priority": 2,
    "depends_on": [],
    "retries": 0,
    "agent": "opus",
    "qa": "human",
    "labels": ["ui"],
    "epic": None,
    "reason": None,
    "payload": {},
}
FIELDS = ("--agent", "opus", "--qa", "human", "--priority", "2", "--label", "ui")


def add(huskies: Commands, title: str = "Show it", *fields: str) -> None:
    assert huskies("add", title, "-c", "It is shown", *fields).exit_code == 0


def error(code: str, message: str, hint: str = "", subject: str = "") -> dict[str, str]:
    return {"code": code, "message": message, "hint": hint, "subject": subject}


def editor(path: Path, script: str) -> str:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return f"'{path}'"


def test_init_makes_a_project_and_can_be_repeated(outside: Commands, repository: GitRepository) -> None:
    made = [".huskies/.gitignore", ".huskies/project.toml", ".huskies/agents.toml"]
    first, second = outside("init", "--json"), outside("init", "--json")
    root = str(repository.root)
    assert first.data == {"root": root, "base_branch": "main", "made": made}
    assert second.data == {"root": root, "base_branch": "main", "made": []}


def test_init_prints_the_next_steps_in_lines_that_fit_a_terminal(outside: Commands) -> None:
    advice = outside("init").stdout.split("\n\n")[-1].splitlines()
    assert advice[-2:] == ["huskies add TITLE -c CRITERION --start", "huskies watch"]
    assert max(map(len, advice)) <= 80


def test_init_outside_a_repository_exits_4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    result = Commands(tmp_path, capsys, monkeypatch)("init", "--json").json()
    assert (result["status"], result["exit_code"], result["errors"][0]["code"]) == ("error", 4, "no_project")


def test_add_prints_the_id(huskies: Commands) -> None:
    add(huskies)
    assert huskies("add", "Show it", "-c", "It is shown", "--depends-on", "#1").outcome == (0, "2\n", "")
    assert huskies("add", "Third", "--type", "bug", "--json").data == {"id": 3, "stage": "backlog"}


def test_add_keeps_the_body_unchanged(huskies: Commands) -> None:
    body = "--x ../ 😀 \x1b[31mred\r\n\n" + "long " * 2000
    huskies("add", "--type", "bug", "--body", "-", "--", "--title", stdin=body.encode())
    result = huskies("show", "1", "--json").data
    assert (result["title"], result["description"]) == ("--title", body)
    assert "\x1b" not in huskies("show", "1").stdout


def test_add_start_warns_without_a_scheduler(huskies: Commands) -> None:
    assert huskies("add", "Fix", "--type", "bug", "--start").outcome == (0, "1\n", ADVICE)
    assert huskies("add", "Fix", "--type", "bug", "--start", "--quiet").outcome == (0, "2\n", "")


def test_add_names_the_refused_field(huskies: Commands) -> None:
    result = huskies("add", "two\nlines", "--type", "bug", "--json")
    hint = "A title is one line of at most 200 characters without control characters."
    fact = "the title has a line break or a control character"
    assert (result.exit_code, result.json()["errors"]) == (1, [error("invalid_title", fact, hint, "title")])


@pytest.mark.parametrize(
    "arguments", [("--type", "saga"), ("--depends-on", "x"), ("--priority", "high"), ("--qa", "no")]
)
def test_add_refuses_values_of_the_wrong_kind(huskies: Commands, arguments: tuple[str, str]) -> None:
    assert huskies("add", "x", *arguments).exit_code == 2


def test_add_refuses_a_missing_body_file(huskies: Commands) -> None:
    result = huskies("add", "x", "--type", "bug", "--body", "none")
    assert result.outcome == (1, "", "huskies: there is no file none\n")


def test_list_shows_open_stories(huskies: Commands) -> None:
    add(huskies, "Show it", *FIELDS)
    add(huskies, "Gone")
    huskies("close", "2", "--reason", "no")
    (listed,) = huskies("list", "--json").data["stories"]
    assert {**listed, "stage_entered_at": ""} == {**LISTED, "stage_entered_at": ""}
    table = huskies("list").stdout.splitlines()
    assert [line.split() for line in table] == [
        ["ID", "TYPE", "STAGE", "SINCE", "PRIORITY", "TITLE", "WHY"],
        ["1", "story", "○", "backlog", "0s", "2", "Show", "it"],
    ]


def test_list_selects_by_stage_type_and_label(huskies: Commands) -> None:
    add(huskies, "Show it", *FIELDS)
    huskies("add", "Fix", "--type", "bug")
    huskies("close", "2", "--reason", "no")

    def ids(*selection: str) -> list[int]:
        return [story["id"] for story in huskies("list", *selection, "--json").data["stories"]]

    result = (
        ids("--all"),
        ids("--stage", "archived"),
        ids("--type", "bug"),
        ids("--label", "ui"),
        ids("--all", "--type", "bug"),
    )
    assert result == ([1, 2], [2], [], [1], [2])


def test_list_without_stories_prints_nothing(huskies: Commands) -> None:
    assert huskies("list").outcome == (0, "", "")


def test_list_outside_a_project_exits_4(outside: Commands) -> None:
    assert outside("list").exit_code == 4


def test_show_has_all_facts_of_a_story(huskies: Commands) -> None:
    add(huskies, "Show it", *FIELDS, "--start")
    result = huskies("show", "#1", "--json").data
    rows = [(row["event"], row["before"], row["after"]) for row in result["history"]]
    rest = {key: result[key] for key in ("description", "criteria", "runs", "worktree", "branch", "content")}
    assert set(LISTED) <= set(result)
    assert rows == [("start", "backlog", "coding")]
    assert rest == {
        "description": "",
        "criteria": [{"text": "It is shown", "checked": False}],
        "runs": [],
        "worktree": None,
        "branch": None,
        "content": [],
    }


def test_show_names_the_members_of_an_epic(huskies: Commands) -> None:
    huskies("add", "All of it", "--type", "epic")
    add(huskies, "Part", "--epic", "1")
    shown = [line.split() for line in huskies("show", "1").stdout.splitlines()]
    assert huskies("show", "1", "--json").data["members"] == [2]
    assert shown[shown.index(["Members"]) :][:3] == [
        ["Members"],
        ["ID", "STAGE", "TITLE"],
        ["2", "backlog", "Part"],
    ]


def test_show_names_the_merge_commit_of_a_story(huskies: Commands, repository: GitRepository) -> None:
    add(huskies, "Show it", "--start")
    with open_context(repository.root) as context, context.store.exclusive() as db:
        for event in (QaSkipped("feature/story-1", 1), MergeFailed(MergeFailureKind.OTHER, "")):
            apply_event(
                db,
                StoryId(1),
                event,
                visit=stories.load(db, StoryId(1)).visit,
                actor="test",
                now=context.now(),
            )
    commit = repository.commit_id("main")
    before = huskies("show", "1", "--json").data["merge_commit"]
    assert huskies("merged", "1", "--commit", "HEAD").exit_code == 0
    done = huskies("show", "1", "--json").data["merge_commit"]
    assert ["merged", "as", commit[:12]] in [
        line.split() for line in huskies("show", "1").stdout.splitlines()
    ]
    with open_context(repository.root) as context, context.store.exclusive() as db:
        apply_event(
            db,
            StoryId(1),
            Accept("x"),
            visit=stories.load(db, StoryId(1)).visit,
            actor="test",
            now=context.now(),
        )
    archived = huskies("show", "1", "--json").data["merge_commit"]
    huskies("reopen", "1")
    huskies("close", "1", "--reason", "no")
    closed = huskies("show", "1", "--json").data["merge_commit"]
    assert (before, done, archived, closed) == (None, commit, commit, None)


def test_show_of_a_missing_story_fails(huskies: Commands) -> None:
    assert huskies("show", "9").outcome == (1, "", MISSING)


def test_update_sets_fields(huskies: Commands) -> None:
    add(huskies, "Show it", *FIELDS)
    result = huskies("update", "1", "--check", "1", "--title", "New", "--clear", "agent", "--json").data
    assert (result["title"], result["agent"], result["changed"]) == ("New", None, True)
    assert huskies("update", "1", "--check", "1").outcome == (0, "1: nothing to change\n", "")


def test_update_refuses_invalid_values(huskies: Commands) -> None:
    add(huskies)
    result = huskies("update", "1", "--depends-on", "1", "--json").json()["errors"]
    assert [(item["code"], item["subject"]) for item in result] == [("dependency_cycle", "depends_on")]


def test_edit_saves_the_text_of_the_editor(
    huskies: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(huskies)
    monkeypatch.setenv("VISUAL", editor(tmp_path / "my editor", 'sed -i.bak s/Show/Hide/ "$1"'))
    assert huskies("edit", "1").outcome == (0, "1: updated\n", "")
    assert huskies("edit", "1").outcome == (0, "1: nothing changed\n", "")
    assert huskies("show", "1", "--json").data["title"] == "Hide it"


def test_edit_keeps_a_text_that_it_cannot_save(
    huskies: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(huskies)
    monkeypatch.setenv("VISUAL", editor(tmp_path / "editor", 'echo nonsense >"$1"'))
    result = huskies("edit", "1", "--json").json()["errors"][0]
    kept = Path(result["hint"].rpartition(" ")[2])
    assert (result["code"], kept.read_text()) == ("bad_front_matter", "nonsense\n")


@pytest.mark.usefixtures("processes")
def test_edit_prints_the_output_of_the_editor_on_stderr(
    huskies: Commands, repository: GitRepository, tmp_path: Path
) -> None:
    add(huskies)
    chatty = {"VISUAL": editor(tmp_path / "editor", "echo chat")}
    result = run_huskies("edit", "1", "--json", cwd=repository.root, env=chatty)
    assert (result.data["changed"], result.stderr) == (False, "chat\n")


@pytest.mark.parametrize("command", ["false", "/nowhere/editor", "'"])
def test_edit_without_an_editor_changes_nothing(
    huskies: Commands, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    add(huskies)
    monkeypatch.setenv("VISUAL", command)
    assert huskies("edit", "1", "--json").json()["errors"][0]["code"] == "editor_failed"


def test_import_reads_the_output_of_export(huskies: Commands, tmp_path: Path) -> None:
    add(huskies, "Show it", *FIELDS)
    printed = huskies("export", "1").stdout
    (tmp_path / "story.md").write_text(printed)
    result = huskies("import", tmp_path / "story.md", "--json").data
    assert result == {"stories": [{"id": 2, "path": str(tmp_path / "story.md"), "stage": "backlog"}]}
    assert huskies("export", "2").stdout == printed


def test_export_writes_files(huskies: Commands, tmp_path: Path) -> None:
    add(huskies)
    path = str(tmp_path / "out" / "1_story_show-it.md")
    result = huskies("export", "--dir", tmp_path / "out", "--json").data["stories"]
    assert [(item["id"], item["name"], item["path"]) for item in result] == [(1, "1_story_show-it.md", path)]
    assert Path(path).read_text() == result[0]["markdown"]


def test_export_of_several_stories_needs_a_folder(huskies: Commands) -> None:
    add(huskies)
    alone = huskies("export").stdout
    add(huskies)
    fact = (
        "huskies: only one story can be written to stdout, not 2\n  Write a file for each story: --dir DIR.\n"
    )
    assert [huskies("export").outcome, huskies("export", "2", "1").outcome] == [(2, "", fact)] * 2
    assert huskies("export", "1").stdout == alone
    assert [item["id"] for item in huskies("export", "--json").data["stories"]] == [1, 2]


def test_export_of_a_missing_story_fails(huskies: Commands) -> None:
    assert huskies("export", "9").outcome == (1, "", MISSING)


def test_import_names_every_bad_file(huskies: Commands, tmp_path: Path) -> None:
    (tmp_path / "bad.md").write_text("---\nname: x\ndepend: 1\n---\n")
    result = huskies("import", tmp_path / "bad.md", tmp_path / "none.md", "--json")
    assert [(item["code"], item["hint"]) for item in result.json()["errors"]] == [
        ("unknown_key", "Did you mean depends_on?"),
        ("not_found", ""),
    ]
    assert (result.exit_code, huskies("list").stdout) == (1, "")


def test_history_shows_transitions(huskies: Commands) -> None:
    add(huskies, "Show it", "--start")
    huskies("block", "1", "--reason", "no\x1b[31m key")
    result = huskies("history", "1", "--json").data["transitions"]
    assert set(result[0]) >= {"seq", "at", "story", "event", "before", "after", "actor", "detail"}
    lines = [line.split(" ", 1)[1] for line in huskies("history").stdout.splitlines()]
    assert lines == ["1 backlog → coding start user:ada", "1 coding → blocked block user:ada no key"]


ROWS = """\
1 story created ada Show it
1 backlog → coding start ada
1 run run_started ada run 1, coder, by ann
1 run verdict_given run:1 run 1, rejected: no tests
1 run run_ended ada run 1, coder, by ann, failed: exit code 7
1 worktree worktree_made ada feature/story-1
1 worktree worktree_removed ada rescued as refs/huskies/rescue/1/x
- queue hold_began ada base_broken
1 git paths_left ada run 1, a b
- git repository_changed ada run 1 2, a hook has changed
1 story edited ada title
"""


def test_history_shows_the_main_facts_of_every_row(huskies: Commands, repository: GitRepository) -> None:
    add(huskies, "Show it", "--start")
    with open_context(repository.root, actor="ada") as context, context.store.exclusive() as db:
        append = partial(journal.append, db, now=context.now(), actor="ada")
        run = {"run": 1, "kind": "coder", "agent": "ann"}
        append(JournalKind.RUN, "run_started", story=StoryId(1), detail=run)
        append(
            JournalKind.RUN,
            "verdict_given",
            story=StoryId(1),
            actor="run:1",
            detail={"run": 1, "verdict": "rejected", "notes": "no tests"},
        )
        append(
            JournalKind.RUN,
            "run_ended",
            story=StoryId(1),
            detail={**run, "outcome": "failed", "detail": "exit code 7"},
        )
        append(
            JournalKind.WORKTREE,
            "worktree_made",
            story=StoryId(1),
            detail={"branch": "feature/story-1", "head": "c0ffee"},
        )
        append(
            JournalKind.WORKTREE,
            "worktree_removed",
            story=StoryId(1),
            detail={"rescue": "refs/huskies/rescue/1/x"},
        )
        append(JournalKind.QUEUE, "hold_began", detail={"hold": "base_broken", "tip": "c0ffee"})
        append(JournalKind.GIT, "paths_left", story=StoryId(1), detail={"run": 1, "paths": ["a", "b"]})
        append(JournalKind.GIT, "repository_changed", detail={"change": "a hook has changed", "runs": [1, 2]})
    huskies("update", "1", "--title", "Hide it")
    lines = [line.partition(" ")[2] for line in huskies("history", "--all").stdout.splitlines()]
    assert [line.replace("user:ada", "ada") for line in lines] == ROWS.splitlines()


def test_history_of_a_missing_story_fails(huskies: Commands) -> None:
    assert huskies("history", "9").outcome == (1, "", MISSING)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--label", "the labels are not text in UTF-8"),
        ("--criterion", "the criteria are not text in UTF-8"),
        ("--agent", "the agent is not text in UTF-8"),
    ],
)
def test_the_error_for_bytes_that_are_no_text_names_the_field(
    huskies: Commands, option: str, message: str
) -> None:
    done = huskies("add", "A story", "-c", "it is", option, "no \udcff text")
    assert (done.exit_code, done.stderr) == (1, f"huskies: {message}\n")
