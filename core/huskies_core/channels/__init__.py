"""The notification channels: the message (`message`) and its transports (`desktop`, `program`, `webhook`, `services`).
They import neither the store nor the config."""
