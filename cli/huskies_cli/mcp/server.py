"""The MCP server: tools and resources over stdio, each call in a thread of its own.

A client that closes our input, or a signal, ends it; what a call has begun is a run of its own by then, or is found and
finished by a pass, as after any death.
"""

import signal
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import anyio
from anyio import to_thread
from mcp import MCPError
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextContent,
    TextResourceContents,
    Tool,
    ToolAnnotations,
)

from huskies_cli.mcp import calls
from huskies_core.errors import HuskiesError
from huskies_core.operations import registry
from huskies_core.operations.operation import Operation
from huskies_core.operations.schema import schema_of

Given = TypeVar("Given")
_JSON = "application/json"
_MOST_AT_ONCE = 16
"""Long calls that are at work at the same time, and as many others; the rest wait for one of their kind."""
_PROGRESS_SECS = 1.0
_INSTRUCTIONS = """\
Huskies moves stories through a pipeline: an agent codes each in its own git worktree, gates and QA judge the work, a \
merge queue lands it on the base branch. pipeline_status is the board; explain says why a story stands where it does, \
and which command would help. create_story with start makes one and has it coded; show_story tells how far it is. What \
follows is done by runs in the background and by a tick of the project: look again after some seconds.
"""


def serve(start: Path) -> None:
    """Answers until the client closes our standard input."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # Reading waits in a thread that only the death of the process ends.
        signal.signal(number, signal.SIG_DFL)
    anyio.run(_serve, start)


async def _serve(start: Path) -> None:
    server = _server(_Project(start))
    async with stdio_server() as (read_stream, write_stream):
        await server.run(read_stream, write_stream, server.create_initialization_options())


def _server(project: "_Project") -> Server[Any]:
    return Server(
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


class _Project:
    """What is asked of one project."""

    def __init__(self, start: Path) -> None:
        self._start = start
        self._short = anyio.CapacityLimiter(_MOST_AT_ONCE)
        self._long = anyio.CapacityLimiter(_MOST_AT_ONCE)

    async def list_tools(self, _: ServerRequestContext, __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=[_tool(tool) for tool in registry.tools().values()])

    async def call_tool(self, context: ServerRequestContext, wanted: CallToolRequestParams) -> CallToolResult:
        call = partial(calls.call, self._start, wanted.name, wanted.arguments or {})
        tool = registry.tools().get(wanted.name)
        is_long = tool is not None and tool.long
        async with anyio.create_task_group() as beside:
            if is_long:
                beside.start_soon(_tell_progress, context, wanted.name)
            answer = await to_thread.run_sync(call, limiter=self._long if is_long else self._short)
            beside.cancel_scope.cancel()
        return CallToolResult(
            content=[TextContent(type="text", text=answer.text)],
            structured_content=dict(answer.document),
            is_error=answer.failed,
        )

    async def list_resources(
        self, _: ServerRequestContext, __: PaginatedRequestParams | None
    ) -> ListResourcesResult:
        board = Resource(uri=calls.BOARD, name="board", title="The board", mime_type=_JSON)
        found = await self._asked(lambda: list(calls.open_stories(self._start)))
        stories = [Resource(uri=uri, name=name, title=title, mime_type=_JSON) for uri, name, title in found]
        return ListResourcesResult(resources=[board, *stories])

    async def list_templates(
        self, _: ServerRequestContext, __: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        told = "A story by its id, whatever its stage: fields, criteria, history, runs and usage."
        story = ResourceTemplate(uri_template=calls.STORY, name="story", description=told, mime_type=_JSON)
        return ListResourceTemplatesResult(resource_templates=[story])

    async def read_resource(
        self, _: ServerRequestContext, wanted: ReadResourceRequestParams
    ) -> ReadResourceResult:
        uri = str(wanted.uri)
        text = await self._asked(lambda: calls.read(self._start, uri))
        return ReadResourceResult(contents=[TextResourceContents(uri=uri, mime_type=_JSON, text=text)])

    async def _asked(self, work: Callable[[], Given]) -> Given:
        """A resource has no answer that says what is wrong: the protocol's own error does."""
        try:
            return await to_thread.run_sync(work, limiter=self._short)
        except HuskiesError as error:
            told = f"{error.message} ({error.code}). {error.hint}".rstrip()
            raise MCPError(INVALID_PARAMS, told) from error


async def _tell_progress(context: ServerRequestContext, name: str) -> None:
    """Seconds that a long call has taken so far; to nobody where the client did not ask for it."""
    began = time.monotonic()
    while True:
        await context.session.report_progress(
            round(time.monotonic() - began, 1), message=f"{name} is at work"
        )
        await anyio.sleep(_PROGRESS_SECS)


def _tool(operation: Operation[Any, Any]) -> Tool:
    hints = ToolAnnotations(
        read_only_hint=not operation.writes, destructive_hint=False, open_world_hint=False
    )
    return Tool(
        name=operation.tool,
        description=operation.description,
        input_schema=schema_of(operation),
        annotations=hints,
    )
