"""One successful and one failing call of each command, with the shape of its data."""

from dataclasses import dataclass

from support import contract_shapes as of
from support.shapes import WORD, Shape


@dataclass(frozen=True)
class Example:
    """Words of calls; `{root}` is the project, and `first` are preceding calls. If `works` is empty, `why` names the
    tests of the command; if `fails` is empty, nothing in a project makes the command fail. `data` is None for a
    command without an envelope."""

    works: str = ""
    fails: str = ""
    data: Shape = None
    first: tuple[str, ...] = ()
    code: str = "not_found"
    why: str = ""
    anywhere: bool = False
    """It needs no project."""
    reads: bool = False
    """It does not change the project."""
    homeless: str = ""
    """The error code without a home."""
    raw: bool = False
    """Its output to programs has every character."""

    @property
    def exit_code(self) -> int:
        """Return the exit code of the failing call."""
        return 2 if self.code == "usage" else 1


def _pass(name: str) -> Example:
    return Example(name, data=of.PASS)


def _move(call: str, *, shape: Shape = of.MOVED) -> Example:
    name, _, *rest = call.split()
    return Example(call, " ".join((name, "99", *rest)), shape)


EXAMPLES = {
    "init": Example(
        "init",
        "init --base-branch gone",
        {"root": str, "base_branch": str, "made": [str]},
        code="unknown_branch",
    ),
    "demo": Example(fails="demo {root}", code="not_empty", why="takes a minute: test_demo", anywhere=True),
    "config check": Example("config check", data={"problems": [of.OBJECT]}, reads=True),
    "config get": Example(
        "config get max_coders",
        "config get keyy",
        {"key": str, "value": object},
        code="config_error",
        reads=True,
    ),
    "config set": Example(
        "config set max_coders 2",
        "config set max_coders x",
        {"key": str, "value": object},
        code="config_error",
    ),
    "config show": Example("config show", data={"keys": of.OBJECT, "agents": [of.OBJECT]}, reads=True),
    "config mcp": Example("config mcp", data={"path": str, "command": str, "changed": bool}),
    "doctor": Example(
        "doctor",
        data={"checks": [{"check": str, "ok": bool, "problem": str, "fix": str}]},
        first=("tick",),
        homeless="unwell",
    ),
    "add": Example("add Title -c works", "add Title", {"id": int, "stage": str}, code="missing_criterion"),
    "list": Example("list", data={"stories": [of.STORY]}, reads=True),
    "show": Example("show 1", "show 99", of.STORY_PAGE, reads=True),
    "edit": Example("edit 2", "edit 99", of.CHANGED),
    "update": Example("update 2 --priority 3", "update 99 --priority 3", of.CHANGED),
    "export": Example(
        "export 1",
        "export 99",
        {"stories": [{"id": int, "name": str, "path": WORD, "markdown": str}]},
        raw=True,
        reads=True,
    ),
    "import": Example(
        "import {root}/out",
        "import {root}/gone",
        {"stories": [{"id": int, "path": str, "stage": str}]},
        first=("export 2 --dir {root}/out",),
    ),
    "status": Example("status", data=of.STATUS, reads=True),
    "explain": Example("explain 3", "explain 99", of.EXPLANATION, reads=True),
    "history": Example("history", "history 99", {"transitions": [of.ENTRY]}, reads=True),
    "cost": Example(
        "cost",
        "cost --since never",
        {"rows": [of.COST | {"key": object}], "total": of.COST},
        code="usage",
        reads=True,
    ),
    "audit": Example("audit", data={"transitions": [of.ENTRY]}, reads=True),
    "start": _move("start 2"),
    "approve": _move("approve 1", shape=of.APPROVED),
    "reject": _move("reject 1 --notes no"),
    "block": _move("block 2 --reason why"),
    "unblock": _move("unblock 4"),
    "freeze": _move("freeze 2"),
    "unfreeze": _move("unfreeze 5"),
    "demote": _move("demote 1"),
    "retry": _move("retry 7 --to coding"),
    "resolve": _move("resolve 7"),
    "merged": _move("merged 7 --commit HEAD"),
    "close": _move("close 2 --reason why"),
    "abandon": _move("abandon 2 --reason why"),
    "supersede": _move("supersede 3 --by 2"),
    "reopen": _move("reopen 6"),
    "agent list": Example("agent list", data={"agents": [of.AGENT]}, reads=True),
    "agent start": Example("agent start 2", "agent start 99", {"run": of.RUN}),
    "agent stop": Example(
        "agent stop 2",
        "agent stop 3",
        {"story": int, "stage": str, "run": of.RUN},
        first=("agent start 2 --agent sleeper",),
        code="no_live_run",
    ),
    "agent test": Example("agent test coder", "agent test nobody", of.TRIAL, code="unknown_agent"),
    "agent prompt": Example(
        "agent prompt 2",
        "agent prompt 99",
        {"story": int, "agent": str, "kind": str, "run": of.ID, "prompt": str},
        reads=True,
    ),
    "run list": Example("run list", "run list --story 99", {"runs": [of.RUN_NOW]}, reads=True),
    "run show": Example("run show 1", "run show 99", of.RUN_PAGE, reads=True),
    "run kill": Example(
        "run kill 4",
        "run kill 1",
        {"run": of.RUN},
        first=("agent start 2 --agent sleeper",),
        code="not_live",
    ),
    "logs": Example("logs 1", "logs 2", {"run": of.RUN, "output": str}, code="no_runs", reads=True),
    "worktree list": Example(
        "worktree list",
        data={"worktrees": [{"story": int, "stage": str, "branch": str, "path": str}]},
        reads=True,
    ),
    "worktree path": Example("worktree path 1", "worktree path 2", {"story": int, "path": str}, reads=True),
    "rescue list": Example("rescue list", data={"rescues": [of.RESCUE]}, reads=True),
    "rescue restore": Example(
        "rescue restore 6",
        "rescue restore 6 --to feature/story-1",
        of.RESCUE | {"branch": str},
        code="usage",
    ),
    "tool list": Example("tool list", data={"tools": [of.TOOL]}, anywhere=True, reads=True),
    "tool call": Example(
        'tool call show_story {"id":1}', 'tool call show_story {"id":99}', of.STORY_PAGE, reads=True
    ),
    "service install": Example(
        "service install cron", data=of.SERVICE | {"changed": [str]}, homeless="no_home"
    ),
    "service uninstall": Example(
        "service uninstall cron", data={"kind": str, "removed": [str]}, homeless="no_home"
    ),
    "service show": Example("service show cron", data=of.SERVICE, reads=True),
    "completion": Example(
        "completion bash", data={"shell": str, "path": str, "script": str}, anywhere=True, reads=True
    ),
    "help": Example("help list", data={"command": str, "page": WORD}, anywhere=True, reads=True),
    "mcp": Example("mcp", reads=True),
    "timer add": Example(
        "timer add --in 2h --prompt go", "timer add --in 2h --tool nothing", of.TIMER, code="usage"
    ),
    "timer list": Example("timer list", data={"timers": [of.TIMER]}, reads=True),
    "timer cancel": Example("timer cancel later", data={"cancelled": [int]}),
    "trigger add": Example(
        "trigger add --to done --prompt go", "trigger add --to dun --prompt go", of.TRIGGER, code="usage"
    ),
    "trigger list": Example("trigger list", data={"triggers": [of.TRIGGER]}, reads=True),
    "trigger cancel": Example("trigger cancel 1", data={"cancelled": [int]}),
    "watch": Example("watch --no-ui"),
    "pause": Example("pause --reason why", data={"pause": of.PAUSE}),
    "resume": Example("resume", data={"pause": None, "ended": of.PAUSE}, first=("pause",)),
    **{
        name: _pass(name)
        for name in (
            "tick",
            "reconcile",
            "auto-assign",
            "watchdog",
            "gc",
            "worktrees",
            "archive-done",
            "cost-rollup",
            "merge-recovery",
            "merge-block",
            "audit-log",
            "fire-timers",
            "fire-triggers",
            "notify",
            "relay",
        )
    },
    "perform": Example(
        fails="perform 1", code="not_yours", why="fire-timers alone starts it: system/test_firing"
    ),
    "deliver": Example(
        fails="deliver 1", code="not_yours", why="notify alone starts it: cli/test_notify_command"
    ),
    "advance": Example("advance 1", "advance 99", of.PASS),
}
