"""Stories from files and into files."""

from pathlib import Path

import pytest

from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.ids import StoryId
from huskies_core.operations.export import export, write_exported
from huskies_core.operations.import_stories import import_files
from huskies_core.operations.stories import create
from huskies_core.operations.story_list import list_stories
from huskies_core.pipeline.stages import Merge
from huskies_core.store import branches, stories
from huskies_core.store.stories import StoryDraft, StoryType
from support.drafts import draft
from support.git_repository import GitRepository


def write(folder: Path, name: str, front: str = "name: x", body: str = "- [ ] works") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"---\n{front}\n---\n\n## Acceptance Criteria\n\n{body}\n")
    return file


def everything(context: Context) -> list[tuple[int, str, str, str]]:
    listed = list_stories(context, finished=True)
    return [(story.id, story.draft.type, story.stage.name, story.entered_by) for story in listed]


def refusal_of(context: Context, *paths: Path) -> tuple[str, str]:
    with pytest.raises(HuskiesError) as refusal:
        import_files(context, paths)
    assert everything(context) == []
    return refusal.value.code, refusal.value.message


def test_the_older_layout_keeps_number_type_and_stage(
    context: Context, repository: GitRepository, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    write(work, "1_backlog/3_story_a.md", "name: a\ndepends_on: [5, 10]")
    write(work, "2_current/5_bug_b.md", "name: b\ntype: bug")
    write(work, "3_qa/6_refactor_c.md")
    write(work, "4_merge/7_story_d.md")
    write(work, "4_merge/8_story_e.md")
    write(work, "5_done/9_spike_f.md")
    write(work, "6_archived/10_story_g.md")
    (work / "1_backlog" / ".gitkeep").touch()
    repository.checkout("feature/story-7", new=True)
    repository.commit_file("work", "done\n")
    repository.checkout("main")
    imported = import_files(context, [work])
    assert len(imported) == 7
    assert everything(context) == [
        (3, "story", "backlog", "created"),
        (5, "bug", "coding", "imported"),
        (6, "refactor", "qa", "imported"),
        (7, "story", "merge", "imported"),
        (8, "story", "coding", "imported"),
        (9, "spike", "archived", "imported"),
        (10, "story", "archived", "imported"),
    ]
    with context.store.reading() as db:
        seven = stories.load(db, StoryId(7))
        made = branches.base_commit(db, StoryId(7)), branches.base_commit(db, StoryId(8))
    assert (seven.stage, made) == (Merge("feature/story-7", 1), (repository.commit_id("main"), None))
    assert create(context, draft()).id == 11


def test_new_files_get_new_numbers_and_keep_what_they_depend_on(context: Context, tmp_path: Path) -> None:
    create(context, draft())
    create(context, StoryDraft("All of it", type=StoryType.EPIC))
    create(context, draft(depends_on=(1,), epic=2))
    create(context, draft(depends_on=(3,)))
    folder = tmp_path / "out"
    written = write_exported(export(context, [StoryId(4), StoryId(3), StoryId(2)]), folder)
    assert [item.path for item in written] == [
        folder / name
        for name in ("4_story_show-the-board.md", "3_story_show-the-board.md", "2_epic_all-of-it.md")
    ]
    imported = import_files(context, [folder])
    with context.store.reading() as db:
        drafts = [stories.load(db, item.story).draft for item in imported]
    assert [(texts.type, texts.depends_on, texts.epic) for texts in drafts] == [
        ("epic", (), None),
        ("story", (1,), 5),
        ("story", (6,), None),
    ]


def test_every_bad_file_is_named_and_nothing_is_imported(context: Context, tmp_path: Path) -> None:
    good, bad = write(tmp_path, "good.md"), write(tmp_path, "bad.md", "name: x\nqua: human")
    worse = tmp_path / "worse.md"
    worse.write_bytes(b"\xff\xfe")
    result = refusal_of(context, good, bad, worse, tmp_path / "none.md")
    assert result == ("unknown_key", f"{bad}: line 3: unknown key 'qua' (and 2 more)")


def test_a_number_in_use_refuses_the_import(context: Context, tmp_path: Path) -> None:
    create(context, draft())
    file = write(tmp_path, "1_backlog/1_story_a.md")
    with pytest.raises(HuskiesError) as refusal:
        import_files(context, [tmp_path])
    assert (refusal.value.code, refusal.value.message) == ("number_in_use", f"{file}: number 1 is in use")


@pytest.mark.parametrize(
    ("name", "front", "code"),
    [
        ("1_backlog/story.md", "name: x", "invalid_name"),
        ("1_backlog/1_saga_x.md", "name: x", "invalid_name"),
        ("1_backlog/0_story_x.md", "name: x", "invalid_name"),
        ("1_backlog/1_story_x.md", "name: x\ntype: bug", "invalid_type"),
        ("2_current/1_epic_x.md", "name: x", "invalid_type"),
        ("1_backlog/1_story_x.md", "name: x\ndepends_on: [9]", "unknown_dependency"),
        ("1_backlog/1_story_x.md", "name: x\ndepends_on: [1]", "dependency_cycle"),
        ("1_backlog/1_story_x.md", "qa: human", "invalid_title"),
    ],
)
def test_one_bad_file_refuses_the_whole_import(
    context: Context, tmp_path: Path, name: str, front: str, code: str
) -> None:
    write(tmp_path, "6_archived/2_story_good.md")
    write(tmp_path, name, front)
    assert refusal_of(context, tmp_path)[0] == code


def test_two_files_of_one_number_are_refused(context: Context, tmp_path: Path) -> None:
    first, second = write(tmp_path, "1_backlog/1_story_a.md"), write(tmp_path, "5_done/1_bug_b.md")
    assert refusal_of(context, tmp_path) == ("number_in_use", f"{second}: number 1 is also that of {first}")


def test_files_that_wait_for_each_other_are_refused(context: Context, tmp_path: Path) -> None:
    write(tmp_path, "1_story_a.md", "name: a\ndepends_on: [2]")
    write(tmp_path, "2_story_b.md", "name: b\ndepends_on: [1]")
    assert refusal_of(context, tmp_path)[0] == "dependency_cycle"


def test_a_folder_without_stories_is_an_error(context: Context, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert refusal_of(context, empty) == ("nothing_found", f"{empty} has no Markdown files")


def test_an_export_written_again_is_the_same(context: Context, tmp_path: Path) -> None:
    create(context, draft("---", description="\x1b[1m\r\n"))
    for _ in range(2):
        (item,) = write_exported(export(context), tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["1_story_untitled.md"]
    assert (tmp_path / "out" / item.name).read_bytes() == item.markdown.encode()


@pytest.mark.parametrize("target", ["file", "file/below"])
def test_a_file_is_no_folder_to_export_to(context: Context, tmp_path: Path, target: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HuskiesError) as refusal:
        write_exported(export(context), tmp_path / target)
    assert refusal.value.code == "not_a_directory"
