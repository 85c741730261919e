CREATE TABLE made (id int);
DO $$
BEGIN
  INSERT INTO made VALUES (1);
  BEGIN
    INSERT INTO made VALUES (1 / 0);
  EXCEPTION WHEN division_by_zero THEN
    INSERT INTO made VALUES (2);
  END;
END
$$;
DO LANGUAGE plpgsql 'BEGIN INSERT INTO made VALUES (3); END;';
DO $outer$ DECLARE t text := $$a;b$$; BEGIN EXECUTE 'INSERT INTO made VALUES (4);'; END $outer$;
WITH added AS (INSERT INTO made VALUES (5) RETURNING id) SELECT * FROM added;
