"""The passes. Each has a module with a plan, which only reads, and a function that applies its steps.

`pass_sequence` runs them in the order of reconcile, tick and the end of a run; `pass_runner` runs one pass; `due`
returns whether any pass is due.
"""
