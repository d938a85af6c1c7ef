"""The commands that add, show and change stories: what they print, and the JSON that scripts read."""

from functools import partial
from pathlib import Path

import pytest

from huskies_cli.project_context import open_context
from huskies_core.pipeline.events import Accept, MergeFailed, QaSkipped
from huskies_core.pipeline.stages import MergeFailureKind
from huskies_core.store import journal, stories
from huskies_core.store.journal import JournalKind
from huskies_core.store.transitions import apply_event
from support.cli import run_huskies
from support.commands import Commands
from support.git_repository import GitRepository

ADVICE = "No tick ran in the last two minutes. Run 'huskies watch', or 'huskies service install systemd' or 'cron'.\n"
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


def test_init_makes_a_project_and_is_safe_to_run_again(outside: Commands, repository: GitRepository) -> None:
    made = [".huskies/.gitignore", ".huskies/project.toml", ".huskies/agents.toml"]
    first, second = outside("init", "--json"), outside("init", "--json")
    root = str(repository.root)
    assert first.data == {"root": root, "base_branch": "main", "made": made}
    assert second.data == {"root": root, "base_branch": "main", "made": []}


def test_init_says_what_comes_next_in_lines_that_fit_a_terminal(outside: Commands) -> None:
    advice = outside("init").stdout.split("\n\n")[-1].splitlines()
    assert advice[-2:] == ["huskies add TITLE -c CRITERION --start", "huskies watch"]
    assert max(map(len, advice)) <= 80


def test_init_outside_a_repository_exits_4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Commands(tmp_path, capsys, monkeypatch)("init", "--json").json()
    assert (told["status"], told["exit_code"], told["errors"][0]["code"]) == ("error", 4, "no_project")


def test_add_prints_the_id(huskies: Commands) -> None:
    add(huskies)
    assert huskies("add", "Show it", "-c", "It is shown", "--depends-on", "#1").outcome == (0, "2\n", "")
    assert huskies("add", "Third", "--type", "bug", "--json").data == {"id": 3, "stage": "backlog"}


def test_add_keeps_the_body_to_the_character(huskies: Commands) -> None:
    body = "--x ../ 😀 \x1b[31mred\r\n\n" + "long " * 2000
    huskies("add", "--type", "bug", "--body", "-", "--", "--title", stdin=body.encode())
    told = huskies("show", "1", "--json").data
    assert (told["title"], told["description"]) == ("--title", body)
    assert "\x1b" not in huskies("show", "1").stdout


def test_add_start_says_when_nothing_ticks(huskies: Commands) -> None:
    assert huskies("add", "Fix", "--type", "bug", "--start").outcome == (0, "1\n", ADVICE)
    assert huskies("add", "Fix", "--type", "bug", "--start", "--quiet").outcome == (0, "2\n", "")


def test_add_names_the_field_it_refuses(huskies: Commands) -> None:
    told = huskies("add", "two\nlines", "--type", "bug", "--json")
    hint = "A title is one line of at most 200 characters without control characters."
    fact = "the title has a line break or a control character"
    assert (told.exit_code, told.json()["errors"]) == (1, [error("invalid_title", fact, hint, "title")])


@pytest.mark.parametrize(
    "arguments", [("--type", "saga"), ("--depends-on", "x"), ("--priority", "high"), ("--qa", "no")]
)
def test_add_refuses_values_of_the_wrong_kind(huskies: Commands, arguments: tuple[str, str]) -> None:
    assert huskies("add", "x", *arguments).exit_code == 2


def test_add_needs_the_file_of_its_body(huskies: Commands) -> None:
    told = huskies("add", "x", "--type", "bug", "--body", "none")
    assert told.outcome == (1, "", "huskies: there is no file none\n")


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

    told = (
        ids("--all"),
        ids("--stage", "archived"),
        ids("--type", "bug"),
        ids("--label", "ui"),
        ids("--all", "--type", "bug"),
    )
    assert told == ([1, 2], [2], [], [1], [2])


def test_list_without_stories_prints_nothing(huskies: Commands) -> None:
    assert huskies("list").outcome == (0, "", "")


def test_list_outside_a_project_exits_4(outside: Commands) -> None:
    assert outside("list").exit_code == 4


