CREATE SCHEMA "Odd schema";
CREATE SCHEMA audit;
COMMENT ON SCHEMA audit IS 'who did what';
CREATE EXTENSION citext;
CREATE EXTENSION hstore SCHEMA audit;
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE EXTENSION ltree;

CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE point3 AS (x int, y numeric, z text);
CREATE TYPE nested AS (at timestamptz, p point3, moods mood[]);
CREATE TYPE span AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE DOMAIN email AS citext CHECK (VALUE ~ '@');
CREATE DOMAIN positive AS int CHECK (VALUE > 0) NOT NULL;
COMMENT ON TYPE mood IS 'how one feels';

CREATE FUNCTION double(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i * 2';
CREATE FUNCTION later() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM public.people); END $$;
CREATE PROCEDURE tidy(IN days int) LANGUAGE plpgsql AS $$ BEGIN DELETE FROM audit.log WHERE at < now() - make_interval(days => days); END $$;
CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq);
CREATE COLLATION posix_order (locale = 'POSIX');
CREATE CAST (point3 AS text) WITH INOUT AS ASSIGNMENT;
CREATE TEXT SEARCH CONFIGURATION plain (COPY = simple);

CREATE TABLE people (
    id bigint GENERATED ALWAYS AS IDENTITY (START 1000) PRIMARY KEY,
    email email NOT NULL UNIQUE,
    name text COLLATE "C" DEFAULT 'nobody',
    feeling mood DEFAULT 'ok',
    born date, seen timestamptz DEFAULT now(), spent interval,
    price numeric(12,3), ratio float8, small real, flag boolean,
    tags text[], grid int[][], doc jsonb, raw json, bin bytea, key uuid,
    net inet, mac macaddr, bits bit varying(8), place point, box_ box,
    during tstzrange, many int4multirange, words tsvector, query tsquery,
    pairs audit.hstore, path ltree, p point3, n nested, s span, x xml, money_ money, path_ pg_lsn,
    regc regclass, regt regtype, "char_" "char", name_ name, chars char(7), small_ smallint, t time, tz timetz,
    parts audit.hstore[], moods mood[], pos positive DEFAULT 1,
    twice int GENERATED ALWAYS AS (small_ * 2) STORED
);
INSERT INTO people (email, name, feeling, born, seen, spent, price, ratio, small, flag, tags, grid, doc, raw, bin, key, net, mac, bits, place,
    box_, during, many, words, query, pairs, path, p, n, s, x, money_, path_, regc, regt, "char_", name_, chars, small_, t, tz, parts, moods)
