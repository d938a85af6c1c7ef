"""Prepare, start, stop and record runs: their steps, prompts, sandbox, sessions and usage."""
