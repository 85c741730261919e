-- Every type of the server that a column can have gets a table with samples of it, and with arrays of them.
CREATE SCHEMA types;
CREATE TEXT SEARCH CONFIGURATION public.plain (COPY = simple);
CREATE FUNCTION public.twice(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i * 2';
CREATE OPERATOR public.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq);
CREATE COLLATION public.posix_order (locale = 'POSIX');

CREATE TEMP TABLE sample (type text, value text);
INSERT INTO sample VALUES
    ('bool', 't'), ('bool', 'f'),
    ('bytea', ''), ('bytea', '\x00'), ('bytea', '\x5c6e0a0dff00'),
    ('char', ''), ('char', 'a'), ('char', '\'), ('char', ' '),
    ('name', ''), ('name', 'pg_catalog'), ('name', repeat('n', 63)), ('name', ' é'),
    ('int2', '-32768'), ('int2', '32767'), ('int4', '-2147483648'), ('int4', '2147483647'), ('int4', '0'),
    ('int8', '-9223372036854775808'), ('int8', '9223372036854775807'),
    ('int2vector', ''), ('int2vector', '1 -2 3'), ('oidvector', ''), ('oidvector', '0 4294967295'),
    ('regproc', 'pg_catalog.now'), ('regproc', 'public.twice'), ('regproc', '-'), ('regprocedure', 'public.twice(int)'),
    ('regoper', 'public.==='), ('regoperator', 'public.===(text,text)'), ('regclass', 'pg_class'), ('regclass', 'types.t_bool'),
    ('regclass', '4294967290'), ('regcollation', 'public.posix_order'), ('regcollation', '"C"'), ('regtype', 'int[]'),
    ('regtype', 'types.t_bool'), ('regrole', 'postgres'), ('regnamespace', 'types'), ('regconfig', 'public.plain'),
    ('regconfig', 'simple'), ('regdictionary', 'simple'), ('regdatabase', 'postgres'),
    ('text', ''), ('text', ' '), ('text', E'\t\n\r\\N\\.'), ('text', E'\u2028𝄞é\u00a0'), ('text', repeat('long ', 3000)), ('text', 'NULL'),
    ('oid', '0'), ('oid', '4294967295'), ('tid', '(0,1)'), ('tid', '(4294967295,65535)'), ('xid', '4294967295'), ('cid', '4294967295'),
    ('xid8', '18446744073709551615'), ('pg_lsn', '0/0'), ('pg_lsn', 'FFFFFFFF/FFFFFFFF'),
    ('json', '{ "b" : 1,  "b": [1e400, "\u0041\ud834\udd1e"] }'), ('json', ' null '), ('jsonb', '{"b": [1, null, {}], "": "é\""}'),
    ('jsonb', '0.000000000000000000000000000000000001'), ('jsonpath', '$."a"[*] ? (@ > 1.5)'), ('jsonpath', 'strict $'),
    ('xml', '<a b="é">&lt;</a>'), ('xml', 'only text'), ('xml', '<?xml version="1.0"?><r/>'),
    ('point', '(-0,1e-300)'), ('point', '(NaN,Infinity)'), ('lseg', '[(0,0),(1,-1)]'), ('path', '((0,0),(1,1),(2,0))'), ('path', '[(0,0)]'),
    ('box', '(1,1),(-1,-1)'), ('polygon', '((0,0),(1,1),(1,0))'), ('line', '{1,-1,0.1}'), ('circle', '<(0.1,0),0>'),
    ('float4', 'NaN'), ('float4', '-Infinity'), ('float4', '-0'), ('float4', '1e-45'), ('float4', '3.4028235e+38'), ('float4', '0.1'),
    ('float8', 'NaN'), ('float8', 'Infinity'), ('float8', '-Infinity'), ('float8', '-0'), ('float8', '5e-324'),
    ('float8', '1.7976931348623157e+308'), ('float8', '0.1'),
    ('numeric', 'NaN'), ('numeric', 'Infinity'), ('numeric', '-Infinity'), ('numeric', '0.000'), ('numeric', '-1e-16383'),
    ('numeric', '9' || repeat('0', 131071)), ('numeric', '1.10'), ('money', '-92233720368547758.08'), ('money', '0.01'),
    ('macaddr', 'ff:00:2b:01:02:03'), ('macaddr8', 'ff:00:2b:01:02:03:04:05'), ('inet', '10.0.0.1/24'), ('inet', '::ffff:1.2.3.4'),
    ('inet', '0.0.0.0/0'), ('cidr', '10.0.0.0/8'), ('cidr', 'fe80::/64'), ('aclitem', 'postgres=arwd*/postgres'), ('aclitem', '=r/postgres'),
    ('bpchar', ''), ('bpchar', 'a  '), ('varchar', ''), ('varchar', ' é '),
    ('date', 'infinity'), ('date', '-infinity'), ('date', '4713-11-24 BC'), ('date', '5874897-12-31'), ('date', '2000-02-29'),
    ('time', '00:00:00'), ('time', '24:00:00'), ('time', '23:59:59.999999'), ('timetz', '00:00:00+15:59:59'), ('timetz', '24:00:00-15:59:59'),
    ('timestamp', 'infinity'), ('timestamp', '-infinity'), ('timestamp', '4713-11-24 00:00:00 BC'), ('timestamp', '294276-12-31 23:59:59.999999'),
    ('timestamptz', 'infinity'), ('timestamptz', '-infinity'), ('timestamptz', '0044-03-15 12:00:00.000001+01 BC'), ('timestamptz', '294276-12-31 23:59:59.999999+00'),
    ('interval', '-178000000 years'), ('interval', '1 mon -1 day +00:00:00.000001'), ('interval', '0'),
    ('bit', '1'), ('bit', '0'), ('varbit', ''), ('varbit', '10111'), ('refcursor', ''), ('refcursor', 'a cursor'),
    ('uuid', '00000000-0000-0000-0000-000000000000'), ('uuid', 'ffffffff-ffff-ffff-ffff-ffffffffffff'),
    ('tsvector', ''), ('tsvector', $$'a':1A,2B 'it''s':3 ' '$$), ('tsquery', ''), ('tsquery', $$!'a':*A & ('b' | 'c' <2> 'd')$$),
    ('txid_snapshot', '10:20:10,14,15'), ('txid_snapshot', '1:1:'), ('pg_snapshot', '10:20:10,14,15'),
    ('int4range', '[1,5)'), ('int4range', 'empty'), ('int4range', '(,)'), ('int8range', '[1,)'), ('numrange', '(NaN,]'), ('numrange', '[-1.50,1.50]'),
    ('tsrange', '["0044-03-15 BC",infinity)'), ('tstzrange', '(-infinity,"2020-01-01 00:00:00+00"]'), ('daterange', '[2000-01-01,infinity]'),
    ('int4multirange', '{}'), ('int4multirange', '{[1,2),[5,)}'), ('int8multirange', '{(,)}'), ('nummultirange', '{[0.10,0.10]}'),
    ('tsmultirange', '{[2000-01-01,2000-01-02)}'), ('tstzmultirange', '{(,"2000-01-01 00:00:00+00")}'), ('datemultirange', '{[2000-01-01,2000-01-02)}'),
    ('cardinal_number', '0'), ('character_data', 'x'), ('sql_identifier', 'pg_class'), ('time_stamp', '2000-01-01 00:00:00+00'), ('yes_or_no', 'YES');

-- Their input functions refuse every value.
CREATE TEMP TABLE without_values AS SELECT unnest(ARRAY['pg_node_tree', 'pg_ndistinct', 'pg_dependencies', 'pg_mcv_list',
    'pg_brin_bloom_summary', 'pg_brin_minmax_multi_summary', 'gtsvector']) AS type;

DO $$
DECLARE t record; s record; element text;
BEGIN
    FOR t IN SELECT typname::text AS name, typtype, typdelim, typarray <> 0 AS has_array, format('%I.%I', nspname, typname) AS type
             FROM pg_type y JOIN pg_namespace n ON n.oid = typnamespace
             WHERE nspname IN ('pg_catalog', 'information_schema') AND typtype NOT IN ('p', 'c')
               AND NOT EXISTS (SELECT FROM pg_type WHERE typarray = y.oid) AND typname NOT IN (SELECT type FROM without_values)
             ORDER BY typname <> 'bool', typname
    LOOP
        IF NOT EXISTS (SELECT FROM sample WHERE type = t.name) THEN
            RAISE 'there is no sample of the type %', t.type;
        END IF;
        EXECUTE format('CREATE TABLE types.%I (id int GENERATED ALWAYS AS IDENTITY, one %s, two %2$s%s)', 't_' || t.name, t.type,
                       CASE WHEN t.has_array THEN format(', many %s[]', t.type) END);
        FOR s IN SELECT value FROM sample WHERE type = t.name LOOP
            EXECUTE format('INSERT INTO types.%I (one) SELECT %L::%s', 't_' || t.name, s.value, t.type);
            CONTINUE WHEN NOT t.has_array;
            element := '"' || replace(replace(s.value, '\', '\\'), '"', '\"') || '"';
            EXECUTE format('INSERT INTO types.%I (one, many) SELECT %L::%s, value::%3$s[] FROM unnest(%L::text[]) AS value', 't_' || t.name, s.value, t.type,
                           ARRAY['{}', format('{%s%sNULL}', element, t.typdelim), format('[-1:0][3:3]={{%s}%s{%1$s}}', element, t.typdelim)]);
        END LOOP;
    END LOOP;
END $$;
DROP TABLE sample, without_values;
