"""The demo: `project` and `patches` are what its scripted agents (`agents`) work on, `scenery` makes the throw-away
repository, `stories` says what is to happen, `performance` runs the passes, `telling` says what they did, `checks`
holds it against what was promised, and `closing` draws the end."""
