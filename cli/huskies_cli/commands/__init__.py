"""The table of all commands: where the function of each lies, and what help says of it.

A group's functions lie together in one module, so do the events of a story and the passes."""

from typing import NamedTuple


class Entry(NamedTuple):
    """A command: `function` in `huskies_cli.commands.<module>`; or a group: `children`.

    `any_value`: what begins with a dash and is no option of it is a value, such as -1.
    """

    name: str
    module: str
    function: str
    help: str
    panel: str | None = None
    hidden: bool = False
    children: tuple["Entry", ...] = ()
    any_value: bool = False


STORIES = "Stories"
MOVES = "Moving stories"
RUNS = "Runs and worktrees"
PASSES = "Passes (for cron; each can be run again at any time)"
PROJECT = "Project"

AGENT = (
    Entry("list", "agent", "list_agents", "List the agents and what they do."),
    Entry("start", "agent", "start_agent", "Start an agent on a story."),
    Entry("stop", "agent", "stop_agent", "End a story's run and freeze the story."),
    Entry("test", "agent", "test_agent", "Have an agent answer once."),
    Entry("prompt", "agent", "show_prompt", "Print what an agent is told."),
)
RUN = (
    Entry("list", "run", "list_runs", "List runs, the latest first."),
    Entry("show", "run", "show_run", "Show all that is known of a run."),
    Entry("kill", "run", "kill_run", "End one run, as if it had crashed."),
)
WORKTREE = (
    Entry("list", "worktree", "list_worktrees", "List the worktrees."),
    Entry("path", "worktree", "worktree_path", "Print the path of a story's worktree."),
)
RESCUE = (
    Entry("list", "rescue", "list_rescues", "List the work that was rescued."),
    Entry("restore", "rescue", "restore_rescue", "Bring rescued work back as a branch."),
)
TIMER = (
    Entry("add", "timer", "add_timer", "Set a timer."),
    Entry("list", "timer", "list_timers", "List timers, each with its next three times."),
    Entry("cancel", "timer", "cancel_timer", "Cancel a timer."),
)
TRIGGER = (
    Entry("add", "trigger", "add_trigger", "Set a trigger."),
    Entry("list", "trigger", "list_triggers", "List triggers."),
    Entry("cancel", "trigger", "cancel_trigger", "Cancel a trigger."),
)
CONFIG = (
    Entry("check", "config", "check_config", "Check both configuration files."),
    Entry("get", "config", "get_key", "Print the value of a key."),
    Entry("set", "config", "set_key", "Set a key; comments and layout stay.", any_value=True),
    Entry("show", "config", "show_config", "Show every key with its value."),
    Entry("mcp", "config", "write_mcp", "Write the .mcp.json that Claude Code reads."),
)
SERVICE = (
    Entry("install", "service", "install_service", "Have systemd or cron tick for this project."),
    Entry("uninstall", "service", "uninstall_service", "Take away what ticks for this project."),
    Entry("show", "service", "show_service", "Show what ticks for this project."),
)
TOOL = (
    Entry("list", "tool", "list_tools", "List the tools."),
    Entry("call", "tool", "call_tool", "Call a tool with JSON."),
)

