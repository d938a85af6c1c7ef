"""Decide the next step of each story: a snapshot of the project, the policy, the blockers and the retry rules."""
