"""The connection to a gateway: its address and name (`address`), and sending frames (`connection`)."""
