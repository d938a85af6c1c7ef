"""The creation of a project in a repository: the files of `.huskies`, the store, and the base branch."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from huskies_core.context import Context
from huskies_core.errors import HuskiesError, NoProject
from huskies_core.git.host import network_filesystem, require_git
from huskies_core.git.repository import Repository
from huskies_core.operations.authorization import refuse_inside_run
from huskies_core.operations.files import write_whole
from huskies_core.operations.mcp_file import NAME as MCP_FILE
from huskies_core.operations.mcp_file import write_mcp_file
from huskies_core.project import Project, find_repository
from huskies_core.store import connection, metadata


class Initialised(Struct, frozen=True):
    """A project; `made` are the files that were created, as paths from the root."""

    root: Path
    base_branch: str
    made: tuple[str, ...]


def initialise(
    start: Path, *, base_branch: str | None, environ: Mapping[str, str], mcp: bool = False
) -> Initialised:
    """Create missing files and keep existing ones. Git's config and index do not change.

    The base is `base_branch`, else the recorded one, else the branch that is checked out. The store is created last:
    after a crash before that there is no project, and the next `init` creates the rest. With `mcp`, write `.mcp.json`.
    """
    require_git()
    project = find_repository(start)
    with closing(Context(project, actor="", environ=environ)) as context:
        refuse_inside_run(context)
        _refuse_location(project)
        with Repository(project) as repo:
            base = _base_branch(repo, base_branch or _recorded(context))
        made = _write_files(project, base)
        if mcp and write_mcp_file(project, environ).changed:
            made = (*made, MCP_FILE)
        connection.create(project)
        with context.store.exclusive() as db:
            metadata.put(db, metadata.BASE_BRANCH, base)
    return Initialised(project.root, base, made)


def _refuse_location(project: Project) -> None:
    kind = network_filesystem(project.root)
    if kind is not None:
        fact = f"{project.root} is on a network file system ({kind})"
        hint = "Locks and the store work on one host only: clone the repository to a local disk."
        raise HuskiesError(fact, hint=hint, code="network_filesystem", subject=str(project.root))
    if project.state_dir.exists() and not project.state_dir.is_dir():
        fact, hint = f"{project.state_dir} is not a folder", "Move it away: huskies needs a folder there."
        raise HuskiesError(fact, hint=hint, code="in_the_way")


def _base_branch(repo: Repository, name: str | None) -> str:
    if repo.git("config", "--type=bool", "--get", "core.bare", ok=(0, 1)) == "true":
        hint = "Huskies needs a checkout: use a clone."
        raise NoProject(f"{repo.project.root} is a bare repository", hint=hint)
    if not repo.has_commits():
        hint = "Create a first commit: stories branch off it."
        raise HuskiesError("the repository has no commits", hint=hint, code="no_commits_yet")
    base = name or repo.checked_out_branch()
    if base is None:
        hint = "Name the branch that stories are merged into with --base-branch."
        raise HuskiesError("no branch is checked out (HEAD is detached)", hint=hint, code="detached_head")
    if repo.branch_tip(base) is None:
        hint = "Name a local branch with --base-branch."
        raise HuskiesError(f"there is no branch {base}", hint=hint, code="unknown_branch", subject=base)
    return base


def _recorded(context: Context) -> str | None:
    if not context.project.database.exists():
        return None
    with context.store.reading() as db:
        return metadata.get(db, metadata.BASE_BRANCH)


def _write_files(project: Project, base: str) -> tuple[str, ...]:
    from huskies_core.config.scaffold import AGENTS_TEMPLATE, GITIGNORE, project_template

    project.state_dir.mkdir(exist_ok=True)
    texts = {
        project.state_dir / ".gitignore": GITIGNORE,
        project.project_toml: project_template(base),
        project.agents_toml: AGENTS_TEMPLATE,
    }
    missing = [path for path in texts if not path.exists()]
    for path in missing:
        write_whole(path, texts[path])
    return tuple(str(path.relative_to(project.root)) for path in missing)
