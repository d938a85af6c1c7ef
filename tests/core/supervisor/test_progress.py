"""What a run has used so far, by the reader's counts and the prices."""

import json
from collections.abc import Mapping

from huskies_core.ids import RunId
from huskies_core.runtimes import claude_code, command
from huskies_core.runtimes.runtime import Price, Reader
from huskies_core.supervisor.progress import measure
from huskies_core.supervisor.records import Usage
from huskies_core.supervisor.spec import Limits, RunSpec


def spec(model: str, **prices: Price) -> RunSpec:
    return RunSpec(RunId(1), "/", (), {}, Limits(), "command", (), model=model, prices=prices)


def read(reader: Reader, *events: Mapping[str, object]) -> Reader:
    for event in events:
        reader.feed(json.dumps(event).encode())
    return reader


def test_what_names_no_model_joins_what_names_the_agent_s() -> None:
    records = ({"input_tokens": 100, "cost_usd": 0.5}, {"model": "m", "input_tokens": 7, "cost_usd": 0.25})
    reader = read(command.make_reader(), *({"usage": record} for record in records))
    told = measure("", reader, spec("m"))
    assert (told.usage, told.cost_usd) == ({"m": Usage(107, cost_usd=0.75)}, 0.75)


def test_the_money_that_a_program_tells_at_its_end_takes_the_place_of_the_estimate() -> None:
    used = {"input_tokens": 1000, "output_tokens": 10}
    said = {"type": "assistant", "message": {"id": "a", "model": "opus", "content": [], "usage": used}}
    final = {"opus[1m]": {"inputTokens": 1000, "outputTokens": 10, "costUSD": 0.01}}
    reader = claude_code.make_reader()
    wanted = spec("opus", opus=Price(100, 100))
    before = measure("", read(reader, said), wanted)
    after = measure("", read(reader, {"type": "result", "total_cost_usd": 0.01, "modelUsage": final}), wanted)
    assert (before.usage, before.cost_usd) == ({"opus": Usage(1000, 10, cost_usd=0.101)}, 0.101)
    assert (after.usage, after.cost_usd) == ({"opus[1m]": Usage(1000, 10, cost_usd=0.01)}, 0.01)
