"""Decide what each story needs next: a snapshot of the project, the blockers, the retry rules and the agent to use."""
