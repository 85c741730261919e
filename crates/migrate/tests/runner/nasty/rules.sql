CREATE TABLE kept (id int, at text);
CREATE TABLE gone (id int);
CREATE RULE keep AS ON DELETE TO kept DO ALSO (INSERT INTO gone VALUES (OLD.id); INSERT INTO gone VALUES (-OLD.id));
CREATE RULE twice AS ON INSERT TO kept DO (
  INSERT INTO gone VALUES (NEW.id);
  NOTIFY kept;
);
INSERT INTO kept VALUES (1, 'a'), (11, 'b');
DELETE FROM kept WHERE id = 1;
CREATE SCHEMA inner_schema CREATE TABLE first (id int) CREATE VIEW second AS SELECT id FROM first;
