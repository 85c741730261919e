-- How preprod has drifted from production: its own users, objects, grants and settings. Run by its owner after the rest.
-- The same users as production's first two, with other e-mail addresses and more rights: equal keys, different rows.
UPDATE users SET email = username || '@preprod.example.com', active = true
WHERE id IN (md5('user 1')::uuid, md5('user 2')::uuid);
INSERT INTO user_role_assignments VALUES (md5('preprod user role 1')::uuid, md5('user 1')::uuid, 'reporter');

-- Users whom production has never seen.
INSERT INTO users (id, username, name, email, created_at)
SELECT md5('preprod user ' || n)::uuid, 'tester.' || n, 'Tester ' || n, 'tester.' || n || '@preprod.example.com',
    timestamptz '2024-02-01 09:00Z' + n * interval '1 day'
FROM generate_series(1, 20) AS n;
INSERT INTO user_role_assignments
SELECT md5('preprod tester role ' || n)::uuid, md5('preprod user ' || n)::uuid, CASE WHEN n % 4 = 0 THEN 'administrator' ELSE 'assessor' END
FROM generate_series(1, 20) AS n;
INSERT INTO user_qualification_assignments
SELECT md5('preprod tester qualification ' || n)::uuid, md5('preprod user ' || n)::uuid, 'emergency'
FROM generate_series(1, 20, 2) AS n;

-- Accounts with numbers for keys: here the first numbers belong to other people than in production.
TRUNCATE accounts RESTART IDENTITY CASCADE;
INSERT INTO accounts (login, email, created_at)
SELECT 'preprod-account-' || n, 'preprod.account.' || n || '@example.com', timestamptz '2024-03-01 08:00Z' + n * interval '1 day'
FROM generate_series(1, 15) AS n;
INSERT INTO account_role_assignments
SELECT n, CASE WHEN n % 3 = 0 THEN 'administrator' ELSE 'reporter' END, timestamptz '2024-03-02 08:00Z' FROM generate_series(1, 15) AS n;

ALTER TABLE users ADD COLUMN test_persona text DEFAULT 'none';
UPDATE users SET test_persona = 'persona of ' || username WHERE username LIKE 'tester.%';

CREATE TABLE test_scenarios (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    title text NOT NULL,
    steps jsonb NOT NULL DEFAULT '[]'
);
CREATE INDEX test_scenarios_by_owner ON test_scenarios (owner_id);
COMMENT ON TABLE test_scenarios IS 'what the testers click through; preprod only';
INSERT INTO test_scenarios (owner_id, title, steps)
SELECT md5('preprod user ' || (1 + n % 20))::uuid, 'scenario ' || n, jsonb_build_array('log in', 'open person ' || n, 'log out')
FROM generate_series(1, 50) AS n;

CREATE VIEW user_summary AS
    SELECT account.id, account.username, account.test_persona, count(assignment.role) AS roles
    FROM users AS account LEFT JOIN user_role_assignments AS assignment ON assignment.user_id = account.id
    GROUP BY account.id;

GRANT USAGE ON SCHEMA public, audit, reporting TO preprod_service, preprod_tester;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO preprod_service;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO preprod_service;
GRANT SELECT ON ALL TABLES IN SCHEMA public, reporting TO preprod_tester;
GRANT UPDATE (test_persona) ON users TO preprod_tester;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO preprod_tester;
SELECT format('ALTER DATABASE %I SET %s', current_database(), setting)
FROM unnest(ARRAY['statement_timeout = ''5min''', 'search_path = public, audit']) AS setting \gexec
