# bash completion for huskies(1). Written by man/generator: change that, not this.

_huskies() {
    local words=() cur prev command="" i last=-1 word
    # bash breaks a:b into three words: here it is one.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        ((i > 0)) && word=${words[last]}${COMP_WORDS[i]} || word=""
        if [[ $word == *:* && $COMP_LINE == *"$word"* ]]; then
            words[last]=$word
        else
            words[++last]=${COMP_WORDS[i]}
        fi
    done
    cur=${words[last]} prev=${words[last - 1]}
    # --stage=coding comes as three words.
    if [[ $prev == = && $last -gt 2 ]]; then
        prev=${words[last - 2]}
    elif [[ $cur == = ]]; then
        cur=""
    fi
    for ((i = 1; i < last; i++)); do
        case ${words[i]} in
            --project) ((i++)); [[ ${words[i]} == = ]] && ((i++)) ;;
            -*) ;;
            *)
                command="${command:+$command }${words[i]}"
                case $command in
                    config|agent|run|worktree|rescue|tool|service|timer|trigger) ;;
                    *) break ;;
                esac
                ;;
        esac
    done
    COMPREPLY=()
    _huskies_value "$command" "$prev" || _huskies_word "$command"
}

_huskies_words() {
    local word
    while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "$1" -- "$cur")
}

# Whether no argument has been typed behind the command: i is where that ends.
_huskies_is_first() {
    local word
    for word in "${words[@]:i + 1:last - i - 1}"; do [[ $word == -* ]] || return 1; done
}

