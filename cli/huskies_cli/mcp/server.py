"""The MCP server: tools and resources on standard input and output, each call in its own thread.

When the client closes the input, the server answers the requests that it has read, and ends. A signal ends it at once.
Runs that a call started continue; a pass finishes a call that was interrupted.
"""

import os
import select
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import anyio
from anyio import to_thread
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp import MCPError, types
from mcp.server.context import ServerRequestContext as Context
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.message import ServerMessageMetadata, SessionMessage

from huskies_cli.mcp import calls
from huskies_core.errors import HuskiesError
from huskies_core.operations import registry
from huskies_core.operations.operation import Operation
from huskies_core.operations.schema import schema_of

T = TypeVar("T")
_Requests = MemoryObjectReceiveStream[SessionMessage | Exception]
_Answers = MemoryObjectSendStream[SessionMessage]
_Page = types.PaginatedRequestParams | None
_JSON = "application/json"
_MOST_AT_ONCE = 16
"""The most long calls at the same time, and the most short ones; others wait."""
_PROGRESS_SECS = 1.0
_INSTRUCTIONS = """\
Huskies moves stories through a pipeline: an agent codes each in its own git worktree, gates and QA judge the work, a \
merge queue lands it on the base branch. pipeline_status is the board; explain reports why a story is in its stage, \
and which command helps. create_story with start creates a story and starts its coder; show_story reports its state. \
Runs in the background and a tick of the project do the rest: check again after some seconds.
"""


