"""The notification channels: the message (`message`) and its transports (`programs`, `addresses`). They import neither
the store nor the config."""
