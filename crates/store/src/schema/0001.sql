-- Moments are RFC 3339 text in UTC; digests are 32 bytes of SHA-256.
CREATE TABLE runs (
    number      INTEGER PRIMARY KEY AUTOINCREMENT, -- the order in which they were made
    id          TEXT NOT NULL UNIQUE,
    scenario    TEXT NOT NULL,
    title       TEXT NOT NULL,
    plan        TEXT NOT NULL,                     -- JSON
    plan_sum    BLOB NOT NULL,                     -- SHA-256 of that JSON
    plan_digest TEXT NOT NULL,                     -- what approvals are bound to
    started_by  TEXT NOT NULL,
    created_at  TEXT NOT NULL,
    events      INTEGER NOT NULL DEFAULT 0,        -- events in the journal
    head        BLOB NOT NULL                      -- digest of the last one
) STRICT;

CREATE TABLE run_targets (
    run    TEXT NOT NULL REFERENCES runs (id),
    target TEXT NOT NULL,
    PRIMARY KEY (target, run)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_targets_by_run ON run_targets (run);

CREATE TABLE events (
    run    TEXT NOT NULL REFERENCES runs (id),
    seq    INTEGER NOT NULL,                       -- from 0, without gaps
    event  TEXT NOT NULL,                          -- JSON
    digest BLOB NOT NULL,                          -- SHA-256 of the previous digest, seq and event
    PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE leases (
    target     TEXT PRIMARY KEY,
    token      INTEGER NOT NULL,                   -- grows with each holder, also while nobody holds it
    run        TEXT,                               -- null: nobody holds it
    host       TEXT NOT NULL,
    pid        INTEGER NOT NULL,
    user       TEXT NOT NULL,
    since      TEXT NOT NULL,
    renewed_at TEXT NOT NULL,
    expires_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX leases_by_run ON leases (run);

CREATE TABLE requests (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    run      TEXT NOT NULL REFERENCES runs (id),
    asked_by TEXT NOT NULL,
    asked_at TEXT NOT NULL,
    request  TEXT NOT NULL,                        -- JSON
    settled  INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX requests_open ON requests (run, id) WHERE settled = 0;

CREATE TABLE log_lines (
    run    TEXT NOT NULL REFERENCES runs (id),
    line   INTEGER NOT NULL,                       -- from 0; the oldest go when there are too many
    at     TEXT NOT NULL,
    step   INTEGER,
    stream TEXT NOT NULL,
    text   TEXT NOT NULL,
    PRIMARY KEY (run, line)
) STRICT, WITHOUT ROWID;

CREATE TABLE plans (
    digest   TEXT PRIMARY KEY,
    plan     TEXT NOT NULL,                        -- JSON
    plan_sum BLOB NOT NULL,                        -- SHA-256 of that JSON
    saved_by TEXT NOT NULL,
    saved_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
