"""Usage of a run by the reader's counts and the prices."""

import json
from collections.abc import Mapping

from huskies_core.ids import RunId
from huskies_core.runtimes import claude_code, command
from huskies_core.runtimes.runtime import Price, Reader
from huskies_core.supervisor.progress import measure
from huskies_core.supervisor.records import Limits, RunSpec, Usage


def spec(model: str, **prices: Price) -> RunSpec:
    return RunSpec(RunId(1), "/", (), {}, Limits(), "command", (), model=model, prices=prices)


def read(reader: Reader, *events: Mapping[str, object]) -> Reader:
    for event in events:
        reader.feed(json.dumps(event).encode())
    return reader


def test_usage_without_a_model_is_added_to_the_agents_model() -> None:
    records = ({"input_tokens": 100, "cost_usd": 0.5}, {"model": "m", "input_tokens": 7, "cost_usd": 0.25})
    reader = read(command.make_reader(), *({"usage": record} for record in records))
    progress = measure("", reader, spec("m"))
    assert (progress.usage, progress.cost_usd) == ({"m": Usage(107, cost_usd=0.75)}, 0.75)


def test_the_cost_that_a_program_reports_at_its_end_replaces_the_estimate() -> None:
    used = {"input_tokens": 1000, "output_tokens": 10}
    message = {"type": "assistant", "message": {"id": "a", "model": "opus", "content": [], "usage": used}}
    final = {"opus[1m]": {"inputTokens": 1000, "outputTokens": 10, "costUSD": 0.01}}
    reader = claude_code.make_reader()
    run_spec = spec("opus", opus=Price(100, 100))
    before = measure("", read(reader, message), run_spec)
    after = measure(
        "", read(reader, {"type": "result", "total_cost_usd": 0.01, "modelUsage": final}), run_spec
    )
    assert (before.usage, before.cost_usd) == ({"opus": Usage(1000, 10, cost_usd=0.101)}, 0.101)
    assert (after.usage, after.cost_usd) == ({"opus[1m]": Usage(1000, 10, cost_usd=0.01)}, 0.01)
