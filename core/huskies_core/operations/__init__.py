"""What a person, an agent or a program may ask for: typed arguments in, frozen records out, nothing printed.
Each operation checks its arguments inside the one transaction that writes; git is asked before it."""
