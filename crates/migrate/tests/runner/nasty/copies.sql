CREATE TABLE rows (id int, "from" text, stdin text);
COPY rows FROM STDIN;
1	a;b	it's
2	\N	$$
3	tab\there	/* no comment
\.
COPY rows (id, "from") FROM stdin WITH (FORMAT csv, HEADER);
id,from
4,"a;
b"
5,'
\.
copy rows from stdin (delimiter '|');
6|x|y
\.
COPY rows FROM STDIN;
\.
INSERT INTO rows VALUES (7, 'copy', 'from stdin');
COPY (SELECT 1) TO '/dev/null';
