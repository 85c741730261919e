-- The rows of the made-up application: the same ones every time, in numbers set by the caller.
-- Keys are digests of the table's name and a number; whatever varies does so by remainders of that number. Equal keys of users and
-- of what belongs to them mean equal rows at every scale.
SET timezone = 'UTC';
CREATE FUNCTION pg_temp.first_name(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT (ARRAY['Ada','Bram','Cleo','Dara','Emil','Fern','Gus','Hana','Ivo','Juno','Kit','Lena','Milo','Nell','Otto','Pia',
        'Quin','Rosa','Sami','Tove','Ugo','Vera','Wren','Xena','Yann','Zoë','Anouk','Björn','Chloé','Dov'])[1 + n % 30]
$$;
CREATE FUNCTION pg_temp.last_name(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT (ARRAY['Alder','Birch','Cedar','Dogwood','Elm','Fir','Gorse','Hazel','Ivy','Juniper','Kapok','Larch','Maple',
        'Nettle','Oak','Pine','Quince','Rowan','Spruce','Thorn','Umber','Vine','Willow','Yew','O''Sorrel','de la Lune',
        'Ash-Field'])[1 + n / 30 % 27]
$$;

INSERT INTO roles VALUES
    ('manager', 'Manages premises'), ('assessor', 'Assesses applications'), ('matcher', 'Matches people and beds'),
    ('reporter', 'Reads reports'), ('administrator', 'Administers users');

INSERT INTO users
SELECT md5('user ' || n)::uuid,
    lower(pg_temp.first_name(n)) || '.' || n,
    pg_temp.first_name(n) || ' ' || pg_temp.last_name(n * 7),
    lower(translate(pg_temp.first_name(n), 'ëöé', 'eoe')) || '.' || n || '@example.com',
    CASE WHEN n % 5 > 0 THEN '07700 900' || lpad((n % 1000)::text, 3, '0') END,
    n % 17 > 0,
    timestamptz '2022-03-01 09:00Z' + n * interval '37 minutes'
FROM generate_series(1::bigint, :users) AS n;

INSERT INTO user_role_assignments
SELECT md5('user role ' || n || ' ' || role)::uuid, md5('user ' || n)::uuid, role
FROM generate_series(1::bigint, :users) AS n,
    unnest(ARRAY[(ARRAY['manager', 'matcher', 'reporter'])[1 + n % 3], (ARRAY['assessor', 'administrator'])[1 + n % 2]]) AS role;

INSERT INTO user_qualification_assignments
SELECT md5('user qualification ' || n)::uuid, md5('user ' || n)::uuid, (ARRAY['women', 'pipe', 'emergency'])[1 + n % 3]
FROM generate_series(1::bigint, :users, 2) AS n;

INSERT INTO accounts (login, email, created_at)
SELECT 'account-' || n, 'account.' || n || '@example.com', timestamptz '2022-05-01 08:00Z' + n * interval '3 hours'
FROM generate_series(1::bigint, :users) AS n;

INSERT INTO account_role_assignments
SELECT n, CASE WHEN n % 10 = 0 THEN 'administrator' ELSE 'reporter' END, timestamptz '2022-05-02 08:00Z' + n * interval '3 hours'
FROM generate_series(1::bigint, :users) AS n;

INSERT INTO people (id, reference, first_name, last_name, email, phone, address, postcode, date_of_birth, national_number, risk, created_at)
SELECT md5('person ' || n)::uuid,
    'P' || lpad(n::text, 8, '0'),
    pg_temp.first_name(n), pg_temp.last_name(n),
    CASE WHEN n % 11 > 0
        THEN lower(translate(pg_temp.first_name(n), 'ëöé', 'eoe')) || n || '@example.' || (ARRAY['com', 'org', 'net'])[1 + n % 3] END,
    CASE WHEN n % 7 > 0 THEN '07700 900' || lpad((n * 31 % 1000)::text, 3, '0') END,
    CASE WHEN n % 13 > 0 THEN (1 + n % 240) || ' ' || pg_temp.last_name(n * 3) || ' '
        || (ARRAY['Street', 'Road', 'Lane', 'Close'])[1 + n % 4] || E'\n' || (ARRAY['Northfield', 'Eastwick', 'Westmere'])[1 + n % 3] END,
    chr(65 + (n % 26)::int) || 'Z' || (1 + n % 20) || ' ' || n % 10 || 'A' || chr(65 + (n / 26 % 26)::int),
    date '1935-01-01' + (n * 7919 % 25500)::int,
    lpad((n * 104729 % 1000000000)::text, 9, '0'),
    (ARRAY['low', 'low', 'low', 'medium', 'medium', 'high', 'very high'])[1 + n % 7]::risk_level,
    timestamptz '2022-06-01 10:00Z' + n * interval '4 minutes'
FROM generate_series(1::bigint, :people) AS n;

INSERT INTO contacts (person_id, name, phone)
SELECT md5('person ' || n)::uuid, pg_temp.first_name(n * 5) || ' ' || pg_temp.last_name(n), '07700 900' || lpad((n % 1000)::text, 3, '0')
FROM generate_series(1::bigint, :people, 20) AS n;
INSERT INTO emergency_contacts (person_id, name, phone, available)
SELECT md5('person ' || n)::uuid, pg_temp.first_name(n * 11) || ' ' || pg_temp.last_name(n), '07700 900' || lpad((n % 1000)::text, 3, '0'),
    (ARRAY['always', 'daytime', 'nights'])[1 + n % 3]
FROM generate_series(1::bigint, :people, 100) AS n;

INSERT INTO premises
SELECT n, pg_temp.last_name(n * 30) || ' House ' || n, n || ' Harbour Road' || E'\n' || 'Northfield', 'NZ' || (1 + n % 20) || ' 1AA',
    date '1990-01-01' + (n * 97)::int
FROM generate_series(1::bigint, 100) AS n;
INSERT INTO beds (premises_id, name)
SELECT 1 + n % 100, 'Room ' || n / 100 || ' bed ' || 1 + n % 2 FROM generate_series(0::bigint, 2999) AS n;

INSERT INTO applications (id, person_id, created_by, data, status, submitted_at)
SELECT md5('application ' || n)::uuid, md5('person ' || (1 + n * 3 % :people))::uuid, md5('user ' || (1 + n % :users))::uuid,
    jsonb_build_object('reason', (ARRAY['move', 'respite', 'crisis'])[1 + n % 3],
        'contact', jsonb_build_object('email', 'person' || n || '@example.com', 'phone', '07700 900' || lpad((n % 1000)::text, 3, '0')),
        'needs', to_jsonb(ARRAY['ground floor', 'pets', 'parking'])),
    (ARRAY['draft', 'submitted', 'assessed', 'placed'])[1 + n % 4],
    CASE WHEN n % 4 > 0 THEN timestamptz '2023-01-01 09:30Z' + n * interval '8 minutes' END
FROM generate_series(1::bigint, :applications) AS n;

INSERT INTO assessments (application_id, assessor_id, decided_on, score, data, rationale)
SELECT md5('application ' || (1 + n % :applications))::uuid, md5('user ' || (1 + n * 13 % :users))::uuid,
    CASE WHEN n % 9 > 0 THEN date '2023-01-02' + (n % 1000)::int END,
    (n * 37 % 10001)::numeric / 100,
    jsonb_build_object('answers', to_jsonb(ARRAY[n % 2 = 0, n % 3 = 0, n % 5 = 0]), 'version', 1 + n % 4,
        'assessor', jsonb_build_object('name', pg_temp.first_name(n) || ' ' || pg_temp.last_name(n))),
    CASE WHEN n % 4 = 0 THEN repeat('Considered at length. ', (1 + n % 12)::int) END
FROM generate_series(1::bigint, :assessments) AS n;

INSERT INTO bookings (person_id, bed_id, status, arrival, departure, cost)
SELECT md5('person ' || (1 + n * 7 % :people))::uuid, 100 + 5 * (n % 3000),
    (ARRAY['requested', 'confirmed', 'arrived', 'departed', 'departed', 'cancelled'])[1 + n % 6]::booking_status,
    date '2023-01-01' + (n % 1000)::int, date '2023-01-02' + (n % 1000 + n % 84)::int,
    CASE WHEN n % 3 > 0 THEN ROW(n % 9000 + 0.5, 'GBP')::amount END
FROM generate_series(1::bigint, :bookings) AS n;

INSERT INTO notes (application_id, created_by, body, tags, data, created_at)
SELECT md5('application ' || (1 + n % :applications))::uuid, md5('user ' || (1 + n * 5 % :users))::uuid,
    'Spoke to ' || pg_temp.first_name(n) || ' on 07700 900' || lpad((n % 1000)::text, 3, '0') || E'.\tAgreed:\n- item ' || n || E' \\ done',
    CASE WHEN n % 6 = 0 THEN ARRAY['call', 'follow "up"'] ELSE '{}' END,
    CASE WHEN n % 3 = 0 THEN jsonb_build_object('call', jsonb_build_object('minutes', n % 45, 'with', pg_temp.last_name(n))) END,
    timestamptz '2023-01-03 11:00Z' + n * interval '5 minutes'
FROM generate_series(1::bigint, :notes) AS n;

INSERT INTO audit.events
SELECT n, timestamptz '2023-01-01 00:00Z' + n * (interval '1100 days' / :events), md5('user ' || (1 + n % :users))::uuid,
    (ARRAY['login', 'view', 'change', 'logout'])[1 + n % 4],
    CASE WHEN n % 4 = 2 THEN jsonb_build_object('field', 'status', 'ip', '192.0.2.' || n % 250) END
FROM generate_series(1::bigint, :events) AS n;

INSERT INTO documents
SELECT n, 'letter ' || n || '.txt', lo_from_bytea(0, convert_to(repeat('Dear reader, this is letter ' || n || E'.\n', 3000), 'UTF8')),
    decode(repeat(md5('thumbnail ' || n), 8), 'hex')
FROM generate_series(1::bigint, 5) AS n;
INSERT INTO page_cache VALUES ('/', '<h1>Home</h1>'), ('/people', '<h1>People</h1>');

INSERT INTO flyway_schema_history
SELECT n, to_char(timestamp '2022-01-10 12:00' + n * interval '11 days 3 hours', 'YYYYMMDDHH24MISS'), 'change ' || n, 'SQL',
    'V' || to_char(timestamp '2022-01-10 12:00' + n * interval '11 days 3 hours', 'YYYYMMDDHH24MISS') || '__change_' || n || '.sql',
    (n * 104729 - 2000000)::int, 'migrator', timestamp '2022-02-01 07:00' + n * interval '11 days 3 hours', (n * 17 % 400)::int, true
FROM generate_series(1::bigint, 60) AS n;
