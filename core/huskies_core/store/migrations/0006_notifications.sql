-- Notifications. A row and the cursor are written before the message is sent. message and channels are JSON.
CREATE TABLE notifications (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message TEXT NOT NULL,
    at TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('open', 'sent', 'failed', 'interrupted')),
    channels TEXT NOT NULL DEFAULT '[]'
) STRICT;
CREATE INDEX open_notifications ON notifications (id) WHERE status = 'open';
CREATE INDEX notifications_by_age ON notifications (at);
