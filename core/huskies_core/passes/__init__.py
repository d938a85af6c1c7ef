"""The passes: one module each, with a plan that only reads and the way to apply it.

`pass_sequence` runs them in the order of reconcile, tick and the end of a run; `pass_runner` runs one; `due` returns
whether any is due.
"""
