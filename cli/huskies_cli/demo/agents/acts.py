"""What every scripted agent does: it speaks, runs programs in its worktree, and reports what it used."""

import json
import subprocess
import sys

_CHARACTERS_PER_TOKEN = 4
_USD_PER_TOKEN = 3e-6


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def git(*args: str) -> str:
    return _run("git", *args)


def huskies(*args: str) -> None:
    """Reports to the project: the `huskies` on an agent's PATH knows the run it is called from."""
    _run("huskies", *args)


def commit(message: str) -> None:
    git("add", "--all")
    git("commit", "--quiet", "--message", message)


def report_usage(prompt: str, *, written: int, tool_turns: int) -> None:
    """The record that huskies counts. A script spends nothing: its tokens are characters, at a made-up price."""
    tokens_in, tokens_out = len(prompt) // _CHARACTERS_PER_TOKEN, written // _CHARACTERS_PER_TOKEN
    usage = {
        "model": "script",
        "input_tokens": tokens_in,
        "output_tokens": tokens_out,
        "cost_usd": round((tokens_in + tokens_out) * _USD_PER_TOKEN, 6),
        "turns": tool_turns + 1,
        "tool_turns": tool_turns,
    }
    say(json.dumps({"usage": usage}))


def _run(*command: str) -> str:
    """Raises CalledProcessError with what the program complained of on our own stderr."""
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
    done.check_returncode()
    return done.stdout
