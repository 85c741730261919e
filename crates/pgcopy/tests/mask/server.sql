-- A table with every type that masks know, ordinary and extreme values. `stays` and `number` are never masked.
CREATE TYPE mood AS ENUM ('calm', 'cross');
CREATE DOMAIN short_text AS varchar(80);
CREATE TABLE source (
    number integer PRIMARY KEY,
    c_text text, c_varchar varchar(100), c_char char(40), c_domain short_text, c_name name, c_email text UNIQUE, c_phone text,
    c_address text, c_template text, c_uuid_text text,
    stays text NOT NULL,
    c_int2 smallint, c_int4 integer UNIQUE, c_int8 bigint, c_int4_noise integer,
    c_numeric numeric, c_money numeric(7, 2), c_real real, c_double double precision,
    c_date date, c_timestamp timestamp, c_timestamptz timestamptz(3),
    c_uuid uuid, c_json json, c_jsonb jsonb, c_bytea bytea, c_bool boolean, c_mood mood, c_null inet, c_fixed_time timestamptz
);

INSERT INTO source
SELECT n,
    'Text ' || n || E' with tab \t, line \n, \\ slash, Žluťoučký kůň, 東京, ' || repeat(md5(n::text), n % 5),
    'varchar ' || n, 'char ' || n, 'domain ' || n, 'name ' || n, 'Person.' || n || '@Example.org', '+44 7700 ' || lpad(n::text, 6, '0'),
    n || ' Some Street', 'value ' || n, md5(n::text)::uuid::text,
    E'stays \t \\N \\. ' || n,
    (n * 13 % 65536 - 32768)::smallint, (n * 4294967::bigint - 2147483648)::integer, (n - 1000)::bigint * 9223372036854775, n * 1000 - 900000,
    (n - 700)::numeric / 7 * power(10::numeric, n % 40 - 20), (n * 99.999 - 49999)::numeric(7, 2), (n - 500) / 3.0, (n - 500) * power(10::float8, n % 500 - 250),
    date '0010-01-01' + n * 3000, timestamp '0010-01-01 23:59:59.999999' + n * interval '1000 days 1 minute',
    timestamptz '1900-01-01 00:00:00+00' + n * interval '37 days 5 hours 3 seconds',
    md5('u' || n)::uuid,
    json_build_object('email', 'p' || n || '@x.org', 'nested', json_build_array(json_build_object('phone', '07700 900' || n), NULL, n), 'text', E'q"\\\n' || n),
    jsonb_build_object('email', 'p' || n || '@x.org', 'born', '1980-02-' || lpad((n % 28 + 1)::text, 2, '0'), 'score', n / 8.0, 'ok', true, 'keep', n * 1e20),
    decode(md5(n::text), 'hex'), n % 2 = 0, 'calm', '10.0.0.1', now()
FROM generate_series(1, 1000) AS n;

INSERT INTO source (number, stays) VALUES (2001, 'nothing but NULL');
INSERT INTO source (number, stays, c_text, c_varchar, c_char, c_domain, c_name, c_email, c_phone, c_address, c_template, c_uuid_text, c_bytea)
VALUES (2002, '', '', '', '', '', '', '', '', '', '', '', '');
INSERT INTO source (number, stays, c_int2, c_int4, c_int8, c_int4_noise, c_numeric, c_money, c_real, c_double, c_date, c_timestamp, c_timestamptz, c_json, c_jsonb)
VALUES
    (2003, 'x', 32767, 2147483647, 9223372036854775807, 2147483647, 'NaN', 99999.99, 'Infinity', 'Infinity', 'infinity', 'infinity', 'infinity', 'null', '[]'),
    (2004, 'x', -32768, -2147483648, -9223372036854775808, -2147483648, '0.00000', -99999.99, '-Infinity', '-Infinity', '-infinity', '-infinity', '-infinity', '[1, 2]', '"text"'),
    (2005, 'x', 0, 0, 0, 0, ('1' || repeat('0', 3000))::numeric, 0, 'NaN', 'NaN', '4714-11-24 BC', '4714-11-24 00:00:00 BC', '4714-11-25 00:00:00+00 BC', '{}', '{"email": null}'),
    (2006, 'x', 1, 1, 1, 1, -1e-300, 0.01, 3.4028235e38, 1.7976931348623157e308, '5874897-12-31', '294276-12-31 23:59:59.999999', '294276-12-30 23:59:59+00', '{"email": ""}', '{"email": {"a": ["x", 1, false]}}');

CREATE TABLE from_binary (LIKE source INCLUDING ALL);
CREATE TABLE from_text (LIKE source INCLUDING ALL);