# What the project has now: a value a line, and behind a tab what it is. Values are the same to a shell as they stand;
# the rest is shown where bash lists, and never where it inserts.
_huskies_offers() {
    local value about values=() shown=()
    type -P huskies >/dev/null || return
    while IFS=$'	' read -r value about; do
        # bash inserts what comes after the last colon that there is already.
        values+=("${value#"${cur%"${cur##*:}"}"}")
        shown+=("$value${about:+  $about}")
    done < <(command huskies __complete "$1" "$cur" "${words[@]:1:last - 1}" 2>/dev/null)
    if [[ ${COMP_TYPE:-9} == 63 ]] && ((${#values[@]} > 1)); then
        COMPREPLY=("${shown[@]}")
    else
        COMPREPLY=("${values[@]}")
    fi
}

_huskies_paths() {
    local word
    compopt -o filenames 2>/dev/null
    while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen "$1" -- "$cur")
}

# What follows an option; fails where the word before is none that takes a value.
_huskies_value() {
    case "$1:$2" in
        *:--project) _huskies_paths -d ;;
        "init":--base-branch) : ;;
        "doctor":--bundle) _huskies_paths -f ;;
        "add":--type) _huskies_words "story bug spike refactor epic task" ;;
        "add":--body) _huskies_paths -f ;;
        "add":--criterion|"add":-c) : ;;
        "add":--depends-on) _huskies_offers stories ;;
        "add":--agent) _huskies_offers agents ;;
        "add":--qa) _huskies_words "server agent human" ;;
        "add":--priority) : ;;
        "add":--label) _huskies_offers labels ;;
        "add":--epic) _huskies_offers epics ;;
        "list":--stage) _huskies_words "backlog coding qa merge merge_failure merge_failure_final blocked review_hold frozen done archived abandoned superseded" ;;
        "list":--type) _huskies_words "story bug spike refactor epic task" ;;
        "list":--label) _huskies_offers labels ;;
        "update":--title) : ;;
        "update":--type) _huskies_words "story bug spike refactor epic task" ;;
        "update":--body) _huskies_paths -f ;;
        "update":--add-criterion|"update":-c) : ;;
        "update":--check) : ;;
        "update":--uncheck) : ;;
        "update":--depends-on) _huskies_offers stories ;;
        "update":--agent) _huskies_offers agents ;;
        "update":--qa) _huskies_words "server agent human" ;;
        "update":--priority) : ;;
        "update":--label) _huskies_offers labels ;;
        "update":--epic) _huskies_offers epics ;;
        "update":--clear) _huskies_words "depends_on epic agent qa labels" ;;
        "export":--dir) _huskies_paths -d ;;
        "status":--svg) _huskies_paths -f ;;
        "history":--after) : ;;
        "cost":--by) _huskies_words "story agent model day" ;;
        "cost":--since) : ;;
        "audit":--after) : ;;
        "reject":--notes) : ;;
        "block":--reason) : ;;
        "retry":--to) _huskies_words "merge qa coding" ;;
        "merged":--commit) : ;;
        "close":--reason) : ;;
        "abandon":--reason) : ;;
        "supersede":--by) _huskies_offers stories ;;
        "pause":--reason) : ;;
        "agent start":--agent) _huskies_offers agents ;;
        "agent prompt":--agent) _huskies_offers agents ;;
        "run list":--story) _huskies_offers stories ;;
        "run list":--limit) : ;;
        "logs":--run) _huskies_offers runs-of ;;
        "rescue restore":--time) _huskies_offers rescue-times ;;
        "rescue restore":--to) : ;;
        "timer add":--at) : ;;
        "timer add":--in) : ;;
        "timer add":--every) : ;;
        "timer add":--cron) : ;;
        "timer add":--tz) _huskies_offers zones ;;
        "timer add":--label) : ;;
        "timer add":--catch-up) _huskies_words "once none" ;;
        "timer add":--tool) _huskies_words "create_story update_story check_criterion show_story list_stories explain history start_story approve_story reject_story block_story unblock_story freeze_story unfreeze_story demote_story retry_story resolve_story mark_merged close_story abandon_story supersede_story reopen_story list_agents start_agent stop_agent agent_prompt test_agent run_gates list_runs show_run kill_run get_output pipeline_status merge_status costs pause_starting resume_starting list_worktrees list_rescues restore_rescue schedule_timer list_timers cancel_timer create_trigger list_triggers cancel_trigger" ;;
        "timer add":--args) : ;;
        "timer add":--prompt) : ;;
        "trigger add":--story) : ;;
        "trigger add":--label) : ;;
        "trigger add":--type) _huskies_words "story bug spike refactor epic task" ;;
        "trigger add":--event) _huskies_words "start deps_met gates_failed qa_requested qa_skipped review_held qa_passed qa_rejected merge_succeeded merge_failed merge_failed_final conflict_resolved merge_retried fixup_requested requeued_for_qa block unblock freeze unfreeze demote accept close abandon supersede reopen imported" ;;
        "trigger add":--from) _huskies_words "backlog coding qa merge merge_failure merge_failure_final blocked review_hold frozen done archived abandoned superseded" ;;
        "trigger add":--to) _huskies_words "backlog coding qa merge merge_failure merge_failure_final blocked review_hold frozen done archived abandoned superseded" ;;
        "trigger add":--tool) _huskies_words "create_story update_story check_criterion show_story list_stories explain history start_story approve_story reject_story block_story unblock_story freeze_story unfreeze_story demote_story retry_story resolve_story mark_merged close_story abandon_story supersede_story reopen_story list_agents start_agent stop_agent agent_prompt test_agent run_gates list_runs show_run kill_run get_output pipeline_status merge_status costs pause_starting resume_starting list_worktrees list_rescues restore_rescue schedule_timer list_timers cancel_timer create_trigger list_triggers cancel_trigger" ;;
        "trigger add":--args) : ;;
        "trigger add":--prompt) : ;;
        "watch":--interval) : ;;
        "tick":--wait) : ;;
        "reconcile":--wait) : ;;
        "auto-assign":--wait) : ;;
        "watchdog":--wait) : ;;
        "gc":--wait) : ;;
        "worktrees":--wait) : ;;
        "archive-done":--wait) : ;;
        "cost-rollup":--wait) : ;;
        "merge-recovery":--wait) : ;;
        "merge-block":--wait) : ;;
        "audit-log":--wait) : ;;
        "fire-timers":--wait) : ;;
        "fire-triggers":--wait) : ;;
        "notify":--wait) : ;;
        "relay":--wait) : ;;
        *) return 1 ;;
    esac
}

