"""Looking a project over: one module a subject, each yielding what it looked at; `examining` asks them in turn, and
nothing of it changes anything. What is safe to put right is a check's own `mend`, called by who wants it."""
