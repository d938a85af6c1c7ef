"""The board of `watch` on a terminal. `screen_loop` reads keys and draws; `terminal` is the screen and the keyboard;
`background` runs the passes in a thread; `current` is the state of the project. The pages return rows, and `layout`
fits rows to a screen."""
