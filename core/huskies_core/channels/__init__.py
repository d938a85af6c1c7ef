"""The ways to a person: what is told (`message`), and how it gets there (`desktop`, `program`, `webhook`, `services`).
Knows neither the store nor the config."""
