"""The functions that all scripted agents share: print, run git and huskies, and report usage."""

import json
import subprocess
import sys

_CHARACTERS_PER_TOKEN = 4
_USD_PER_TOKEN = 3e-6


def print_line(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def git(*args: str) -> str:
    return _run("git", *args)


def huskies(*args: str) -> None:
    """Run huskies. The `huskies` on an agent's PATH knows the run that calls it."""
    _run("huskies", *args)


def commit(message: str) -> None:
    git("add", "--all")
    git("commit", "--quiet", "--message", message)


def report_usage(prompt: str, *, written: int, tool_turns: int) -> None:
    """Print the usage record. A script uses no tokens: they are computed from characters, with an invented price."""
    tokens_in, tokens_out = len(prompt) // _CHARACTERS_PER_TOKEN, written // _CHARACTERS_PER_TOKEN
    usage = {
        "model": "script",
        "input_tokens": tokens_in,
        "output_tokens": tokens_out,
        "cost_usd": round((tokens_in + tokens_out) * _USD_PER_TOKEN, 6),
        "turns": tool_turns + 1,
        "tool_turns": tool_turns,
    }
    print_line(json.dumps({"usage": usage}))


def _run(*command: str) -> str:
    """Return the output. If the program fails, print its output to stderr and raise CalledProcessError."""
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
    done.check_returncode()
    return done.stdout
