-- Mixed tables, 2 GB at the scale 1: what a database of some years has in it. The same rows every time.
SET timezone = 'UTC';
SET client_min_messages = warning;

CREATE TABLE letters (
    id bigint NOT NULL,
    sender text NOT NULL,
    email text NOT NULL,
    subject text NOT NULL,
    body text NOT NULL,
    status smallint NOT NULL,
    sent_at timestamptz NOT NULL
);
INSERT INTO letters
SELECT n, 'Sender ' || n % 9973 || ' of ' || md5((n % 9973)::text), 'sender.' || n || '@example.com', 'About ' || n * 31 % 1000,
    'We write about ' || md5(n::text) || ', ' || repeat(md5((n + 1)::text) || ' ', 4 + (n % 5)::int) || 'with regards',
    n % 7, timestamptz '2020-01-01 00:00Z' + n * interval '37 seconds'
FROM generate_series(1::bigint, (:scale * 2200000)::bigint + 10) AS n;

CREATE TABLE replies (
    id bigint NOT NULL,
    letter_id bigint NOT NULL,
    author uuid NOT NULL,
    cost numeric(12, 2),
    at timestamptz NOT NULL
);
INSERT INTO replies
SELECT n, 1 + n * 7 % ((:scale * 2200000)::bigint + 10), md5((n % 5000)::text)::uuid, CASE WHEN n % 3 > 0 THEN n % 90000 / 100.0 END,
    timestamptz '2020-01-01 00:00Z' + n * interval '29 seconds'
FROM generate_series(1::bigint, (:scale * 2500000)::bigint + 10) AS n;

CREATE TABLE measures (
    sensor integer NOT NULL,
    at timestamptz NOT NULL,
    value double precision NOT NULL,
    quality real,
    flags integer[] NOT NULL
);
INSERT INTO measures
SELECT n % 400, timestamptz '2024-01-01 00:00Z' + n / 400 * interval '1 minute', sin(n) * 1000, CASE WHEN n % 10 > 0 THEN n % 100 / 100.0 END,
    CASE WHEN n % 4 = 0 THEN ARRAY[n % 8, n % 3]::integer[] ELSE '{}' END
FROM generate_series(1::bigint, (:scale * 3000000)::bigint + 10) AS n;

CREATE TABLE payloads (
    id integer NOT NULL,
    document jsonb NOT NULL
);
INSERT INTO payloads
SELECT n, jsonb_build_object('number', n, 'kind', (ARRAY['order', 'invoice', 'return'])[1 + n % 3], 'contact',
        jsonb_build_object('name', 'Person ' || n, 'email', 'person.' || n || '@example.com'),
        'lines', (SELECT jsonb_agg(jsonb_build_object('article', md5((n * i)::text), 'count', i, 'price', n % 1000 / 10.0))
            FROM generate_series(1, 4 + n % 9) AS i))
FROM generate_series(1, (:scale * 200000)::integer + 10) AS n;

CREATE TABLE files (
    id integer NOT NULL,
    name text NOT NULL,
    content bytea NOT NULL
);
ALTER TABLE files ALTER content SET STORAGE EXTERNAL;
INSERT INTO files
SELECT n, 'file-' || n || '.bin', (SELECT string_agg(sha512(convert_to(n || '/' || i, 'UTF8')), '') FROM generate_series(1, 640) AS i)
FROM generate_series(1, (:scale * 6000)::integer + 2) AS n;

CREATE TABLE reports (
    id integer NOT NULL,
    whole text NOT NULL
);
INSERT INTO reports SELECT n, repeat('Line of report ' || n || E', as long as any.\n', 150000) FROM generate_series(1, (:scale * 20)::integer + 1) AS n;

ALTER TABLE letters ADD PRIMARY KEY (id);
ALTER TABLE replies ADD PRIMARY KEY (id);
ALTER TABLE payloads ADD PRIMARY KEY (id);
ALTER TABLE files ADD PRIMARY KEY (id);
ALTER TABLE reports ADD PRIMARY KEY (id);
ALTER TABLE measures ADD UNIQUE (sensor, at);
CREATE UNIQUE INDEX letters_email ON letters (email);
CREATE INDEX letters_sent ON letters (sent_at);
CREATE INDEX letters_sender ON letters (sender text_pattern_ops, status);
CREATE INDEX replies_letter ON replies (letter_id);
CREATE INDEX replies_author ON replies (author, at);
CREATE INDEX payloads_kind ON payloads ((document ->> 'kind'));
CREATE INDEX measures_at ON measures USING brin (at);
ALTER TABLE replies ADD FOREIGN KEY (letter_id) REFERENCES letters;
VACUUM ANALYZE;
