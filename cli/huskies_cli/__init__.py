"""The command line of Huskies. `main` answers the process, `fast` the two commands that cron and runs call,
`app` builds everything else from the table in `commands`; `output` prints what a command returns, `render`
makes it readable, `failures` turns errors into one line and an exit code."""
