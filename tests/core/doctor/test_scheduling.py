"""Whether anything ticks, and what is installed to."""

import json
from pathlib import Path

from huskies_core.context import Context
from huskies_core.doctor.scheduling import look_at_services
from huskies_core.operations.services import inspect, install
from huskies_core.passes import pass_sequence
from huskies_core.pipeline.events import Start
from huskies_core.services.service import ServiceJob, ServiceKind
from support.checks import seen
from support.contexts import Clock
from support.crontabs import OwnCrontab
from support.stories import add_story, fire_event


def test_a_project_that_rests_needs_no_tick_and_one_with_a_story_under_way_does(
    context: Context, clock: Clock
) -> None:
    add_story(context.store)
    assert seen(look_at_services, context) == {}
    fire_event(context.store, 1, Start())
    assert seen(look_at_services, context) == {
        "ticking": "no tick in the last two minutes, with 1 story under way"
    }
    pass_sequence.watchdog(context)
    assert seen(look_at_services, context) == {}
    clock.pass_by(minutes=5)
    assert "ticking" in seen(look_at_services, context)


def test_a_service_that_does_not_tick_or_is_not_what_it_was_is_told(
    context: Context, crontab: OwnCrontab
) -> None:
    install(context, ServiceKind.CRON, ServiceJob.TICK)
    silent = {"ticking": "no tick in the last two minutes, though a service is there"}
    context.environ = {**context.environ, "LANG": "de_DE.UTF-8"}
    assert seen(look_at_services, context) == silent
    crontab.write((crontab.read() or b"").replace(b"* * * * *", b"*/9 * * * *"))
    differs = "it is not what would be installed now; 'huskies service show cron' shows how"
    assert seen(look_at_services, context) == silent | {"service cron": differs}
    crontab.write(b"")
    halved = "it is installed and not in force (tick)"
    assert seen(look_at_services, context) == silent | {"service cron": halved}


def test_what_puts_a_service_right_keeps_its_flags(context: Context) -> None:
    """The unit is where an install that was killed leaves it: nothing starts it."""
    for part in inspect(context, ServiceKind.SYSTEMD, ServiceJob.WATCH, may_sudo=True).parts:
        place = Path(part.place)
        place.parent.mkdir(parents=True, exist_ok=True)
        if part.wanted is not None:
            place.write_text(part.wanted)
    (unwell,) = (check for check in look_at_services(context) if check.name == "service systemd")
    assert unwell.fix == "Run 'huskies service install systemd --watch --allow-sudo'."


def test_a_crontab_that_cannot_be_read_is_told(context: Context, crontab: OwnCrontab) -> None:
    crontab.refuse()
    add_story(context.store)
    fire_event(context.store, 1, Start())
    found = seen(look_at_services, context)
    assert ("not allowed" in found["services"], "ticking" in found) == (True, True)


def test_an_mcp_file_of_a_program_that_is_gone_is_told(context: Context) -> None:
    place = context.project.root / ".mcp.json"
    servers = {"huskies": {"type": "stdio", "command": "/gone/huskies", "args": ["mcp"]}}
    place.write_text(json.dumps({"mcpServers": servers}))
    assert seen(look_at_services, context) == {"mcp": ".mcp.json has /gone/huskies, which is not there"}
    place.write_text('{"mcpServers": {"other": {}}}')
    assert seen(look_at_services, context) == {}
