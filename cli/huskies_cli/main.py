"""The console script. It imports next to nothing: cron calls it every minute, and mostly nothing is due."""

import os
import sys

from huskies_cli.session import Session


def main(argv: list[str] | None = None) -> int:
    """Runs `argv` (by default the process's own) and gives the exit code. The one error boundary."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    session = Session()
    _occupy_standard_streams()
    try:
        return _answer(arguments, session)
    except (KeyboardInterrupt, Exception) as error:
        from huskies_cli.failures import report

        return report(error, arguments, session)


def _answer(arguments: list[str], session: Session) -> int:
    if arguments[:1] == ["__complete"]:
        from huskies_cli.completer import complete

        return complete(arguments[1:])
    from huskies_cli import fast

    code = fast.tick(arguments) if "tick" in arguments else None
    if code is not None:
        return code
    _scrub_environment()
    code = fast.advance(arguments, session) if "advance" in arguments else None
    if code is not None:
        return code
    from huskies_cli.app import run

    return run(arguments, session)


def _scrub_environment() -> None:
    """A hook or an alias of git may call us with variables that bind git to its own repository."""
    if any(name.startswith("GIT_") for name in os.environ):
        from huskies_core.git.host import scrub_environment

        scrub_environment()


def _occupy_standard_streams() -> None:
    """A closed descriptor below 3 would go to the next file opened, and what is printed ends up in it."""
    for descriptor, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
            setattr(sys, name, os.fdopen(descriptor, mode, closefd=False))


if __name__ == "__main__":
    sys.exit(main())