SELECT 'P' || i || '@x.org', 'name ' || i, (enum_range(NULL::mood))[1 + i % 3], '2000-01-01'::date + i, '2020-01-01'::timestamptz + i * interval '1h',
    make_interval(months => i, secs => i + 0.5), i / 7.0, i / 3.0, i / 9.0, i % 2 = 0, ARRAY['a' || i, NULL, '{"\,}', ''], ARRAY[[i, 2], [3, NULL]],
    jsonb_build_object('n', i, 'deep', ARRAY[NULL, 'é"\']), '{ "b" : 1,  "a": [] }', decode(md5(i::text), 'hex'), md5(i::text)::uuid,
    ('10.0.0.' || i % 250 || '/24')::inet, '08:00:2b:01:02:03', B'1010', point(i, -i), box(point(0, 0), point(i, 1)),
    tstzrange('2020-01-01', NULL, '[)'), int4multirange(int4range(1, i + 2), int4range(100000, NULL)), to_tsvector('simple', 'fat cat ' || i),
    to_tsquery('simple', 'fat & cat'), audit.hstore('k', i::text), 'Top.Child.x' ::ltree, ROW(i, i / 2.0, 'z,)"')::point3,
    ROW('2020-01-01', ROW(NULL, 1, ''), ARRAY['ok'::mood, NULL])::nested, span(i, i + 1.5), '<a>é</a>', (i * 1.25)::numeric::money, '16/B374D848',
    'audit'::regnamespace::oid::regclass, 'mood'::regtype, 'c', 'a name', 'abc', i % 100, '12:34:56.789', '12:34:56+02',
    ARRAY[audit.hstore('a', NULL)], ARRAY['sad'::mood, 'happy']
FROM generate_series(1, 3000) i;
UPDATE people SET regc = 'people'::regclass;
INSERT INTO people (email, name, born, seen, spent, price, ratio, small, tags, doc, bin, during, chars) VALUES
    ('nan@x', '', 'infinity', '-infinity', '-1 mon +3 days', 'NaN', 'NaN', '-Infinity', '{}', 'null', '', 'empty', ''),
    ('bc@x', E'tab\tnew\nline\\backslash\r''"', '0044-03-15 BC', '4713-01-01 BC', '178000000 years', 0.000, '-0', '1e-40', NULL, '{}', NULL, NULL, NULL),
    ('max@x', repeat('é', 20000), '5874897-12-31', '294276-12-31', '0', 999999999.999, 'Infinity', 3.4e38, NULL, '[]', decode(repeat('00ff', 100000), 'hex'), NULL, '   ');
COMMENT ON COLUMN people.email IS 'who it is';
CREATE INDEX people_name ON people (lower(name)) WHERE feeling = 'ok';
CREATE INDEX people_doc ON people USING gin (doc);
CREATE INDEX people_brin ON people USING brin (seen) WITH (pages_per_range = 16);
CREATE UNIQUE INDEX people_key ON people (key) INCLUDE (name);
ALTER TABLE people CLUSTER ON people_pkey;
ALTER TABLE people ALTER COLUMN name SET STATISTICS 500;
ALTER TABLE people ALTER COLUMN doc SET STORAGE EXTERNAL;
CREATE STATISTICS people_stats (dependencies, ndistinct) ON feeling, flag FROM people;
ALTER TABLE people REPLICA IDENTITY USING INDEX people_email_key;

CREATE TABLE "Odd schema"."Table ""with"" every.thing" ("a b" int PRIMARY KEY, "select" text, "ü" serial);
INSERT INTO "Odd schema"."Table ""with"" every.thing" ("a b", "select") SELECT i, 'x' FROM generate_series(1, 50) i;
CREATE TABLE nothing ();
INSERT INTO nothing SELECT FROM generate_series(1, 5);
CREATE TABLE empty (id serial PRIMARY KEY, note text NOT NULL);
CREATE TABLE dropped (a int, b text, c int, d text);
INSERT INTO dropped SELECT i, 'b', i, 'd' || i FROM generate_series(1, 100) i;
ALTER TABLE dropped DROP COLUMN b, DROP COLUMN c;
ALTER TABLE dropped ADD COLUMN e int DEFAULT 7, ADD COLUMN f text;
CREATE UNLOGGED TABLE cache (k text PRIMARY KEY, v text);
INSERT INTO cache VALUES ('k', 'v');
CREATE TABLE only_generated (a int GENERATED ALWAYS AS (1 + 1) STORED);
INSERT INTO only_generated VALUES (DEFAULT), (DEFAULT);

CREATE TABLE audit.log (id bigserial, at timestamptz NOT NULL, who bigint REFERENCES people (id) ON DELETE SET NULL, what text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE audit.log_2023 PARTITION OF audit.log FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
CREATE TABLE audit.log_2024 PARTITION OF audit.log FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY HASH (id);
CREATE TABLE audit.log_2024_0 PARTITION OF audit.log_2024 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE audit.log_2024_1 (LIKE audit.log INCLUDING DEFAULTS);
ALTER TABLE audit.log_2024_1 ADD COLUMN gone int;
ALTER TABLE audit.log_2024_1 DROP COLUMN gone;
ALTER TABLE audit.log_2024 ATTACH PARTITION audit.log_2024_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE audit.log_rest PARTITION OF audit.log DEFAULT;
CREATE INDEX log_who ON audit.log (who);
INSERT INTO audit.log (at, who, what) SELECT '2022-06-01'::timestamptz + i * interval '1 day', 1000 + i % 3000, 'did ' || i FROM generate_series(1, 1500) i;
CREATE TABLE seen (log_id bigint, log_at timestamptz, FOREIGN KEY (log_id, log_at) REFERENCES audit.log (id, at));
INSERT INTO seen SELECT id, at FROM audit.log LIMIT 100;

CREATE TABLE animals (id int PRIMARY KEY, name text, CONSTRAINT named CHECK (name <> ''));
CREATE TABLE dogs (bark text) INHERITS (animals);
INSERT INTO animals VALUES (1, 'cat'); INSERT INTO dogs VALUES (2, 'rex', 'wuff');
CREATE TABLE booked (room int, during tsrange, EXCLUDE USING gist (room WITH =, during WITH &&));
INSERT INTO booked VALUES (1, '[2020-01-01, 2020-01-02)');
CREATE TABLE tree (id int PRIMARY KEY, parent int REFERENCES tree DEFERRABLE INITIALLY DEFERRED);
INSERT INTO tree VALUES (1, 2), (2, 1);
CREATE TABLE egg (id int PRIMARY KEY, hen int);
CREATE TABLE hen (id int PRIMARY KEY, egg int REFERENCES egg);
ALTER TABLE egg ADD FOREIGN KEY (hen) REFERENCES hen;
INSERT INTO egg VALUES (1, NULL); INSERT INTO hen VALUES (1, 1); UPDATE egg SET hen = 1;
ALTER TABLE egg ADD CONSTRAINT later CHECK (id < 5) NOT VALID;

CREATE VIEW adults AS SELECT id, name, email FROM people WHERE born < '2005-01-01' WITH LOCAL CHECK OPTION;
CREATE VIEW by_key AS SELECT p.*, count(l.id) AS logs FROM people p LEFT JOIN audit.log l ON l.who = p.id GROUP BY p.id;
CREATE MATERIALIZED VIEW feelings AS SELECT feeling, count(*) AS n FROM people GROUP BY feeling;
CREATE UNIQUE INDEX feelings_key ON feelings (feeling);
CREATE MATERIALIZED VIEW most AS SELECT max(n) AS n, public.later() AS all_people FROM feelings;
CREATE MATERIALIZED VIEW keyed AS SELECT p.id, p.name FROM people p GROUP BY p.id;
CREATE MATERIALIZED VIEW unfilled AS SELECT 1 AS one WITH NO DATA;
CREATE RECURSIVE VIEW nums (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM nums WHERE n < 5;

CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := 'stamped'; RETURN NEW; END $$;
CREATE TRIGGER stamping BEFORE INSERT ON empty FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE TRIGGER sleeping BEFORE UPDATE ON empty FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION stamp();
ALTER TABLE empty DISABLE TRIGGER sleeping;
CREATE FUNCTION fail_on_load() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'must not fire while rows are copied'; END $$;
CREATE TRIGGER guard BEFORE INSERT ON dropped FOR EACH ROW EXECUTE FUNCTION fail_on_load();
CREATE RULE no_delete AS ON DELETE TO dropped DO INSTEAD NOTHING;
CREATE RULE adults_insert AS ON INSERT TO adults DO INSTEAD INSERT INTO dropped (a) VALUES (1);
ALTER TABLE booked ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON booked FOR SELECT USING (room = 1);
ALTER TABLE booked FORCE ROW LEVEL SECURITY;

CREATE SEQUENCE plain_seq MINVALUE -5 START 3 INCREMENT 7 CYCLE;
SELECT nextval('plain_seq'), nextval('plain_seq');
CREATE SEQUENCE untouched AS smallint;
CREATE SEQUENCE down INCREMENT -1;
SELECT nextval('down');

CREATE FOREIGN DATA WRAPPER dummy;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER dummy OPTIONS (host 'nowhere');
CREATE FOREIGN TABLE far (id int) SERVER elsewhere;
CREATE PUBLICATION news FOR TABLE people, audit.log;
ALTER DEFAULT PRIVILEGES IN SCHEMA audit GRANT SELECT ON TABLES TO PUBLIC;

SELECT lo_from_bytea(900001, decode(repeat('ab', 10), 'hex'));
SELECT lo_from_bytea(900002, decode(repeat('cdef', 300000), 'hex'));
SELECT lo_create(900003);
COMMENT ON LARGE OBJECT 900001 IS 'a small one';

CREATE FUNCTION noted() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.nothing DEFAULT VALUES; END $$;
CREATE EVENT TRIGGER watching ON ddl_command_end EXECUTE FUNCTION noted();
COMMENT ON EVENT TRIGGER watching IS 'watches';
