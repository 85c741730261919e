CREATE TABLE counted (id int, word text);
CREATE FUNCTION plus(a int, b int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT a + b; END;
CREATE FUNCTION chosen(a int) RETURNS text LANGUAGE sql
BEGIN ATOMIC
  SELECT CASE WHEN a > 0 THEN CASE a WHEN 1 THEN 'one;' ELSE 'many' END ELSE 'none' END;
END;
CREATE OR REPLACE PROCEDURE note(a int) LANGUAGE sql
BEGIN ATOMIC
  INSERT INTO counted VALUES (a, chosen(a)); -- END;
  INSERT INTO counted VALUES (a + 1, $$END;$$);
  DELETE FROM counted WHERE id < 0;
END;
CALL note(1);
CREATE FUNCTION simple(a int) RETURNS int RETURN a * 2;
INSERT INTO counted SELECT simple(4), 'end';
CREATE FUNCTION nothing() RETURNS void LANGUAGE sql BEGIN ATOMIC END;
