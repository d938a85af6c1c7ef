"""What ticks where nobody types: units of systemd's user manager, a block of the user's crontab. The texts of both,
and the programs that take them; it knows nothing of stories."""
