-- it's a comment; with a quote
/* one; /* nested; */ still; ' */ CREATE TABLE a (id int); -- behind
;;
CREATE TABLE b (id int /* ; */, -- ;
  word text DEFAULT '/* no comment; */' -- '
);
INSERT INTO b VALUES (4 /*;*/ - /* -- */ 1);
INSERT INTO b VALUES (4--1;
);
/**/CREATE/**/TABLE/**/c/**/()/**/;
COMMENT ON TABLE a IS '-- no comment;';
SELECT 5 */* ; */ 2;
/* at the end; */
-- and no line break behind
-- last