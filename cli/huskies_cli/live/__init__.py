"""The board of `watch` on a terminal. `screen_loop` reads keys and draws; `terminal` is the screen and the keyboard;
`current` runs the passes in a thread and reads the state of the project. The pages return rows, and `layout` fits rows
to a screen."""
