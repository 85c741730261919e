CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN email AS varchar(254) CHECK (VALUE ~ '@');
CREATE SCHEMA billing;

CREATE TABLE customers (
    id bigserial PRIMARY KEY, email email NOT NULL UNIQUE, password varchar(60) NOT NULL, feeling mood, tags text[],
    balance numeric(10, 2) NOT NULL DEFAULT 0, seen timestamptz(3));
CREATE TABLE billing.orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers (id),
    region varchar(20) NOT NULL, number int NOT NULL, note varchar, UNIQUE (region, number));
CREATE TABLE billing.order_lines (
    order_id bigint REFERENCES billing.orders, line int, kind char NOT NULL, "Odd ""name"": #1" text, "null" text,
    PRIMARY KEY (order_id, line));
CREATE TABLE billing.discounts (
    number int NOT NULL, region varchar(20) NOT NULL, percent real,
    FOREIGN KEY (region, number) REFERENCES billing.orders (region, number));
CREATE UNIQUE INDEX ON billing.discounts (percent, region);

-- A table with partitions, which come and go.
CREATE TABLE events (at date NOT NULL, what text) PARTITION BY RANGE (at);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');

-- What tools keep for themselves.
CREATE TABLE flyway_schema_history (
    installed_rank int NOT NULL PRIMARY KEY, version varchar(50), description varchar(200) NOT NULL, type varchar(20) NOT NULL,
    script varchar(1000) NOT NULL, checksum int, installed_by varchar(100) NOT NULL, installed_on timestamp NOT NULL DEFAULT now(),
    execution_time int NOT NULL, success boolean NOT NULL);
CREATE TABLE databasechangeloglock (id int PRIMARY KEY, locked boolean NOT NULL, lockgranted timestamp, lockedby varchar(255));