def serve(start: Path) -> None:
    """Serve until the client closes standard input, or no longer reads the answers."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # A thread reads standard input; only the end of the process ends it.
        signal.signal(number, signal.SIG_DFL)
    try:
        anyio.run(_serve, start)
    except* (BrokenPipeError, anyio.BrokenResourceError):
        pass  # The client closed standard output, so no answer can reach it.


async def _serve(start: Path) -> None:
    project = _Project(start)
    server: Server[Any] = Server(
        "huskies",
        version=version("huskies"),
        title="Huskies",
        instructions=_INSTRUCTIONS,
        on_list_tools=project.list_tools,
        on_call_tool=project.call_tool,
        on_list_resources=project.list_resources,
        on_list_resource_templates=project.list_templates,
        on_read_resource=project.read_resource,
    )
    output = os.dup(1)  # stdio_server replaces descriptor 1
    async with _streams() as (requests, answers):
        try:
            await server.run(requests, answers, server.create_initialization_options())
        finally:
            _end_without_reader(output)


def _end_without_reader(output: int) -> None:
    """End the process if the client closed standard output. All calls have ended; a thread waits for more input."""
    poll = select.poll()
    poll.register(output, 0)  # errors are always reported
    if poll.poll(0):
        os._exit(0)


@asynccontextmanager
async def _streams() -> AsyncIterator[tuple[_Requests, _Answers]]:
    """Yield standard input and output as streams of messages for the server.

    The server cancels the requests at work when its stream of requests ends. So that stream ends when standard input
    has ended and each request has its answer.
    """
    to_server, requests = anyio.create_memory_object_stream[SessionMessage | Exception]()
    answers, from_server = anyio.create_memory_object_stream[SessionMessage]()
    unanswered = _Unanswered()

    async def forward_requests() -> None:
        async with to_server:
            async for item in stdin:
                await to_server.send(unanswered.add(item))
            await unanswered.wait_until_empty()

    async def forward_answers() -> None:
        async with stdout:
            async for item in from_server:
                await stdout.send(item)
                await unanswered.remove(item)

    async with stdio_server() as (stdin, stdout), anyio.create_task_group() as group:
        group.start_soon(forward_requests)
        group.start_soon(forward_answers)
        yield requests, answers


class _Unanswered:
    """The number of requests that have neither an answer nor ended without one, as cancelled requests do.

    Requests are counted, not compared by their ids: a client may use an id twice, or cancel 5 as "5".
    """

    def __init__(self) -> None:
        self._number = 0
        self._changed = anyio.Condition()

    def add(self, item: SessionMessage | Exception) -> SessionMessage | Exception:
        """Count a request and return the message for the server, which then reports a request without an answer."""
        if not (isinstance(item, SessionMessage) and isinstance(item.message, types.JSONRPCRequest)):
            return item
        self._number += 1
        return SessionMessage(item.message, ServerMessageMetadata(on_request_unanswered=self._remove))

    async def remove(self, item: SessionMessage) -> None:
        """Remove the request of an answer."""
        if isinstance(item.message, types.JSONRPCResponse | types.JSONRPCError):
            await self._remove()

    async def wait_until_empty(self) -> None:
        async with self._changed:
            while self._number > 0:
                await self._changed.wait()

    async def _remove(self) -> None:
        async with self._changed:
            self._number -= 1
            self._changed.notify_all()


class _Project:
    """The answers to the requests for one project."""

    def __init__(self, start: Path) -> None:
        self._start = start
        self._short = anyio.CapacityLimiter(_MOST_AT_ONCE)
        self._long = anyio.CapacityLimiter(_MOST_AT_ONCE)

    async def list_tools(self, _: Context, __: _Page) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_tool(tool) for tool in registry.tools().values()])

    async def call_tool(self, context: Context, request: types.CallToolRequestParams) -> types.CallToolResult:
        call = partial(calls.call, self._start, request.name, request.arguments or {})
        tool = registry.tools().get(request.name)
        is_long = tool is not None and tool.long
        async with anyio.create_task_group() as group:
            if is_long:
                group.start_soon(_report_progress, context, request.name)
            answer = await to_thread.run_sync(call, limiter=self._long if is_long else self._short)
            group.cancel_scope.cancel()
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=answer.text)],
            structured_content=dict(answer.document),
            is_error=answer.failed,
        )

    async def list_resources(self, _: Context, __: _Page) -> types.ListResourcesResult:
        board = types.Resource(uri=calls.BOARD, name="board", title="The board", mime_type=_JSON)
        rows = await self._read(lambda: list(calls.open_stories(self._start)))
        stories = [
            types.Resource(uri=uri, name=name, title=title, mime_type=_JSON) for uri, name, title in rows
        ]
        return types.ListResourcesResult(resources=[board, *stories])

    async def list_templates(self, _: Context, __: _Page) -> types.ListResourceTemplatesResult:
        text = "A story by its id, in any stage: fields, criteria, history, runs and usage."
        story = types.ResourceTemplate(
            uri_template=calls.STORY, name="story", description=text, mime_type=_JSON
        )
        return types.ListResourceTemplatesResult(resource_templates=[story])

    async def read_resource(
        self, _: Context, request: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        uri = str(request.uri)
        text = await self._read(lambda: calls.read(self._start, uri))
        return types.ReadResourceResult(
            contents=[types.TextResourceContents(uri=uri, mime_type=_JSON, text=text)]
        )

    async def _read(self, work: Callable[[], T]) -> T:
        """Return the result of `work`. Raise MCPError for an error: a resource has no error of its own."""
        try:
            return await to_thread.run_sync(work, limiter=self._short)
        except HuskiesError as error:
            text = f"{error.message} ({error.code}). {error.hint}".rstrip()
            raise MCPError(types.INVALID_PARAMS, text) from error


async def _report_progress(context: Context, name: str) -> None:
    """Report the seconds of a long call until it ends. The session sends them only if the client asked for progress."""
    began = time.monotonic()
    while True:
        await context.session.report_progress(
            round(time.monotonic() - began, 1), message=f"{name} is running"
        )
        await anyio.sleep(_PROGRESS_SECS)


def _tool(operation: Operation[Any, Any]) -> types.Tool:
    hints = types.ToolAnnotations(
        read_only_hint=not operation.writes, destructive_hint=False, open_world_hint=False
    )
    return types.Tool(
        name=operation.tool,
        description=operation.description,
        input_schema=schema_of(operation),
        annotations=hints,
    )
