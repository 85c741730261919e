CREATE TABLE "a;b" ("c""d;" int, "$$" text, "/*" int);
CREATE TABLE a$b$c (x$y int);
INSERT INTO a$b$c VALUES (1);
CREATE TABLE größe (maß int, "end" int, "case" int);
INSERT INTO größe SELECT CASE WHEN 1 = 1 THEN 2 END AS "end", 1, 2;
CREATE TYPE pair AS (begin int, atomic int);
CREATE OPERATOR <-> (LEFTARG = int, RIGHTARG = int, FUNCTION = int4mi);
CREATE TABLE d AS SELECT 5 <-> 3 AS value, (ARRAY[1, 2])[1] AS first, 'x'::text::varchar AS t;
