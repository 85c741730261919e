-- What `diagnose --fix` did. A row without an outcome was begun, and nobody knows how it ended.
CREATE TABLE fixes (
    number   INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of beginning
    at       TEXT NOT NULL,
    by       TEXT NOT NULL,
    subject  TEXT NOT NULL,                     -- what was diagnosed
    finding  TEXT NOT NULL,
    evidence TEXT NOT NULL,                     -- JSON, a list of sentences
    fix      TEXT NOT NULL,                     -- JSON
    ended_at TEXT,
    outcome  TEXT                               -- JSON
) STRICT;
