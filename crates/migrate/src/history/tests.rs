use super::*;
use crate::settings::Settings;

fn row(rank: i32, sort: RowType, version: Option<&str>) -> Row {
    Row {
        installed_rank: rank,
        version: version.map(|text| text.parse().unwrap()),
        description: "it's".into(),
        sort,
        script: "V1__it's.sql".into(),
        checksum: Some(Checksum(-7)),
        installed_by: "o'neil".into(),
        execution_time: 3,
        success: true,
        installed_on: None,
    }
}

fn table() -> Table {
    Table { schema: "public".into(), name: "flyway_schema_history".into() }
}

#[test]
fn the_lock_key_is_flyways() {
    assert_eq!(table().lock_key(), 77_433_833_903_597);
    assert_eq!(i64::from_be_bytes(*b"\0\0Flyway"), 77_431_708_279_161);
    assert_eq!(table().try_lock(&Settings::default()), "SELECT pg_try_advisory_xact_lock(77433833903597)");
    let session = Settings { transactional_lock: false, ..Settings::default() };
    assert_eq!(table().try_lock(&session), "SELECT pg_try_advisory_lock(77433833903597)");
}

#[test]
fn the_table_is_created_as_flyway_creates_it() {
    assert_eq!(
        table().create(None, None),
        r#"CREATE TABLE "public"."flyway_schema_history" (
    "installed_rank" INT NOT NULL,
    "version" VARCHAR(50),
    "description" VARCHAR(200) NOT NULL,
    "type" VARCHAR(20) NOT NULL,
    "script" VARCHAR(1000) NOT NULL,
    "checksum" INTEGER,
    "installed_by" VARCHAR(100) NOT NULL,
    "installed_on" TIMESTAMP NOT NULL DEFAULT now(),
    "execution_time" INTEGER NOT NULL,
    "success" BOOLEAN NOT NULL
);
ALTER TABLE "public"."flyway_schema_history" ADD CONSTRAINT "flyway_schema_history_pk" PRIMARY KEY ("installed_rank");
CREATE INDEX "flyway_schema_history_s_idx" ON "public"."flyway_schema_history" ("success");"#
    );
}

