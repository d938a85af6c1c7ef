"""A client of the MCP server, for tests without an event loop."""

import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import anyio
from mcp import ClientSession, StdioServerParameters, stdio_client

from support.cli import HUSKIES

T = TypeVar("T")
_AT_MOST_SECS = 90.0


def call_server(root: Path, questions: Callable[[ClientSession], Awaitable[T]], *, log: Path) -> T:
    """Return the result of `questions` in an open session, after the server has ended. Its stderr is in `log`."""

    async def ask() -> T:
        with anyio.fail_after(_AT_MOST_SECS):
            async with session(root, log) as client:
                return await questions(client)

    return anyio.run(ask)


@asynccontextmanager
async def session(root: Path, log: Path) -> AsyncIterator[ClientSession]:
    server = StdioServerParameters(
        command=sys.executable, args=[str(HUSKIES), "mcp"], cwd=root, env=dict(os.environ)
    )
    with log.open("a") as errors:
        async with stdio_client(server, errlog=errors) as streams, ClientSession(*streams) as client:
            await client.initialize()
            yield client


async def call(client: ClientSession, name: str, **arguments: Any) -> dict[str, Any]:
    """Return the structured answer of a tool, under `error` if it failed."""
    answer = await client.call_tool(name, arguments)
    content = dict(answer.structured_content)
    assert answer.is_error == ("error" in content), answer
    return content
