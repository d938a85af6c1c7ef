"""What converges: one module a pass, each a plan (pure, from what is known) and an apply. `ordering` runs them in the
orders that reconcile, tick and advance promise; `running` runs one, alone and isolated; `due` asks if any is due."""
