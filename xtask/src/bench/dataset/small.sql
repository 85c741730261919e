-- Many small tables, 1,500 at the scale 1, each with a key, an index and a foreign key: a database of many modules.
SET timezone = 'UTC';
SET client_min_messages = warning;

CREATE TABLE owners (id integer PRIMARY KEY, name text NOT NULL);
INSERT INTO owners SELECT n, 'Owner ' || n FROM generate_series(1, 100) AS n;

-- Each table takes locks until its transaction ends, so that a hundred are made at a time.
SELECT format('CREATE TABLE things_%1$s (id serial PRIMARY KEY, owner_id integer NOT NULL REFERENCES owners, title text NOT NULL, made_at timestamptz NOT NULL DEFAULT now());
    INSERT INTO things_%1$s (owner_id, title, made_at) SELECT 1 + i %% 100, md5(i::text), timestamptz ''2024-01-01 00:00Z'' + i * interval ''1 minute'' FROM generate_series(1, %2$s) AS i;
    CREATE INDEX ON things_%1$s (title)', n, 20 + n % 180)
FROM generate_series(1, (:scale * 1500)::integer) AS n
\gexec
VACUUM ANALYZE;
