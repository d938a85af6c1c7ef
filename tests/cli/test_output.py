"""The JSON envelope, and the output of results on stdout and stderr."""

import json

import pytest

from huskies_cli.output import ErrorItem, Result, Stream, envelope, fail, finish
from huskies_cli.session import Session
from huskies_core.errors import HuskiesError, LockBusy

NOT_FOUND = ErrorItem("not_found", "no story 9", "See 'huskies list'.", "9")


def make_session(*, json: bool = False, quiet: bool = False) -> Session:
    session = Session()
    session.command, session.json, session.quiet = "start", json, quiet
    return session


def test_the_envelope_has_exactly_these_keys() -> None:
    result = Result(data={"id": 1}, errors=(NOT_FOUND,), done=1)
    assert json.loads(json.dumps(envelope(result, "start"))) == {
        "huskies_json": 1,
        "command": "start",
        "status": "partial",
        "exit_code": 1,
        "data": {"id": 1},
        "errors": [
            {"code": "not_found", "message": "no story 9", "hint": "See 'huskies list'.", "subject": "9"}
        ],
    }


@pytest.mark.parametrize(
    ("errors", "done", "status", "code"),
    [
        ((), 0, "ok", 0),
        ((), 2, "ok", 0),
        ((NOT_FOUND,), 1, "partial", 1),
        ((NOT_FOUND,), 0, "error", 1),
    ],
)
def test_the_status_of_several_items_is_ok_partial_or_error(
    errors: tuple[ErrorItem, ...], done: int, status: str, code: int
) -> None:
    result = Result({}, "", errors, done=done)
    assert (result.status, result.code) == (status, code)


def test_data_goes_to_stdout_and_talk_and_errors_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    result = Result(text="one\n", errors=(NOT_FOUND,), done=1, messages=("no tick lately",))
    loud = finish(result, make_session()), *capsys.readouterr()
    quiet = finish(result, make_session(quiet=True)), *capsys.readouterr()
    assert loud == (1, "one\n", "huskies: no story 9\n  See 'huskies list'.\nno tick lately\n")
    assert quiet == (1, "one\n", "huskies: no story 9\n  See 'huskies list'.\n")


def test_an_empty_result_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert (finish(Result(), make_session()), *capsys.readouterr()) == (0, "", "")


def test_control_characters_are_stripped_for_people_and_kept_for_programs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = "a\x1b[31mb\x07\n"
    finish(Result(data={"t": text}, text=text, messages=(text,)), make_session())
    people = capsys.readouterr()
    finish(Result(data={"t": text}, text=text), make_session(json=True))
    assert (people.out, people.err) == ("ab\n", "ab\n")
    assert json.loads(capsys.readouterr().out)["data"]["t"] == text


def test_text_is_drawn_only_when_it_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    drawn: list[str] = []

    def draw() -> str:
        drawn.append("drawn")
        return "a table"

    finish(Result(text=draw), make_session(json=True))
    with_json = list(drawn)
    finish(Result(text=draw), make_session())
    assert (with_json, drawn, capsys.readouterr().out.splitlines()[-1]) == ([], ["drawn"], "a table")


def test_an_error_is_one_line_with_its_own_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    error = HuskiesError("bad\ntitle \x1b[1m", hint="Use one line.", code="invalid_title")
    code = fail(error, make_session()), fail(LockBusy("busy", hint=""), make_session())
    assert (code, *capsys.readouterr()) == (
        (1, 75),
        "",
        "huskies: bad title\n  Use one line.\nhuskies: busy\n",
    )


def test_a_stream_that_fails_prints_no_envelope_after_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    session = make_session(json=True)
    finish(Stream([{"seq": 1}], str), session)
    fail(HuskiesError("the log is missing"), session)
    assert capsys.readouterr() == ('{"seq": 1}\n', "huskies: the log is missing\n")
