-- Messages of local queues. What is counted in milliseconds is compared, so it is a number.
CREATE TABLE queue_messages (
    number          INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of sending, also the right to delete it
    queue           TEXT NOT NULL,
    send_id         TEXT NOT NULL,                     -- sending the same again puts nothing in
    text            TEXT NOT NULL,
    sent_at         TEXT NOT NULL,
    hidden_until_ms INTEGER NOT NULL DEFAULT 0,        -- since 1970; somebody has received it
    UNIQUE (queue, send_id)
) STRICT;
CREATE INDEX queue_messages_in_order ON queue_messages (queue, number);
