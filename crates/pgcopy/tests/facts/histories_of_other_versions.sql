-- The tables of these tools as other versions of them, or other settings, make them, from the tools' own sources and from dumps
-- of databases that have them.

-- Flyway 3, before ranks were the key.
CREATE TABLE schema_version (
    version_rank integer NOT NULL, installed_rank integer NOT NULL, version character varying(50) NOT NULL,
    description character varying(200) NOT NULL, type character varying(20) NOT NULL, script character varying(1000) NOT NULL,
    checksum integer, installed_by character varying(100) NOT NULL, installed_on timestamp without time zone DEFAULT now() NOT NULL,
    execution_time integer NOT NULL, success boolean NOT NULL, CONSTRAINT schema_version_pk PRIMARY KEY (version));
INSERT INTO schema_version VALUES (2, 2, '1.1', 'more', 'SQL', 'V1.1__more.sql', 7, 'app', now(), 3, true),
    (1, 1, '1', '<< Flyway Baseline >>', 'BASELINE', '<< Flyway Baseline >>', NULL, 'app', now(), 0, true);

-- Liquibase 2.
CREATE SCHEMA liquibase2;
CREATE TABLE liquibase2.databasechangeloglock (ID INT NOT NULL, LOCKED BOOLEAN NOT NULL, LOCKGRANTED TIMESTAMP WITH TIME ZONE,
    LOCKEDBY VARCHAR(255), CONSTRAINT PK_DATABASECHANGELOGLOCK PRIMARY KEY (ID));
CREATE TABLE liquibase2.databasechangelog (ID VARCHAR(63) NOT NULL, AUTHOR VARCHAR(63) NOT NULL, FILENAME VARCHAR(200) NOT NULL,
    DATEEXECUTED TIMESTAMP WITH TIME ZONE NOT NULL, ORDEREXECUTED INT NOT NULL, EXECTYPE VARCHAR(10) NOT NULL, MD5SUM VARCHAR(35),
    DESCRIPTION VARCHAR(255), COMMENTS VARCHAR(255), TAG VARCHAR(255), LIQUIBASE VARCHAR(20),
    CONSTRAINT PK_DATABASECHANGELOG PRIMARY KEY (ID, AUTHOR, FILENAME));
INSERT INTO liquibase2.databasechangelog VALUES ('1', 'ann', 'a.xml', now(), 1, 'MARK_RAN', NULL);

-- Liquibase 5, which also knows how long a change took.
CREATE SCHEMA liquibase5;
CREATE TABLE liquibase5.databasechangelog (ID VARCHAR(255) NOT NULL, AUTHOR VARCHAR(255) NOT NULL, FILENAME VARCHAR(255) NOT NULL,
    DATEEXECUTED TIMESTAMP WITHOUT TIME ZONE NOT NULL, ORDEREXECUTED INTEGER NOT NULL, EXECTYPE VARCHAR(10) NOT NULL, MD5SUM VARCHAR(35),
    DESCRIPTION VARCHAR(255), COMMENTS VARCHAR(255), TAG VARCHAR(255), LIQUIBASE VARCHAR(20), CONTEXTS VARCHAR(255), LABELS VARCHAR(255),
    DEPLOYMENT_ID VARCHAR(10), EXECUTION_MILLISECONDS INTEGER);
INSERT INTO liquibase5.databasechangelog VALUES ('1', 'ann', 'a.xml', now(), 1, 'RERAN', '9:aa');

-- Alembic under a name of the application's, with two heads and without a key.
CREATE TABLE billing_alembic (version_num VARCHAR(32) NOT NULL);
INSERT INTO billing_alembic VALUES ('b2'), ('a1');

-- Rails before 5.0, and with a prefix before the names of tables.
CREATE SCHEMA rails4;
CREATE TABLE rails4.schema_migrations (version character varying(255) NOT NULL);
CREATE UNIQUE INDEX unique_schema_migrations ON rails4.schema_migrations USING btree (version);
INSERT INTO rails4.schema_migrations VALUES ('20120102'), ('20110102');
CREATE TABLE shop_schema_migrations (version character varying NOT NULL PRIMARY KEY);
INSERT INTO shop_schema_migrations VALUES ('20240101120000');
CREATE TABLE shop_ar_internal_metadata (key character varying NOT NULL PRIMARY KEY, value character varying,
    created_at timestamp(6) without time zone NOT NULL, updated_at timestamp(6) without time zone NOT NULL);

-- Django before 3.2, and before identity columns.
CREATE SCHEMA django3;
CREATE TABLE django3.django_migrations (id serial PRIMARY KEY, app character varying(255) NOT NULL, name character varying(255) NOT NULL,
    applied timestamp with time zone NOT NULL);
INSERT INTO django3.django_migrations (app, name, applied) VALUES ('auth', '0001_initial', now());

-- knex under another name, with the lock of its first versions.
CREATE TABLE changes (id serial PRIMARY KEY, name varchar(255), batch integer, migration_time timestamptz);
INSERT INTO changes (name, batch, migration_time) VALUES ('b.js', 1, now()), ('a.ts', 2, now());
CREATE TABLE changes_lock (is_locked integer);
CREATE TABLE knex_migrations_lock (index serial PRIMARY KEY, is_locked integer);

-- sqlx with the name of its table set.
CREATE TABLE app_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on TIMESTAMPTZ NOT NULL DEFAULT now(),
    success BOOLEAN NOT NULL, checksum BYTEA NOT NULL, execution_time BIGINT NOT NULL);
INSERT INTO app_migrations VALUES (2, 'half', now(), false, '\x02', -1), (1, 'users', now(), true, '\x01', 5);

-- Prisma in a schema of its own, with one migration baselined and one tried again.
CREATE SCHEMA prisma;
CREATE TABLE prisma._prisma_migrations (id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL, finished_at TIMESTAMPTZ,
    migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at TIMESTAMPTZ, started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count INTEGER NOT NULL DEFAULT 0);
INSERT INTO prisma._prisma_migrations (id, checksum, finished_at, migration_name, rolled_back_at, started_at, applied_steps_count) VALUES
    ('1', 'aa', '2024-01-01', '0_init', NULL, '2024-01-01', 0), ('2', 'bb', NULL, '1_more', '2024-01-03', '2024-01-02', 0),
    ('3', 'cc', '2024-01-04', '1_more', NULL, '2024-01-04', 1);

-- Other tools' tables, which look alike.
CREATE TABLE schema_migrations_of_go (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL);
CREATE TABLE doors_lock (id int, is_locked int);
