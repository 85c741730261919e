//! Statements are told apart where PostgreSQL would, with their places.

use std::path::Path;

use restage_migrate::statements::{Control, Statement, StatementKind, split};
use restage_migrate::{Error, Kind};

fn statements(text: &str) -> Vec<Statement<'_>> {
    split(text, Path::new("V1__a.sql")).collect::<Result<_, _>>().expect("the text is closed")
}

fn sqls(text: &str) -> Vec<&str> {
    statements(text).into_iter().map(|statement| statement.sql).collect()
}

fn error(text: &str) -> Error {
    split(text, Path::new("V1__a.sql")).find_map(Result::err).expect("the text is not closed")
}

#[track_caller]
fn stays_whole(statement: &str) {
    assert_eq!(sqls(&format!("{statement};\n{statement}\n;SELECT 1")), [statement, statement, "SELECT 1"]);
}

#[test]
fn semicolons_within_literals_and_names_separate_nothing() {
    stays_whole("SELECT 'a;b', 'it''s;', '\\', \"a;\"\"b\", B'1;', U&'\\0041;', U&\"d;\"");
    stays_whole("SELECT E'\\';', e'\\\\', E'a'';'");
    stays_whole("SELECT $$ ; $$, $body$ ; $$ ' $bod$ $body$, $é$;$é$");
}

#[test]
fn an_escaping_literal_goes_on_behind_a_line_break() {
    stays_whole("SELECT E'a'\n 'b\\';'");
    stays_whole("SELECT E'a' -- it's;\r\n -- more;\n 'b\\';'");
    assert_eq!(sqls("SELECT E'a' 'b\\'; SELECT 2"), ["SELECT E'a' 'b\\'", "SELECT 2"]);
}

#[test]
fn a_dollar_within_a_name_or_before_a_number_quotes_nothing() {
    assert_eq!(sqls("SELECT a$b$ FROM c$b$; SELECT $1; SELECT $2"), ["SELECT a$b$ FROM c$b$", "SELECT $1", "SELECT $2"]);
    assert_eq!(sqls("SELECT $1$; SELECT $1$"), ["SELECT $1$", "SELECT $1$"]);
    assert_eq!(sqls("SELECT note'\\'; SELECT 2"), ["SELECT note'\\'", "SELECT 2"]);
}

#[test]
fn comments_nest_and_begin_in_operators() {
    stays_whole("SELECT 1 /* a; /* b; */ c; **/ + 2");
    stays_whole("SELECT 1 -- ';\n + 2");
    stays_whole("SELECT 1 +/*;*/ 2 @--; '\n 3");
}

#[test]
fn semicolons_within_parentheses_separate_nothing() {
    stays_whole("CREATE RULE r AS ON INSERT TO a DO (INSERT INTO b VALUES (1); DELETE FROM c;)");
    assert_eq!(sqls("SELECT 1); SELECT 2"), ["SELECT 1)", "SELECT 2"]);
}

#[test]
fn the_body_of_a_routine_of_the_standard_is_part_of_it() {
    stays_whole("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 2 END; SELECT 3; END");
    stays_whole("create or replace procedure p(a int)\nbegin -- why\natomic\ninsert into t values (case a when 1 then 2 end); end");
    stays_whole("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT t.end, 1 AS case FROM t; SELECT 2 AS \"end\"; END");
}

#[test]
fn begin_without_atomic_is_a_statement() {
    assert_eq!(
        sqls("BEGIN; SELECT 1; END; CREATE TABLE atomic(a int)"),
        ["BEGIN", "SELECT 1", "END", "CREATE TABLE atomic(a int)"]
    );
    assert_eq!(sqls("CREATE FUNCTION a() RETURNS int LANGUAGE sql RETURN 1; BEGIN; COMMIT").len(), 3);
}

