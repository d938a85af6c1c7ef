"""The console script. It imports little: cron runs it every minute, and usually no pass is due."""

import os
import sys

from huskies_cli.session import Session


def main(argv: list[str] | None = None) -> int:
    """Run `argv`, by default that of the process, and return the exit code. All exceptions end here."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    session = Session()
    _occupy_standard_streams()
    try:
        return _run(arguments, session)
    except (KeyboardInterrupt, Exception) as error:
        from huskies_cli.failures import report

        return report(error, arguments, session)


def _run(arguments: list[str], session: Session) -> int:
    if arguments[:1] == ["__complete"]:
        from huskies_cli.completer import complete

        return complete(arguments[1:])
    from huskies_cli import fast

    code = fast.tick(arguments) if "tick" in arguments else None
    if code is not None:
        return code
    _scrub_environment()
    _ignore_odd_sizes()
    code = fast.advance(arguments, session) if "advance" in arguments else None
    if code is not None:
        return code
    from huskies_cli.app import run

    return run(arguments, session)


def _scrub_environment() -> None:
    """Remove the variables by which a hook or an alias of git binds git to its own repository."""
    if any(name.startswith("GIT_") for name in os.environ):
        from huskies_core.git.host import scrub_environment

        scrub_environment()


def _ignore_odd_sizes() -> None:
    """Remove the variables with a size of the terminal that is no number, or that no terminal has.

    Rich and Typer use any number, and fail at other texts. 0 is the size of an unknown terminal.
    """
    for name, least in (("COLUMNS", 20), ("LINES", 1), ("TERMINAL_WIDTH", 20)):
        size = os.environ.get(name, "")
        if not (size.isascii() and size.isdigit() and len(size) < 5 and least <= int(size) <= 1000):
            os.environ.pop(name, None)


def _occupy_standard_streams() -> None:
    """Open /dev/null for each closed standard stream: else the next file opened gets its descriptor, and output."""
    for descriptor, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
            setattr(sys, name, os.fdopen(descriptor, mode, closefd=False))


if __name__ == "__main__":
    sys.exit(main())
