"""The line to a gateway: where it is (`address`), and how a frame gets there (`token`, `line`). Knows no stories."""
