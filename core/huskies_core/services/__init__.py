"""Services that run huskies unattended: units of systemd's user manager and a block of the user's crontab."""