#[test]
fn names_and_texts_are_quoted() {
    let table = Table { schema: r#"a"b"#.into(), name: "h".into() };
    let sql = table.create(Some("fast"), Some(&row(1, RowType::Baseline, Some("1"))));
    assert!(sql.starts_with(r#"CREATE TABLE "a""b"."h" ("#), "{sql}");
    assert!(
        sql.contains(r#") TABLESPACE "fast";"#) && sql.contains(r#"PRIMARY KEY ("installed_rank") USING INDEX TABLESPACE "fast";"#)
    );
    assert!(sql.contains("VALUES (1, '1', 'it''s', 'BASELINE', 'V1__it''s.sql', -7, 'o''neil', 3, TRUE);\n"), "{sql}");
}

#[test]
fn rows_are_written_and_read_column_by_column() {
    assert_eq!(
        table().insert(),
        r#"INSERT INTO "public"."flyway_schema_history" ("installed_rank", "version", "description", "type", "script", "checksum", "installed_by", "execution_time", "success") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"#
    );
    assert!(
        table()
            .read()
            .ends_with(r#""success", "installed_on"::text FROM "public"."flyway_schema_history" ORDER BY "installed_rank""#)
    );
    let schemas = Row::of_schemas(&[], &["app".into(), "a\"b".into()], "me");
    assert_eq!((schemas.installed_rank, schemas.script.as_str()), (0, r#""app","a""b""#));
    assert!(
        table()
            .insert_literally(&schemas)
            .ends_with(r#"VALUES (0, NULL, '<< Flyway Schema Creation >>', 'SCHEMA', '"app","a""b"', NULL, 'me', 0, TRUE)"#)
    );
}

#[test]
fn ranks_go_on_from_the_last_row() {
    assert_eq!(next_rank(&[]), 1);
    assert_eq!(next_rank(&[row(0, RowType::Schema, None)]), 1);
    assert_eq!(next_rank(&[row(3, RowType::Sql, Some("1")), row(7, RowType::Sql, Some("2"))]), 8);
}

#[test]
fn long_texts_are_cut_where_flyway_cuts_them() {
    assert_eq!(cut_description(&"d".repeat(200)), "d".repeat(200));
    assert_eq!(cut_description(&"d".repeat(201)), "d".repeat(197) + "...");
    assert_eq!(cut_script(&"s".repeat(1000)), "s".repeat(1000));
    assert_eq!(cut_script(&format!("abcdef{}", "s".repeat(1000))), format!("...def{}", "s".repeat(994)));
    // Two UTF-16 units each: 98 whole ones fit into 197 units.
    assert_eq!(cut_description(&"𝄞".repeat(101)), "𝄞".repeat(98) + "...");
    assert_eq!(cut_description(&"𝄞".repeat(100)), "𝄞".repeat(100));
}

#[test]
fn types_are_read_and_written_as_flyway_does() {
    for text in [
        "SCHEMA",
        "BASELINE",
        "DELETE",
        "SQL",
        "JDBC",
        "SCRIPT",
        "CUSTOM",
        "SQL_BASELINE",
        "JDBC_BASELINE",
        "UNDO_SQL",
        "UNDO_JDBC",
        "UNDO_SCRIPT",
    ] {
        let sort = RowType::parse(text).unwrap();
        assert_eq!(sort.as_str(), text);
        assert_eq!(serde_json::to_string(&sort).unwrap(), format!("\"{text}\""));
    }
    assert_eq!(RowType::parse("SPRING_JDBC").unwrap(), RowType::Jdbc);
    assert_eq!(RowType::parse("INIT").unwrap(), RowType::Baseline);
    assert!(RowType::parse("sql").unwrap_err().message.contains("`sql`"));
}

#[test]
fn a_baseline_begins_a_history_and_is_refused_by_one_that_has_begun() {
    let settings = Settings { baseline_version: "5".parse().unwrap(), ..Settings::default() };
    let Baselining::Write(written) = baselining(&[], &settings, "me").unwrap() else { panic!() };
    assert_eq!((written.installed_rank, written.version.clone().unwrap().as_str()), (1, "5"));
    assert_eq!((written.description.as_str(), written.script.as_str()), ("<< Flyway Baseline >>", "<< Flyway Baseline >>"));
    assert_eq!((written.checksum, written.execution_time, written.success), (None, 0, true));
    assert_eq!(baselining(std::slice::from_ref(&written), &settings, "me").unwrap(), Baselining::Done);
    let schemas = row(0, RowType::Schema, None);
    assert!(matches!(
        baselining(std::slice::from_ref(&schemas), &settings, "me"),
        Ok(Baselining::Write(Row { installed_rank: 1, .. }))
    ));
    assert_eq!(baselining(&[schemas.clone(), written.clone()], &settings, "me").unwrap(), Baselining::Done);

    let zero = Settings { baseline_version: "0.0".parse().unwrap(), ..Settings::default() };
    assert!(baselining(&[schemas], &zero, "me").unwrap_err().message.contains("version 0 stands for the created schemas"));
    assert!(baselining(&[written], &zero, "me").unwrap_err().message.contains("it began with version `5`"));
    let sql = row(1, RowType::Sql, Some("1"));
    assert!(baselining(&[sql], &settings, "me").unwrap_err().message.contains("it already has migrations"));
}

#[test]
fn a_schema_with_objects_but_no_history_is_only_baselined_if_that_is_set() {
    let mut settings = Settings::default();
    assert_eq!(beginning(Found::History, &settings).unwrap(), Beginning::GoOn);
    assert_eq!(beginning(Found::EmptySchemas, &settings).unwrap(), Beginning::Create);
    assert_eq!(beginning(Found::FilledSchema, &settings).unwrap_err().kind, Kind::Invalid);
    settings.baseline_on_migrate = true;
    assert_eq!(beginning(Found::FilledSchema, &settings).unwrap(), Beginning::Baseline);
    assert_eq!(beginning(Found::EmptySchemas, &settings).unwrap(), Beginning::Create);
}