def test_show_tells_all_of_a_story(huskies: Commands) -> None:
    add(huskies, "Show it", *FIELDS, "--start")
    told = huskies("show", "#1", "--json").data
    rows = [(row["event"], row["before"], row["after"]) for row in told["history"]]
    rest = {key: told[key] for key in ("description", "criteria", "runs", "worktree", "branch", "content")}
    assert set(LISTED) <= set(told)
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


def test_show_names_the_commit_that_a_story_was_merged_as(
    huskies: Commands, repository: GitRepository
) -> None:
    add(huskies, "Show it", "--start")
    with open_context(repository.root) as context, context.store.exclusive() as db:
        for event in (QaSkipped("feature/story-1", 1), MergeFailed(MergeFailureKind.OTHER, "")):
            apply_event(db, 1, event, visit=stories.load(db, 1).visit, actor="test", now=context.now())
    commit = repository.commit_id("main")
    before = huskies("show", "1", "--json").data["merge_commit"]
    assert huskies("merged", "1", "--commit", "HEAD").exit_code == 0
    done = huskies("show", "1", "--json").data["merge_commit"]
    assert ["merged", "as", commit[:12]] in [
        line.split() for line in huskies("show", "1").stdout.splitlines()
    ]
    with open_context(repository.root) as context, context.store.exclusive() as db:
        apply_event(db, 1, Accept("x"), visit=stories.load(db, 1).visit, actor="test", now=context.now())
    archived = huskies("show", "1", "--json").data["merge_commit"]
    huskies("reopen", "1")
    huskies("close", "1", "--reason", "no")
    closed = huskies("show", "1", "--json").data["merge_commit"]
    assert (before, done, archived, closed) == (None, commit, commit, None)


def test_show_of_no_story_fails(huskies: Commands) -> None:
    assert huskies("show", "9").outcome == (1, "", MISSING)


def test_update_sets_fields(huskies: Commands) -> None:
    add(huskies, "Show it", *FIELDS)
    told = huskies("update", "1", "--check", "1", "--title", "New", "--clear", "agent", "--json").data
    assert (told["title"], told["agent"], told["changed"]) == ("New", None, True)
    assert huskies("update", "1", "--check", "1").outcome == (0, "1: nothing to change\n", "")


def test_update_refuses_what_no_story_can_be(huskies: Commands) -> None:
    add(huskies)
    told = huskies("update", "1", "--depends-on", "1", "--json").json()["errors"]
    assert [(item["code"], item["subject"]) for item in told] == [("dependency_cycle", "depends_on")]


