"""The files that `huskies init` writes: the keys that are in use, commented out, and agents to take as examples."""

PROJECT_TEMPLATE = """\
# How this project runs. Every key is optional; 'huskies config check' reads this file strictly.

# Judges finished work: "server" (the gates alone), "agent" (a QA agent reads it too) or "human" (held for approval).
# default_qa = "server"

# Only coders with this model start by themselves.
# default_coder_model = "sonnet"

# How many coders, and how many gate and merge runs, may be live at once.
# max_coders = 3
# max_gates = 2

# A story is blocked when it fails more often than this; 0 is no limit.
# max_retries = 3

# Where finished work lands. Without this key: the branch that 'huskies init' found.
# base_branch = {base_branch}

# The time zone of the day that per_day_usd is counted over.
# timezone = "UTC"

# Stories that start by themselves: "dependencies" (those that have some, once they are met) or "all".
# auto_promote = "dependencies"

# How long run directories and rescued work are kept.
# retention_days = 30

# Each change of a story's stage is sent to this gateway, under this name (default: that of the folder).
# Wants the extra relay: pip install 'huskies[relay]'.
# gateway_url = "https://gateway.example.org"
# gateway_project = "name"

[watcher]
# Done stories are archived after this time.
# done_retention_secs = 14400
# reconcile_interval_secs = 30
# watchdog_interval_secs = 30

[merge]
# block_after_failures = 3
# mergemaster_attempts = 3
# A story that waits longer than this to be merged is reported.
# starvation_secs = 3600

[budget]
# What the runs of a story, and all runs of a day, may cost. Without a key: no limit.
# per_story_usd = 5.0
# per_day_usd = 50.0

# What you are told of, and how. ${NAME} is a value of .huskies/env, which is not committed. Apprise wants the extra
# notify: pip install 'huskies[notify]'. 'huskies notify --test' tries it.
# [notify]
# events = ["blocked", "held", "merge_failed", "budget", "rate_limited"]
# desktop = true
# command = ["script/tell"]
# webhook = "${WEBHOOK_URL}"
# apprise = ["tgram://${BOT_TOKEN}/${CHAT_ID}"]
# batch_secs = 60

# What tokens cost, in USD per million, where an agent's program does not tell: by the beginning of the model's name.
# [pricing."gpt-5"]
# input = 1.25
# output = 10.0
# cached_input = 0.125
# cache_write = 0.0

# A gate is a command whose exit code judges work; they run in this order. Without one: an executable script/test.
# [[gate]]
# name = "tests"
# command = ["make", "test"]
# timeout_secs = 1200

# A component is set up before anything else in a worktree, again when its files have changed, and torn down at the end.
# [[component]]
# name = "web"
# path = "web"
# setup = ["npm", "ci"]
# teardown = ["rm", "-rf", "node_modules"]
# timeout_secs = 600
"""

AGENTS_TEMPLATE = """\
# The agents that work on stories. Take the marks off one of these, or write your own; names are unique.
#
# stage: coder, qa, mergemaster or other. Runtimes claude-code and codex are the command lines of these products;
# 'huskies agent test NAME' has one answer once. An agent of runtime command is a program of yours; it reads its prompt
# on stdin or in the file that HUSKIES_PROMPT_FILE names.

# [[agent]]
# name = "claude"
# stage = "coder"
# runtime = "claude-code"
# model = "sonnet"
# max_budget_usd = 5.0
# allowed_tools = ["Bash", "Edit", "Write", "Read", "Glob", "Grep"]
# env_allow = ["ANTHROPIC_API_KEY"]

# [[agent]]
# name = "codex"
# stage = "coder"
# runtime = "codex"
# model = "gpt-5-codex"
# max_turns = 200

# [[agent]]
# name = "coder-1"
# stage = "coder"
# runtime = "command"
# command = ["script/agent"]
# model = "sonnet"
# max_turns = 100
# max_budget_usd = 5.0
# inactivity_timeout_secs = 300
# max_wall_secs = 14400
# env_allow = ["API_KEY"]

# [[agent]]
# name = "qa-1"
# stage = "qa"
# runtime = "command"
# command = ["script/review"]
# role = "You judge whether each criterion is met. You change no code."
# prompt_file = "prompts/qa.md"

# [[agent]]
# name = "mergemaster"
# stage = "mergemaster"
# runtime = "command"
# command = ["script/resolve-conflicts"]
# prompt = \"\"\"
# Merge {{base_branch}} into {{feature_branch}} in {{worktree_path}} and resolve the conflicts:
# {{conflicts}}
# \"\"\"
# env = { LOG_LEVEL = "debug" }
"""

GITIGNORE = """\
# The state of the pipeline stays on this machine; what people decide is committed.
*
!.gitignore
!AGENT.md
!agents.toml
!project.toml
!prompts/
!prompts/**
"""


def project_template(base_branch: str) -> str:
    """project.toml with nothing set; `base_branch` stands in its comment."""
    return PROJECT_TEMPLATE.replace("{base_branch}", f'"{base_branch}"')


def agents_template() -> str:
    """agents.toml with no agent in force."""
    return AGENTS_TEMPLATE


def gitignore_text() -> str:
    """`.huskies/.gitignore`: all but the files that people write."""
    return GITIGNORE
