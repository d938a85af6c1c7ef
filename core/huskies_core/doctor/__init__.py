"""The checks of `huskies doctor`, which `examination` runs subject by subject. Checks change nothing; a check that has
a `repair` can be fixed without losing data."""