def test_edit_takes_what_the_editor_wrote(
    huskies: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(huskies)
    monkeypatch.setenv("VISUAL", editor(tmp_path / "my editor", 'sed -i.bak s/Show/Hide/ "$1"'))
    assert huskies("edit", "1").outcome == (0, "1: updated\n", "")
    assert huskies("edit", "1").outcome == (0, "1: nothing changed\n", "")
    assert huskies("show", "1", "--json").data["title"] == "Hide it"


def test_edit_keeps_what_it_cannot_save(
    huskies: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(huskies)
    monkeypatch.setenv("VISUAL", editor(tmp_path / "editor", 'echo nonsense >"$1"'))
    told = huskies("edit", "1", "--json").json()["errors"][0]
    kept = Path(told["hint"].rpartition(" ")[2])
    assert (told["code"], kept.read_text()) == ("bad_front_matter", "nonsense\n")


@pytest.mark.usefixtures("processes")
def test_edit_keeps_what_the_editor_prints_out_of_the_document(
    huskies: Commands, repository: GitRepository, tmp_path: Path
) -> None:
    add(huskies)
    chatty = {"VISUAL": editor(tmp_path / "editor", "echo chat")}
    told = run_huskies("edit", "1", "--json", cwd=repository.root, env=chatty)
    assert (told.data["changed"], told.stderr) == (False, "chat\n")


@pytest.mark.parametrize("command", ["false", "/nowhere/editor", "'"])
def test_edit_without_an_editor_changes_nothing(
    huskies: Commands, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    add(huskies)
    monkeypatch.setenv("VISUAL", command)
    assert huskies("edit", "1", "--json").json()["errors"][0]["code"] == "editor_failed"


def test_export_prints_what_import_reads(huskies: Commands, tmp_path: Path) -> None:
    add(huskies, "Show it", *FIELDS)
    printed = huskies("export", "1").stdout
    (tmp_path / "story.md").write_text(printed)
    told = huskies("import", tmp_path / "story.md", "--json").data
    assert told == {"stories": [{"id": 2, "path": str(tmp_path / "story.md"), "stage": "backlog"}]}
    assert huskies("export", "2").stdout == printed


def test_export_writes_files(huskies: Commands, tmp_path: Path) -> None:
    add(huskies)
    path = str(tmp_path / "out" / "1_story_show-it.md")
    told = huskies("export", "--dir", tmp_path / "out", "--json").data["stories"]
    assert [(item["id"], item["name"], item["path"]) for item in told] == [(1, "1_story_show-it.md", path)]
    assert Path(path).read_text() == told[0]["markdown"]


def test_export_of_several_stories_needs_a_folder(huskies: Commands) -> None:
    add(huskies)
    alone = huskies("export").stdout
    add(huskies)
    fact = "huskies: 2 stories do not fit into one text\n  Write a file for each story: --dir D.\n"
    assert [huskies("export").outcome, huskies("export", "2", "1").outcome] == [(2, "", fact)] * 2
    assert huskies("export", "1").stdout == alone
    assert [item["id"] for item in huskies("export", "--json").data["stories"]] == [1, 2]


def test_export_of_no_story_fails(huskies: Commands) -> None:
    assert huskies("export", "9").outcome == (1, "", MISSING)


def test_import_names_every_bad_file(huskies: Commands, tmp_path: Path) -> None:
    (tmp_path / "bad.md").write_text("---\nname: x\ndepend: 1\n---\n")
    told = huskies("import", tmp_path / "bad.md", tmp_path / "none.md", "--json")
    assert [(item["code"], item["hint"]) for item in told.json()["errors"]] == [
        ("unknown_key", "Did you mean 'depends_on'?"),
        ("not_found", ""),
    ]
    assert (told.exit_code, huskies("list").stdout) == (1, "")


def test_history_tells_transitions(huskies: Commands) -> None:
    add(huskies, "Show it", "--start")
    huskies("block", "1", "--reason", "no\x1b[31m key")
    told = huskies("history", "1", "--json").data["transitions"]
    assert set(told[0]) >= {"seq", "at", "story", "event", "before", "after", "actor", "detail"}
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


def test_history_tells_of_every_row_what_it_is_about(huskies: Commands, repository: GitRepository) -> None:
    add(huskies, "Show it", "--start")
    with open_context(repository.root, actor="ada") as context, context.store.exclusive() as db:
        told = partial(journal.append, db, now=context.now(), actor="ada")
        run = {"run": 1, "kind": "coder", "agent": "ann"}
        told(JournalKind.RUN, "run_started", story=1, detail=run)
        told(
            JournalKind.RUN,
            "verdict_given",
            story=1,
            actor="run:1",
            detail={"run": 1, "verdict": "rejected", "notes": "no tests"},
        )
        told(
            JournalKind.RUN,
            "run_ended",
            story=1,
            detail={**run, "outcome": "failed", "detail": "exit code 7"},
        )
        told(
            JournalKind.WORKTREE,
            "worktree_made",
            story=1,
            detail={"branch": "feature/story-1", "head": "c0ffee"},
        )
        told(JournalKind.WORKTREE, "worktree_removed", story=1, detail={"rescue": "refs/huskies/rescue/1/x"})
        told(JournalKind.QUEUE, "hold_began", detail={"hold": "base_broken", "tip": "c0ffee"})
        told(JournalKind.GIT, "paths_left", story=1, detail={"run": 1, "paths": ["a", "b"]})
        told(JournalKind.GIT, "repository_changed", detail={"change": "a hook has changed", "runs": [1, 2]})
    huskies("update", "1", "--title", "Hide it")
    lines = [line.partition(" ")[2] for line in huskies("history", "--all").stdout.splitlines()]
    assert [line.replace("user:ada", "ada") for line in lines] == ROWS.splitlines()


def test_history_of_no_story_fails(huskies: Commands) -> None:
    assert huskies("history", "9").outcome == (1, "", MISSING)
