"""The checks of `huskies doctor`: one module per subject, which `examination` calls in turn. Checks change nothing; a
check that has a `repair` can be fixed without losing data."""
