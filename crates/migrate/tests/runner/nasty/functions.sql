CREATE FUNCTION one() RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  total int := 0;
BEGIN
  FOR i IN 1..3 LOOP
    total := total + i; -- it's; a comment
  END LOOP;
  EXECUTE $inner$SELECT 1; $inner$;
  RETURN total;
END;
$$;
CREATE OR REPLACE FUNCTION two() RETURNS text LANGUAGE sql AS 'SELECT ''a;b''; SELECT ''c'';';
CREATE FUNCTION three(IN "begin" int, OUT "end" int) LANGUAGE sql AS $body$ SELECT "begin"; $body$;
CREATE TABLE seen (at int);
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN INSERT INTO seen VALUES (one()); RETURN NEW; END $f$;
CREATE TABLE watched (id int);
CREATE TRIGGER watch BEFORE INSERT ON watched FOR EACH ROW EXECUTE FUNCTION noted();
INSERT INTO watched VALUES (1);
CREATE PROCEDURE four(INOUT x int) LANGUAGE plpgsql AS $_$ BEGIN x := x + 1; END $_$;
CALL four(1);
