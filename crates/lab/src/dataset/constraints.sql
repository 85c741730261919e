-- What is quicker to add once the rows are there: keys, indexes, foreign keys, triggers, views, grants.
SET maintenance_work_mem = '256MB';
ALTER TABLE flyway_schema_history ADD CONSTRAINT flyway_schema_history_pk PRIMARY KEY (installed_rank);
CREATE INDEX flyway_schema_history_s_idx ON flyway_schema_history (success);
ALTER TABLE roles ADD PRIMARY KEY (code);
ALTER TABLE users ADD PRIMARY KEY (id), ADD UNIQUE (username);
ALTER TABLE user_role_assignments ADD PRIMARY KEY (id), ADD UNIQUE (user_id, role),
    ADD FOREIGN KEY (user_id) REFERENCES users, ADD FOREIGN KEY (role) REFERENCES roles;
ALTER TABLE user_qualification_assignments ADD PRIMARY KEY (id), ADD FOREIGN KEY (user_id) REFERENCES users;
ALTER TABLE accounts ADD PRIMARY KEY (id), ADD UNIQUE (login);
ALTER TABLE account_role_assignments ADD PRIMARY KEY (account_id, role),
    ADD FOREIGN KEY (account_id) REFERENCES accounts ON DELETE CASCADE, ADD FOREIGN KEY (role) REFERENCES roles;
ALTER TABLE people ADD PRIMARY KEY (id), ADD UNIQUE (reference);
CREATE INDEX people_by_name ON people (lower(last_name), first_name);
CREATE INDEX people_at_risk ON people (created_at) WHERE risk IN ('high', 'very high');
ALTER TABLE contacts ADD PRIMARY KEY (id), ADD FOREIGN KEY (person_id) REFERENCES people;
ALTER TABLE emergency_contacts ADD PRIMARY KEY (id), ADD FOREIGN KEY (person_id) REFERENCES people;
ALTER TABLE premises ADD PRIMARY KEY (id), ADD UNIQUE (name);
CREATE INDEX premises_like ON premises USING gin (name gin_trgm_ops);
ALTER TABLE beds ADD PRIMARY KEY (id), ADD FOREIGN KEY (premises_id) REFERENCES premises;
ALTER TABLE applications ADD PRIMARY KEY (id), ADD FOREIGN KEY (person_id) REFERENCES people,
    ADD FOREIGN KEY (created_by) REFERENCES users;
CREATE INDEX applications_by_person ON applications (person_id);
ALTER TABLE assessments ADD PRIMARY KEY (id), ADD FOREIGN KEY (application_id) REFERENCES applications ON DELETE CASCADE,
    ADD FOREIGN KEY (assessor_id) REFERENCES users DEFERRABLE INITIALLY DEFERRED;
CREATE INDEX assessments_by_application ON assessments (application_id);
ALTER TABLE bookings ADD PRIMARY KEY (id), ADD FOREIGN KEY (person_id) REFERENCES people, ADD FOREIGN KEY (bed_id) REFERENCES beds;
CREATE INDEX bookings_by_bed ON bookings (bed_id, arrival) INCLUDE (departure);
ALTER TABLE notes ADD PRIMARY KEY (id), ADD FOREIGN KEY (application_id) REFERENCES applications,
    ADD FOREIGN KEY (created_by) REFERENCES users;
CREATE INDEX notes_by_application ON notes (application_id);
ALTER TABLE documents ADD PRIMARY KEY (id);
ALTER TABLE page_cache ADD PRIMARY KEY (path);
ALTER TABLE audit.events ADD PRIMARY KEY (id, occurred_at);
CREATE INDEX events_by_actor ON audit.events (actor_id);
CREATE STATISTICS people_names ON first_name, last_name FROM people;

CREATE TRIGGER touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER touch BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER touch BEFORE UPDATE ON applications FOR EACH ROW EXECUTE FUNCTION touch();

CREATE VIEW reporting.current_bookings AS
    SELECT id, person_id, bed_id, arrival, departure FROM bookings WHERE status IN ('confirmed', 'arrived');
CREATE VIEW reporting.person_overview AS
    SELECT person.id, person.full_name, initials(person.full_name) AS initials, count(booking.id) AS bookings
    FROM people AS person LEFT JOIN reporting.current_bookings AS booking ON booking.person_id = person.id
    GROUP BY person.id;
COMMENT ON VIEW reporting.person_overview IS 'one line per person';
CREATE RULE no_writing AS ON INSERT TO reporting.current_bookings DO INSTEAD NOTHING;
CREATE MATERIALIZED VIEW reporting.occupancy AS
    SELECT bed.premises_id, booking.status, count(*) AS bookings, sum(nights(booking)) AS nights
    FROM bookings AS booking JOIN beds AS bed ON bed.id = booking.bed_id
    GROUP BY bed.premises_id, booking.status;
CREATE UNIQUE INDEX occupancy_key ON reporting.occupancy (premises_id, status);
ANALYZE;
