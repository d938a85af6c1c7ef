"""A scripted model on the loopback interface, for the real command lines of coding agents.

Messages as Anthropic's API streams them. The path `/v1/responses` is OpenAI's API."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USAGE = {
    "input_tokens": 1000,
    "cache_creation_input_tokens": 100,
    "cache_read_input_tokens": 2000,
    "output_tokens": 50,
}


@dataclass(frozen=True)
class Question:
    """The input of a model: the first prompt of the session, the text after its last answer, and the number of its
    answers.

    `is_result`: the text is the result of a tool.
    """

    prompt: str
    last: str
    answered: int
    tools: tuple[str, ...] = ()
    is_result: bool = False


@dataclass(frozen=True)
class Answer:
    """A text, and possibly the call of a tool with its input. `pause` is a silence before it, in seconds."""

    text: str = ""
    tool: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    pause: float = 0.0


@dataclass(frozen=True)
class Failure:
    """An error of the service, such as 429; `more` joins the error that OpenAI's clients get."""

    status: int
    kind: str = "api_error"
    message: str = "no"
    headers: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)


Model = Callable[[Question], Answer | Failure]


@contextmanager
def model_server(model: Model) -> Iterator[str]:
    """Yield the address of a server that answers with `model`, and stop it afterwards."""
    is_closed = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(model, is_closed))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        is_closed.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _handler_of(model: Model, is_closed: threading.Event) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        def answer(self, asked: Question) -> Answer | Failure:
            answer = model(asked)
            if isinstance(answer, Answer) and answer.pause:
                is_closed.wait(answer.pause)
            return answer

    return Handler


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, asked: Question) -> Answer | Failure:
        raise NotImplementedError

    def log_message(self, *_: Any) -> None:
        """Log nothing: tests read the output of the agents."""

    def do_HEAD(self) -> None:
        self._send(200, {})

    def do_GET(self) -> None:
        self._send(200, {"data": [], "models": []})

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
        if self.path.startswith("/v1/responses"):
            self._respond(request)
        elif "/messages" not in self.path or "count_tokens" in self.path:
            self._send(200, {"input_tokens": 10})
        else:
            self._message(request)

    def _message(self, request: Mapping[str, Any]) -> None:
        answer = self.answer(_asked_of_claude(request)) if request.get("tools") else Answer("A title")
        if isinstance(answer, Failure):
            self._send(answer.status, _error(answer), answer.headers)
            return
        blocks = _claude_blocks(answer, len(request["messages"]))
        message = {
            "id": f"msg_{len(request['messages'])}_{time.monotonic_ns()}",
            "type": "message",
            "role": "assistant",
            "model": request["model"],
            "content": blocks,
            "stop_reason": "tool_use" if answer.tool else "end_turn",
            "stop_sequence": None,
            "usage": USAGE,
        }
        if request.get("stream"):
            self._stream(_claude_events(message))
        else:
            self._send(200, message)

    def _respond(self, request: Mapping[str, Any]) -> None:
        answer = self.answer(_asked_of_codex(request))
        if isinstance(answer, Failure):
            error = {"type": answer.kind, "message": answer.message, **answer.more}
            self._send(answer.status, {"error": error}, answer.headers)
            return
        self._stream(_codex_events(answer))

    def _send(
        self, status: int, document: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self._write(body)

    def _stream(self, events: Sequence[Mapping[str, Any]]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for event in events:
            self._write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        self.close_connection = True

    def _write(self, data: bytes) -> None:
        """Ignore an agent that was killed and does not read."""
        try:
            self.wfile.write(data)
            self.wfile.flush()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


def _error(answer: Failure) -> dict[str, Any]:
    return {"type": "error", "error": {"type": answer.kind, "message": answer.message}}


def _asked_of_claude(request: Mapping[str, Any]) -> Question:
    messages = request["messages"]
    answered = sum(message["role"] == "assistant" for message in messages)
    tools = tuple(tool["name"] for tool in request["tools"])
    contents = [message["content"] for message in _since_last_answer(messages)]
    blocks = (block for content in contents if isinstance(content, list) for block in content)
    is_result = any(block.get("type") == "tool_result" for block in blocks)
    return Question(
        _text(messages[0]["content"]), "\n".join(map(_text, contents)), answered, tools, is_result
    )


def _since_last_answer(messages: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Return the messages that are new to the model. The program adds some, such as that an MCP server is not ready."""
    answers = [index for index, message in enumerate(messages) if message["role"] == "assistant"]
    return messages[answers[-1] + 1 :] if answers else messages


def _claude_blocks(answer: Answer, number: int) -> list[dict[str, Any]]:
    words: list[dict[str, Any]] = [{"type": "text", "text": answer.text}] if answer.text else []
    call = {"type": "tool_use", "id": f"toolu_{number}", "name": answer.tool, "input": dict(answer.arguments)}
    return [*words, *([call] if answer.tool else [])]


def _claude_events(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}}
    ]
    for index, block in enumerate(message["content"]):
        if block["type"] == "text":
            empty: dict[str, Any] = {"type": "text", "text": ""}
            delta = {"type": "text_delta", "text": block["text"]}
        else:
            empty = {**block, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        events += [
            {"type": "content_block_start", "index": index, "content_block": empty},
            {"type": "content_block_delta", "index": index, "delta": delta},
            {"type": "content_block_stop", "index": index},
        ]
    stop = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    spent = {"output_tokens": USAGE["output_tokens"]}
    return [*events, {"type": "message_delta", "delta": stop, "usage": spent}, {"type": "message_stop"}]


def _asked_of_codex(request: Mapping[str, Any]) -> Question:
    """Return the question of a request. Instructions are messages, too: the prompt is the last message of the user
    before the first answer."""
    items = request["input"]
    answers = [index for index, item in enumerate(items) if _is_answer(item)]
    before = items[: answers[0]] if answers else items
    prompts = [_text(item["content"]) for item in before if item.get("role") == "user"]
    last = items[-1]
    answer = _text(last["content"]) if "content" in last else json.dumps(last.get("output"))
    answered = sum(1 for index in answers if index - 1 not in answers)
    tools = tuple(tool.get("name", tool["type"]) for tool in request.get("tools", ()))
    return Question(prompts[-1] if prompts else "", answer, answered, tools, "output" in last)


def _is_answer(item: Mapping[str, Any]) -> bool:
    return item.get("role") == "assistant" or item.get("type") in ("function_call", "custom_tool_call")


def _codex_events(answer: Answer) -> list[dict[str, Any]]:
    number = time.monotonic_ns()
    items: list[dict[str, Any]] = []
    if answer.text:
        words = {"type": "output_text", "text": answer.text, "annotations": []}
        items.append({"type": "message", "role": "assistant", "id": f"m{number}", "content": [words]})
    if answer.tool:
        items.append(
            {
                "type": "function_call",
                "id": f"f{number}",
                "call_id": f"c{number}",
                "name": answer.tool,
                "arguments": json.dumps(dict(answer.arguments)),
            }
        )
    usage = {
        "input_tokens": 1000,
        "input_tokens_details": {"cached_tokens": 400},
        "output_tokens": 50,
        "output_tokens_details": {"reasoning_tokens": 10},
        "total_tokens": 1050,
    }
    response = {"id": f"r{number}", "object": "response"}
    done = [
        {"type": "response.output_item.done", "output_index": index, "item": item}
        for index, item in enumerate(items)
    ]
    end = {"type": "response.completed", "response": {**response, "usage": usage}}
    return [{"type": "response.created", "response": response}, *done, end]


def _text(content: object) -> str:
    """Return the text of a message, and of the tool results in it."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    return "\n".join(_text(block.get("text", block.get("content", ""))) for block in blocks)