COMMANDS = (
    Entry("init", "init", "init", "Make this repository a project.", PROJECT),
    Entry("demo", "demo", "demo", "Watch scripted agents take stories through the pipeline.", PROJECT),
    Entry("config", "config", "", "Check, read and change the configuration.", PROJECT, children=CONFIG),
    Entry("doctor", "doctor", "doctor", "Look the project over.", PROJECT),
    Entry("add", "add", "add_story", "Add a story.", STORIES),
    Entry("list", "list", "list_stories", "List stories.", STORIES),
    Entry("show", "show", "show_story", "Show a story with all that belongs to it.", STORIES),
    Entry("edit", "edit", "edit_story", "Edit a story in your editor.", STORIES),
    Entry("update", "update", "update_story", "Change fields of a story.", STORIES),
    Entry("export", "export", "export_stories", "Write stories as Markdown.", STORIES),
    Entry("import", "import_stories", "import_stories", "Read stories from Markdown.", STORIES),
    Entry("status", "status", "show_status", "Show the board: stages, runs, what needs a person.", STORIES),
    Entry("explain", "explain", "explain_story", "Say why a story stands where it stands.", STORIES),
    Entry("history", "history", "show_history", "Show what happened, in order.", STORIES),
    Entry("cost", "cost", "show_cost", "Show what the work has cost.", STORIES),
    Entry("audit", "audit", "show_audit", "Show the audit log.", STORIES),
    Entry("start", "moves", "start", "Start stories.", MOVES),
    Entry("approve", "moves", "approve", "Approve stories that QA or a person looks at.", MOVES),
    Entry("reject", "moves", "reject", "Send stories back with notes.", MOVES),
    Entry("block", "moves", "block", "Block stories, with a reason.", MOVES),
    Entry("unblock", "moves", "unblock", "Let blocked stories go on.", MOVES),
    Entry("freeze", "moves", "freeze", "Pause stories.", MOVES),
    Entry("unfreeze", "moves", "unfreeze", "Let paused stories go on.", MOVES),
    Entry("demote", "moves", "demote", "Put stories back into the backlog.", MOVES),
    Entry("retry", "moves", "retry", "Try stories again after a merge failure.", MOVES),
    Entry("resolve", "moves", "resolve", "Say that a story's merge conflict is resolved.", MOVES),
    Entry("merged", "moves", "merged", "Say that a story was merged by hand.", MOVES),
    Entry("close", "moves", "close", "Close stories without a merge.", MOVES),
    Entry("abandon", "moves", "abandon", "Give stories up.", MOVES),
    Entry("supersede", "moves", "supersede", "Replace stories by another one.", MOVES),
    Entry("reopen", "moves", "reopen", "Put finished stories back into the backlog.", MOVES),
    Entry("pause", "pause", "pause", "Start no more agents.", RUNS),
    Entry("resume", "pause", "resume", "Start agents again.", RUNS),
    Entry("agent", "agent", "", "List, start and stop agents, and read their prompts.", RUNS, children=AGENT),
    Entry("run", "run", "", "List, show and end runs.", RUNS, children=RUN),
    Entry("logs", "logs", "show_logs", "Show what a run printed.", RUNS),
    Entry("worktree", "worktree", "", "Find the worktrees of stories.", RUNS, children=WORKTREE),
    Entry("rescue", "rescue", "", "Find and restore work that was rescued.", RUNS, children=RESCUE),
    Entry("tool", "tool", "", "Call any operation by its name, with JSON.", PROJECT, children=TOOL),
    Entry("service", "service", "", "Have systemd or cron tick.", PROJECT, children=SERVICE),
    Entry("completion", "completion", "print_completion", "Print the completion script of a shell.", PROJECT),
    Entry("help", "help", "show_manual", "Open the manual page of a command.", PROJECT),
    Entry("mcp", "mcp", "mcp", "Serve the tools to an MCP client.", PROJECT),
    Entry("timer", "timer", "", "Do something at a time.", RUNS, children=TIMER),
    Entry("trigger", "trigger", "", "Do something when stories move.", RUNS, children=TRIGGER),
    Entry("watch", "watch", "watch", "Run the passes in a loop, with a live board.", PASSES),
    Entry("tick", "tick", "tick", "Run what is due.", PASSES),
    Entry("reconcile", "passes", "reconcile", "Run the passes that repair and clean up, in order.", PASSES),
    Entry("auto-assign", "passes", "auto_assign", "Promote ready stories, start agents and merges.", PASSES),
    Entry("watchdog", "passes", "watchdog", "End dead, silent and over-limit runs.", PASSES),
    Entry("gc", "passes", "gc", "Purge what finished stories left and what is past retention.", PASSES),
    Entry(
        "worktrees",
        "passes",
        "worktrees",
        "Make missing worktrees, remove those of finished stories.",
        PASSES,
    ),
    Entry(
        "archive-done",
        "passes",
        "archive_done",
        "Archive stories that have been done for long enough.",
        PASSES,
    ),
    Entry("cost-rollup", "passes", "cost_rollup", "Take in what runs have used.", PASSES),
    Entry("merge-recovery", "passes", "merge_recovery", "Do what follows each merge failure.", PASSES),
    Entry("merge-block", "passes", "merge_block", "Block stories whose merges keep failing.", PASSES),
    Entry("audit-log", "passes", "audit_log", "Append new transitions to the audit log.", PASSES),
    Entry("fire-timers", "passes", "fire_timers", "Fire the timers whose time has come.", PASSES),
    Entry("fire-triggers", "passes", "fire_triggers", "Show new transitions to the triggers.", PASSES),
    Entry("notify", "notify", "notify", "Tell people of what happened.", PASSES),
    Entry("relay", "passes", "relay", "Send new transitions to the gateway.", PASSES),
    Entry(
        "perform",
        "perform",
        "perform",
        "Do the tool call of a timer or a trigger.",
        PASSES,
        hidden=True,
    ),
    Entry("deliver", "notify", "deliver", "Send a notification.", PASSES, hidden=True),
    Entry("advance", "advance", "advance", "Record the end of a run and what follows.", PASSES, hidden=True),
)