#[test]
fn what_holds_nothing_is_no_statement() {
    assert_eq!(sqls(""), [""; 0]);
    assert_eq!(sqls(" ;; -- a;\r\n; /* b; */ ;\u{feff} ;\u{a0}\n-- c"), [""; 0]);
    assert_eq!(sqls("\u{feff}SELECT 1;\n\n\u{feff}SELECT 2"), ["SELECT 1", "SELECT 2"]);
}

#[test]
fn comments_at_either_end_are_left_out_but_hints_are_not() {
    assert_eq!(sqls("-- a\nSELECT 1 -- b\n;\n/* c */ SELECT 2 /* d */"), ["SELECT 1", "SELECT 2"]);
    assert_eq!(
        sqls("-- a\n/*+ SeqScan(t) */ -- b\nSELECT 1; SELECT /*+ c */ 2"),
        ["/*+ SeqScan(t) */ -- b\nSELECT 1", "SELECT /*+ c */ 2"]
    );
}

#[test]
fn statements_know_their_places() {
    let text = "-- é\r\n  SELECT 'é\n'; ß AS x;\r\n\tSELECT 2";
    let places: Vec<_> = statements(text).iter().map(|statement| (statement.line, statement.column, statement.sql)).collect();
    assert_eq!(places, [(2, 3, "SELECT 'é\n'"), (3, 4, "ß AS x"), (4, 2, "SELECT 2")]);
    assert!(statements(text).iter().all(|statement| text[statement.offset..].starts_with(statement.sql)));
}

#[test]
fn rows_behind_a_copy_belong_to_it() {
    let text = "COPY a.t (b, c) FROM stdin WITH (NULL ''); -- rows\n1\tit's; --\n\\\\.\n\\.\nSELECT 1;\r\ncopy t from\nstdin;\r\n\\.\r\nSELECT 2";
    let found: Vec<_> = statements(text).iter().map(|statement| (statement.sql, statement.kind)).collect();
    let copied = |data| StatementKind::CopyFromStdin { data };
    assert_eq!(
        found,
        [
            ("COPY a.t (b, c) FROM stdin WITH (NULL '')", copied("1\tit's; --\n\\\\.\n")),
            ("SELECT 1", StatementKind::Ordinary),
            ("copy t from\nstdin", copied("")),
            ("SELECT 2", StatementKind::Ordinary),
        ]
    );
}

#[test]
fn a_copy_from_elsewhere_has_no_rows() {
    let text = "COPY t FROM '/stdin'; COPY (SELECT * FROM stdin) TO stdout; SELECT * FROM stdin; COPY t FROM \"stdin\"";
    assert!(statements(text).iter().all(|statement| statement.kind == StatementKind::Ordinary));
    assert_eq!(statements(text).len(), 4);
}

#[test]
fn what_does_not_end_is_an_error_that_says_where_it_began() {
    for (opened, what) in [
        ("'a;", "a literal"),
        ("E'a\\';", "a literal"),
        ("E'a\\", "a literal"),
        ("\"a;", "a quoted name"),
        ("$a$ $b$ $", "a dollar-quoted literal"),
        ("/* /* */ *", "a comment"),
        ("(1;", "a parenthesis"),
    ] {
        let error = error(&format!("SELECT 1;\n\nSELECT\n {opened}\n\n"));
        assert_eq!(error.kind, Kind::Unterminated);
        assert_eq!(error.message, format!("{what} that begins on line 4 of `V1__a.sql` does not end"));
        assert_eq!(error.place.unwrap().line, Some(4));
    }
    let body = error("SELECT 1;\nCREATE FUNCTION f() RETURNS int\nBEGIN ATOMIC SELECT CASE 1 END;");
    assert_eq!(body.message, "an atomic block that begins on line 3 of `V1__a.sql` does not end");
}

#[test]
fn a_copy_whose_rows_do_not_end_is_an_error() {
    for text in
        ["\nCOPY t FROM stdin", "\nCOPY t FROM stdin;", "\nCOPY t FROM stdin;\n1\n", "\nCOPY t FROM stdin; SELECT 1;\n\\.\n"]
    {
        assert_eq!(error(text).message, "a `COPY` from standard input that begins on line 2 of `V1__a.sql` does not end");
    }
}

