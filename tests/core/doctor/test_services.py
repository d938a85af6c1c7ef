"""Recent ticks and installed services."""

import json
from pathlib import Path

from huskies_core.context import Context
from huskies_core.doctor.services import check_services
from huskies_core.operations.services import inspect, install
from huskies_core.passes import pass_sequence
from huskies_core.pipeline.events import Start
from huskies_core.services.service import ServiceJob, ServiceKind
from support.checks import problems_of
from support.contexts import Clock
from support.crontabs import OwnCrontab
from support.stories import add_story, apply_to_story


def test_only_a_story_in_progress_needs_ticks(context: Context, clock: Clock) -> None:
    add_story(context.store)
    assert problems_of(check_services, context) == {}
    apply_to_story(context.store, 1, Start())
    assert problems_of(check_services, context) == {
        "ticking": "no tick in the last two minutes, and 1 story in progress"
    }
    pass_sequence.watchdog(context)
    assert problems_of(check_services, context) == {}
    clock.pass_by(minutes=5)
    assert "ticking" in problems_of(check_services, context)


def test_a_service_that_does_not_tick_or_was_changed_is_a_problem(
    context: Context, crontab: OwnCrontab
) -> None:
    install(context, ServiceKind.CRON, ServiceJob.TICK)
    silent = {"ticking": "no tick in the last two minutes, but a service is installed"}
    context.environ = {**context.environ, "LANG": "de_DE.UTF-8"}
    assert problems_of(check_services, context) == silent
    crontab.write((crontab.read() or b"").replace(b"* * * * *", b"*/9 * * * *"))
    differs = "the installed service is out of date; compare with 'huskies service show cron'"
    assert problems_of(check_services, context) == silent | {"service cron": differs}
    crontab.write(b"")
    halved = "the service is installed but not active (tick)"
    assert problems_of(check_services, context) == silent | {"service cron": halved}


def test_the_fix_of_a_service_keeps_its_flags(context: Context) -> None:
    """The unit is installed but not enabled, as after a killed install."""
    for part in inspect(context, ServiceKind.SYSTEMD, ServiceJob.WATCH, may_sudo=True).parts:
        path = Path(part.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if part.expected is not None:
            path.write_text(part.expected)
    (check,) = (check for check in check_services(context) if check.name == "service systemd")
    assert check.fix == "Run 'huskies service install systemd --watch --allow-sudo'."


def test_an_unreadable_crontab_is_a_problem(context: Context, crontab: OwnCrontab) -> None:
    crontab.refuse()
    add_story(context.store)
    apply_to_story(context.store, 1, Start())
    problems = problems_of(check_services, context)
    assert ("not allowed" in problems["services"], "ticking" in problems) == (True, True)


def test_an_mcp_file_with_a_missing_program_is_a_problem(context: Context) -> None:
    path = context.project.root / ".mcp.json"
    servers = {"huskies": {"type": "stdio", "command": "/missing/huskies", "args": ["mcp"]}}
    path.write_text(json.dumps({"mcpServers": servers}))
    assert problems_of(check_services, context) == {
        "mcp": ".mcp.json has /missing/huskies, which does not exist"
    }
    path.write_text('{"mcpServers": {"other": {}}}')
    assert problems_of(check_services, context) == {}