_huskies_word() {
    case "$1" in
        "") if [[ $cur == -* ]]; then _huskies_words "--version --project --json --quiet --help -h"; else _huskies_words "init demo config doctor add list show edit update export import status explain history cost audit start approve reject block unblock freeze unfreeze demote retry resolve merged close abandon supersede reopen pause resume agent run logs worktree rescue tool service completion help mcp timer trigger watch tick reconcile auto-assign watchdog gc worktrees archive-done cost-rollup merge-recovery merge-block audit-log fire-timers fire-triggers notify relay"; fi ;;
        "config") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_words "check get set show mcp"; fi ;;
        "agent") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_words "list start stop test prompt"; fi ;;
        "run") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_words "list show kill"; fi ;;
        "worktree") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_words "list path"; fi ;;
        "rescue") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_words "list restore"; fi ;;
        "tool") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_words "list call"; fi ;;
        "service") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_words "install uninstall show"; fi ;;
        "timer") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_words "add list cancel"; fi ;;
        "trigger") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_words "add list cancel"; fi ;;
        "init") if [[ $cur == -* ]]; then _huskies_words "--base-branch --mcp --project --json --quiet --help -h"; else :; fi ;;
        "demo") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else :; fi ;;
        "config check") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else :; fi ;;
        "config get") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_is_first && _huskies_words "default_qa default_coder_model max_coders max_gates max_retries base_branch timezone auto_promote retention_days gateway_url gateway_project watcher.done_retention_secs watcher.reconcile_interval_secs watcher.watchdog_interval_secs merge.block_after_failures merge.mergemaster_attempts merge.starvation_secs gate component budget.per_story_usd budget.per_day_usd pricing notify.events notify.desktop notify.command notify.webhook notify.apprise notify.batch_secs"; fi ;;
        "config set") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_is_first && _huskies_words "default_qa default_coder_model max_coders max_gates max_retries base_branch timezone auto_promote retention_days gateway_url gateway_project watcher.done_retention_secs watcher.reconcile_interval_secs watcher.watchdog_interval_secs merge.block_after_failures merge.mergemaster_attempts merge.starvation_secs gate component budget.per_story_usd budget.per_day_usd pricing notify.events notify.desktop notify.command notify.webhook notify.apprise notify.batch_secs"; fi ;;
        "config show") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else :; fi ;;
        "config mcp") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else :; fi ;;
        "doctor") if [[ $cur == -* ]]; then _huskies_words "--fix --canary --bundle --project --json --quiet --help -h"; else :; fi ;;
        "add") if [[ $cur == -* ]]; then _huskies_words "--type --body --criterion -c --depends-on --agent --qa --priority --label --epic --start --project --json --quiet --help -h"; else :; fi ;;
        "list") if [[ $cur == -* ]]; then _huskies_words "--stage --type --label --all --project --json --quiet --help -h"; else :; fi ;;
        "show") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_offers stories; fi ;;
        "edit") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_offers stories; fi ;;
        "update") if [[ $cur == -* ]]; then _huskies_words "--title --type --body --add-criterion -c --check --uncheck --depends-on --agent --qa --priority --label --epic --clear --project --json --quiet --help -h"; else _huskies_offers stories; fi ;;
        "export") if [[ $cur == -* ]]; then _huskies_words "--dir --project --json --quiet --help -h"; else _huskies_offers stories; fi ;;
        "import") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_paths -f; fi ;;
        "status") if [[ $cur == -* ]]; then _huskies_words "--svg --project --json --quiet --help -h"; else :; fi ;;
        "explain") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_offers stories; fi ;;
        "history") if [[ $cur == -* ]]; then _huskies_words "--all --follow -f --after --project --json --quiet --help -h"; else _huskies_offers stories; fi ;;
        "cost") if [[ $cur == -* ]]; then _huskies_words "--by --since --project --json --quiet --help -h"; else :; fi ;;
        "audit") if [[ $cur == -* ]]; then _huskies_words "--follow -f --after --project --json --quiet --help -h"; else :; fi ;;
        "start") if [[ $cur == -* ]]; then _huskies_words "--force --project --json --quiet --help -h"; else _huskies_offers stories/backlog; fi ;;
        "approve") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_offers stories/qa,review_hold; fi ;;
        "reject") if [[ $cur == -* ]]; then _huskies_words "--notes --project --json --quiet --help -h"; else _huskies_offers stories/qa,review_hold; fi ;;
        "block") if [[ $cur == -* ]]; then _huskies_words "--reason --project --json --quiet --help -h"; else _huskies_offers stories; fi ;;
        "unblock") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_offers stories/blocked; fi ;;
        "freeze") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_offers stories; fi ;;
        "unfreeze") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_offers stories/frozen; fi ;;
        "demote") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_offers stories; fi ;;
        "retry") if [[ $cur == -* ]]; then _huskies_words "--to --project --json --quiet --help -h"; else _huskies_offers stories/merge_failure,merge_failure_final; fi ;;
        "resolve") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_offers stories/merge_failure,merge_failure_final; fi ;;
        "merged") if [[ $cur == -* ]]; then _huskies_words "--commit --project --json --quiet --help -h"; else _huskies_offers stories/merge,merge_failure,merge_failure_final; fi ;;
        "close") if [[ $cur == -* ]]; then _huskies_words "--reason --project --json --quiet --help -h"; else _huskies_offers stories; fi ;;
        "abandon") if [[ $cur == -* ]]; then _huskies_words "--reason --project --json --quiet --help -h"; else _huskies_offers stories; fi ;;
        "supersede") if [[ $cur == -* ]]; then _huskies_words "--by --project --json --quiet --help -h"; else _huskies_offers stories; fi ;;
        "reopen") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_offers finished; fi ;;
        "pause") if [[ $cur == -* ]]; then _huskies_words "--reason --project --json --quiet --help -h"; else :; fi ;;
        "resume") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else :; fi ;;
        "agent list") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else :; fi ;;
        "agent start") if [[ $cur == -* ]]; then _huskies_words "--agent --project --json --quiet --help -h"; else _huskies_offers stories; fi ;;
        "agent stop") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_offers running; fi ;;
        "agent test") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_offers agents; fi ;;
        "agent prompt") if [[ $cur == -* ]]; then _huskies_words "--agent --project --json --quiet --help -h"; else _huskies_offers stories; fi ;;
        "run list") if [[ $cur == -* ]]; then _huskies_words "--live --story --limit --project --json --quiet --help -h"; else :; fi ;;
        "run show") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_offers runs; fi ;;
        "run kill") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_offers live-runs; fi ;;
        "logs") if [[ $cur == -* ]]; then _huskies_words "--run --follow -f --raw --project --json --quiet --help -h"; else _huskies_offers stories; fi ;;
        "worktree list") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else :; fi ;;
        "worktree path") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_offers stories; fi ;;
        "rescue list") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else :; fi ;;
        "rescue restore") if [[ $cur == -* ]]; then _huskies_words "--time --to --project --json --quiet --help -h"; else _huskies_offers rescues; fi ;;
        "tool list") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else :; fi ;;
        "tool call") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_is_first && _huskies_words "create_story update_story check_criterion show_story list_stories explain history start_story approve_story reject_story block_story unblock_story freeze_story unfreeze_story demote_story retry_story resolve_story mark_merged close_story abandon_story supersede_story reopen_story list_agents start_agent stop_agent agent_prompt test_agent run_gates list_runs show_run kill_run get_output pipeline_status merge_status costs pause_starting resume_starting list_worktrees list_rescues restore_rescue schedule_timer list_timers cancel_timer create_trigger list_triggers cancel_trigger"; fi ;;
        "service install") if [[ $cur == -* ]]; then _huskies_words "--watch --allow-sudo --dry-run --project --json --quiet --help -h"; else _huskies_words "systemd cron"; fi ;;
        "service uninstall") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_words "systemd cron"; fi ;;
        "service show") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_words "systemd cron"; fi ;;
        "completion") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_words "bash zsh fish"; fi ;;
        "help") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_offers pages; fi ;;
        "mcp") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else :; fi ;;
        "timer add") if [[ $cur == -* ]]; then _huskies_words "--at --in --every --cron --tz --label --catch-up --tool --args --prompt --project --json --quiet --help -h"; else :; fi ;;
        "timer list") if [[ $cur == -* ]]; then _huskies_words "--all --project --json --quiet --help -h"; else :; fi ;;
        "timer cancel") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_offers timers; fi ;;
        "trigger add") if [[ $cur == -* ]]; then _huskies_words "--story --label --type --event --from --to --once --tool --args --prompt --project --json --quiet --help -h"; else :; fi ;;
        "trigger list") if [[ $cur == -* ]]; then _huskies_words "--all --project --json --quiet --help -h"; else :; fi ;;
        "trigger cancel") if [[ $cur == -* ]]; then _huskies_words "--project --json --quiet --help -h"; else _huskies_offers triggers; fi ;;
        "watch") if [[ $cur == -* ]]; then _huskies_words "--interval --no-ui --project --json --quiet --help -h"; else :; fi ;;
        "tick") if [[ $cur == -* ]]; then _huskies_words "--dry-run --wait --project --json --quiet --help -h"; else :; fi ;;
        "reconcile") if [[ $cur == -* ]]; then _huskies_words "--dry-run --wait --project --json --quiet --help -h"; else :; fi ;;
        "auto-assign") if [[ $cur == -* ]]; then _huskies_words "--dry-run --wait --project --json --quiet --help -h"; else :; fi ;;
        "watchdog") if [[ $cur == -* ]]; then _huskies_words "--dry-run --wait --project --json --quiet --help -h"; else :; fi ;;
        "gc") if [[ $cur == -* ]]; then _huskies_words "--dry-run --wait --project --json --quiet --help -h"; else :; fi ;;
        "worktrees") if [[ $cur == -* ]]; then _huskies_words "--dry-run --wait --project --json --quiet --help -h"; else :; fi ;;
        "archive-done") if [[ $cur == -* ]]; then _huskies_words "--dry-run --wait --project --json --quiet --help -h"; else :; fi ;;
        "cost-rollup") if [[ $cur == -* ]]; then _huskies_words "--dry-run --wait --project --json --quiet --help -h"; else :; fi ;;
        "merge-recovery") if [[ $cur == -* ]]; then _huskies_words "--dry-run --wait --project --json --quiet --help -h"; else :; fi ;;
        "merge-block") if [[ $cur == -* ]]; then _huskies_words "--dry-run --wait --project --json --quiet --help -h"; else :; fi ;;
        "audit-log") if [[ $cur == -* ]]; then _huskies_words "--dry-run --wait --project --json --quiet --help -h"; else :; fi ;;
        "fire-timers") if [[ $cur == -* ]]; then _huskies_words "--dry-run --wait --project --json --quiet --help -h"; else :; fi ;;
        "fire-triggers") if [[ $cur == -* ]]; then _huskies_words "--dry-run --wait --project --json --quiet --help -h"; else :; fi ;;
        "notify") if [[ $cur == -* ]]; then _huskies_words "--dry-run --wait --test --list --project --json --quiet --help -h"; else :; fi ;;
        "relay") if [[ $cur == -* ]]; then _huskies_words "--dry-run --wait --project --json --quiet --help -h"; else :; fi ;;
    esac
}

complete -F _huskies huskies