#[test]
fn nothing_follows_an_error() {
    let mut found = split("SELECT 1; 'a", Path::new("a.sql"));
    assert!(found.next().unwrap().is_ok());
    assert!(found.next().unwrap().is_err());
    assert!(found.next().is_none());
}

#[test]
fn statements_that_a_server_refuses_within_a_transaction_are_known() {
    let refused = "CREATE DATABASE a; drop tablespace a; CREATE SUBSCRIPTION a CONNECTION 'b' PUBLICATION c; ALTER SYSTEM SET a = 1;
        CREATE INDEX CONCURRENTLY i ON t (a); CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a); DROP INDEX /* a */ CONCURRENTLY i;
        REINDEX (VERBOSE) DATABASE a; REINDEX SCHEMA s; REINDEX VERBOSE SYSTEM a; REINDEX TABLE CONCURRENTLY t; VACUUM; VACUUM FULL a;
        DISCARD ALL; ALTER TABLE IF EXISTS a DETACH PARTITION b.c CONCURRENTLY; ALTER TABLE a DETACH PARTITION b CONCURRENTLY";
    for statement in statements(refused) {
        assert!(statement.needs_no_transaction(18), "{}", statement.sql);
    }
}

#[test]
fn statements_that_a_server_takes_within_a_transaction_are_known() {
    let taken = "CREATE INDEX i ON t (concurrently); CREATE TABLE database (vacuum int); DISCARD PLANS; ALTER TABLE system ADD a int;
        REINDEX TABLE t; ALTER TABLE a DETACH PARTITION b; COMMENT ON DATABASE a IS 'VACUUM'; \"VACUUM\"; ALTER DATABASE a SET b = c";
    for statement in statements(taken) {
        assert!(!statement.needs_no_transaction(9), "{}", statement.sql);
    }
}

#[test]
fn a_value_is_added_to_an_enum_within_a_transaction_from_version_12_on() {
    for sql in
        ["ALTER TYPE a ADD VALUE 'b'", "alter type a.b add value if not exists 'c' before 'd'", "ALTER TYPE \"a\" ADD VALUE 'b'"]
    {
        let statement = statements(sql)[0];
        assert!(statement.needs_no_transaction(11));
        assert!(!statement.needs_no_transaction(12));
    }
    assert!(!statements("ALTER TYPE a ADD ATTRIBUTE value int")[0].needs_no_transaction(11));
}

#[test]
fn statements_that_begin_or_end_transactions_are_known() {
    for (sql, expected) in [
        ("BEGIN", Some(Control::Begins)),
        ("begin isolation level serializable", Some(Control::Begins)),
        ("START TRANSACTION", Some(Control::Begins)),
        ("commit", Some(Control::Ends)),
        ("COMMIT WORK", Some(Control::Ends)),
        ("/*+ hint */ COMMIT", Some(Control::Ends)),
        ("COMMIT AND CHAIN", Some(Control::Begins)),
        ("COMMIT AND /* a */ CHAIN", Some(Control::Begins)),
        ("COMMIT AND NO CHAIN", Some(Control::Ends)),
        ("END", Some(Control::Ends)),
        ("ROLLBACK", Some(Control::Ends)),
        ("ROLLBACK /* to */ WORK", Some(Control::Ends)),
        ("ABORT", Some(Control::Ends)),
        ("ROLLBACK TO SAVEPOINT a", None),
        ("ROLLBACK WORK TO a", None),
        ("ROLLBACK PREPARED 'a'", None),
        ("COMMIT PREPARED 'a'", None),
        ("PREPARE TRANSACTION 'a'", Some(Control::Ends)),
        ("PREPARE a AS SELECT 1", None),
        ("SAVEPOINT a", None),
        ("SELECT 'COMMIT'", None),
        ("CREATE FUNCTION a() RETURNS int BEGIN ATOMIC SELECT 1; END", None),
    ] {
        assert_eq!(statements(sql)[0].control(), expected, "{sql}");
    }
}
