"""The command line of Huskies. `main` is the entry point, `fast` runs the two commands that cron and runs call, and
`app` builds the others with Typer. `output` prints the result of a command, `render` formats it, and `failures` turns
exceptions into one line and an exit code."""
