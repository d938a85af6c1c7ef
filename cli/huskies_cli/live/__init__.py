"""The board of `watch` on a terminal: `looking` is its loop, `terminal` the screen and the keyboard, `passing` the
passes in a thread of their own, `current` what is known of the project; the pages say in rows what is to be seen, and
`layout` fits rows to a screen."""
