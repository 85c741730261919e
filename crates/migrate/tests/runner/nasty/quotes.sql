CREATE TABLE texts (id int, body text);
INSERT INTO texts VALUES (1, 'it''s; fine'), (2, E'back\\slash;\' quoted'), (3, 'back\slash\');
INSERT INTO texts VALUES (4, E'a;'
  ';b\\c;');
INSERT INTO texts VALUES (5, $$a;b$$), (6, $tag$a; $$ ; $other$ ; $tag$), (7, $é$;$é$);
INSERT INTO texts VALUES (8, U&'d\0061t;\+000061'), (9, B'101'::text), (10, X'1F'::text);
INSERT INTO texts SELECT 11, 'a;
b
;c';
PREPARE plan(text) AS INSERT INTO texts VALUES (12, $1);
EXECUTE plan('x;$1$;');
SELECT 1 AS "semi;colon", 2 AS "do""uble;";
