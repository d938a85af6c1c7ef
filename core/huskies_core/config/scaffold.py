"""The files that `huskies init` writes: each key with its default as a comment, and example agents."""

PROJECT_TEMPLATE = """\
# Settings of this project. Every key is optional. 'huskies config check' checks this file.

# The review of finished work: "server" (gates only), "agent" (also a QA agent) or "human" (a person approves it).
# default_qa = "server"

# Only coders with this model start automatically.
# default_coder_model = "sonnet"

# The maximum number of live coder runs, and of live gate and merge runs.
# max_coders = 3
# max_gates = 2

# A story that needs more retries is blocked. 0 means no limit.
# max_retries = 3

# The branch that finished work lands on. Default: the branch that 'huskies init' recorded.
# base_branch = {base_branch}

# The time zone of the day for per_day_usd.
# timezone = "UTC"

# Stories that start automatically: "dependencies" (stories with dependencies, when all are met) or "all".
# auto_promote = "dependencies"

# The number of days for which run directories and rescued work are kept.
# retention_days = 30

# Huskies sends each change of a story's stage to this gateway. gateway_project defaults to the folder's name.
# Requires the extra relay: pip install 'huskies[relay]'.
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
# Huskies warns about a story that waits longer than this to be merged.
# starvation_secs = 3600

[budget]
# The maximum cost in USD of all runs of a story, and of all runs of a day. Default: no limit.
# per_story_usd = 5.0
# per_day_usd = 50.0

# Notifications. ${NAME} is replaced by the value in .huskies/env, which is not committed. apprise requires the extra
# notify: pip install 'huskies[notify]'. Send a test message with 'huskies notify --test'.
# [notify]
# events = ["blocked", "held", "merge_failed", "budget", "rate_limited"]
# desktop = true
# command = ["script/notify"]
# webhook = "${WEBHOOK_URL}"
# apprise = ["tgram://${BOT_TOKEN}/${CHAT_ID}"]
# batch_secs = 60

# Prices in USD per million tokens, for agent programs that report no cost. The name is a prefix of the model's name.
# [pricing."gpt-5"]
# input = 1.25
# output = 10.0
# cached_input = 0.125
# cache_write = 0.0

# A gate is a command that accepts work if it exits with 0. Gates run in this order. Default: an executable script/test.
# [[gate]]
# name = "tests"
# command = ["make", "test"]
# timeout_secs = 1200

# setup runs first in a new worktree, and again when files of the component changed; teardown runs before removal.
# [[component]]
# name = "web"
# path = "web"
# setup = ["npm", "ci"]
# teardown = ["rm", "-rf", "node_modules"]
# timeout_secs = 600
"""

AGENTS_TEMPLATE = """\
# The agents that work on stories. Uncomment an example or add your own. Names are unique.
#
# stage: coder, qa, mergemaster or other. Runtimes claude-code and codex run the command-line programs of these
# products; 'huskies agent test NAME' runs a one-turn test. Runtime command runs a program of yours, which reads its
# prompt from stdin or from the file named by HUSKIES_PROMPT_FILE.

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
# role = "Check whether each acceptance criterion is met. Do not change code."
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
# The state of the pipeline stays on this machine. Only the files that people edit are committed.
*
!.gitignore
!AGENT.md
!agents.toml
!project.toml
!prompts/
!prompts/**
"""


def project_template(base_branch: str) -> str:
    """Return a project.toml that sets nothing. `base_branch` appears in a comment."""
    return PROJECT_TEMPLATE.replace("{base_branch}", f'"{base_branch}"')
