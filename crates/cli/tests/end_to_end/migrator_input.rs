//! Scripts that cannot be used: each is refused with a code, its file and its line, and nothing runs.

use crate::look::rows;
use crate::migrator::{history, migrate, run, site};
use crate::world::{APP, World};
use std::fs::{self, File};
use std::io::Write;
use std::time::{Duration, Instant};

/// Expects that a run refuses with these words.
#[track_caller]
fn is_refused(world: &World, words: &[&str]) {
    let mut played = run(world, 2, &["--set", "validateMigrationNaming=true"]).fails_with("R0220");
    for said in words {
        played = played.says(said);
    }
    assert_eq!(rows(&world.preprod, "select count(*) from pg_class where relname = 'orders'"), ["0"], "{played}");
}

#[test]
fn a_version_that_two_scripts_have_is_refused_and_both_are_named() {
    let world = site();
    world.write("sql/more/V1.0__again.sql", "select 1;\n");
    is_refused(&world, &["sql/V1__orders.sql", "sql/more/V1.0__again.sql"]);
}

#[test]
fn a_name_that_says_not_what_a_script_is_is_refused() {
    let world = site();
    world.write("sql/V2_typo.sql", "select 1;\n");
    is_refused(&world, &["sql/V2_typo.sql"]);
}

#[test]
fn what_is_passed_over_in_the_locations_is_named() {
    let world = site();
    world.write("sql/V2_typo.sql", "select 1;\n");
    for command in ["info", "run"] {
        let played = migrate(&world, command, &["--location", "slq"]).ends(0).says("passed over: ");
        played.says("sql/V2_typo.sql: `V2_typo.sql` is no name of a script").says("the location `filesystem:slq` is no folder");
    }
    migrate(&world, "validate", &[]).ends(0).says("passed over: sql/V2_typo.sql");
}

#[test]
fn a_script_that_is_not_utf_8_is_refused_with_its_line() {
    let world = site();
    world.write("sql/V2__latin.sql", "");
    fs::write(world.path("project/sql/V2__latin.sql"), b"select 1;\n-- caf\xe9\n").unwrap();
    is_refused(&world, &["sql/V2__latin.sql:2"]);
}

#[test]
fn a_quote_without_an_end_is_refused_with_the_line_it_begins_on() {
    let world = site();
    world.write("sql/V2__quote.sql", "select 1;\nselect 'it never\nends;\n");
    is_refused(&world, &["sql/V2__quote.sql:2"]);
}

#[test]
fn a_placeholder_without_a_value_is_refused_with_its_line_and_runs_once_it_has_one() {
    let world = site();
    world.write("sql/V2__owner.sql", "select 1;\nselect '${owner}';\n");
    is_refused(&world, &["sql/V2__owner.sql:2", "owner"]);
    run(&world, 0, &["--placeholder", "owner=ada"]);
}

#[test]
fn a_script_of_100_mb_is_applied() {
    let world = site();
    world.write("sql/V2__large.sql", "");
    let mut file = File::create(world.path("project/sql/V2__large.sql")).unwrap();
    writeln!(file, "create table large (line text);\ncopy large from stdin;").unwrap();
    let line = format!("{}\n", "x".repeat(1023));
    for _ in 0..100 << 10 {
        file.write_all(line.as_bytes()).unwrap();
    }
    writeln!(file, "\\.").unwrap();
    drop(file);
    let since = Instant::now();
    run(&world, 0, &[]);
    assert!(since.elapsed() < Duration::from_mins(1), "{:?}", since.elapsed());
    assert_eq!(rows(&world.preprod, "select count(*) from large"), ["102400"]);
}

#[test]
fn a_database_by_its_address_takes_its_password_from_where_it_is_said_to_be() {
    let world = site();
    let url = world.preprod.url(APP, restage_lab::SUPERUSER);
    world.write("password", "");
    fs::write(world.path("project/password"), format!("{}\n", restage_lab::SUPERUSER_PASSWORD)).unwrap();
    let by_url = ["migrate", "run", "--url", &url, "--location", "sql"];
    world.restage(&[&by_url[..], &["--password-from", "file:password"]].concat()).ends(0);
    for variable in ["RESTAGE_MIGRATE_PASSWORD", "PGPASSWORD", "FLYWAY_PASSWORD"] {
        let mut command = world.command(&by_url);
        command.env(variable, restage_lab::SUPERUSER_PASSWORD).env("FLYWAY_TABLE", variable.to_lowercase());
        command.env("FLYWAY_BASELINE_ON_MIGRATE", "true").env("FLYWAY_BASELINE_VERSION", "0");
        crate::play::Playing::start(command, &world.path("said")).finish().ends(2).says("orders");
        assert_eq!(rows(&world.preprod, &format!("select version from {}", variable.to_lowercase())), ["0"]);
    }
    world.restage(&by_url).ends(1);
    assert_eq!(history(&world), ["1|t"]);
}

#[test]
fn flyways_own_file_in_the_working_folder_is_read() {
    let world = site();
    world.write(
        "flyway.conf",
        "flyway.url=jdbc:postgresql://elsewhere/app\nflyway.locations=filesystem:sql\nflyway.table=schema_version\n",
    );
    let played = world.restage(&["migrate", "run", "--database", "preprod/app"]).ends(0).says("mean nothing here: flyway.url");
    assert_eq!(rows(&world.preprod, "select version from schema_version"), ["1"], "{played}");
}

#[test]
fn flyways_newer_file_is_read_with_an_environment_and_notices_are_shown() {
    let world = site();
    world.write("flyway.conf", "flyway.table=not_read\n");
    world.write(
        "flyway.toml",
        "[flyway]\nlocations = [\"sql\"]\n[environments.small]\nurl = \"jdbc:postgresql://elsewhere/app\"\n\
         [environments.small.flyway]\ntable = \"schema_version\"\n",
    );
    world.write("sql/V2__again.sql", "\ncreate table if not exists orders (id int);\ncreate table ${flyway:environment} ();\n");
    let played = world.restage(&["migrate", "run", "--database", "preprod/app", "--set", "environment=small"]).ends(0);
    let played = played.says("mean nothing here: all of flyway.conf, environments.small.url");
    played.says("NOTICE at V2__again.sql:2: relation \"orders\" already exists, skipping");
    assert_eq!(rows(&world.preprod, "select max(version) from schema_version where to_regclass('small') is not null"), ["2"]);
    world
        .restage(&["migrate", "run", "--database", "preprod/app", "--set", "environment=large"])
        .ends(1)
        .says("environments.large");
}

#[test]
fn history_is_repaired_given_a_baseline_and_undone() {
    let world = site();
    world.preprod.psql(APP, "create table old (id int)").unwrap();
    run(&world, 2, &[]).says("baseline");
    migrate(&world, "baseline", &["--set", "baselineVersion=0"]).ends(0).says("begins with version 0");
    run(&world, 0, &[]);
    world.write("sql/U1__orders.sql", "drop table orders;\n");
    migrate(&world, "undo", &[]).ends(0).says("1 undo script run");
    run(&world, 0, &[]);
    world.write("sql/V1__orders.sql", "create table orders (id int primary key);\n");
    run(&world, 2, &[]).fails_with("R0220");
    migrate(&world, "repair", &[]).ends(1).says("a repair would").says("checksum").says("there is nobody to ask");
    run(&world, 2, &[]).fails_with("R0220");
    migrate(&world, "repair", &["--yes"]).ends(0).says("repaired");
    migrate(&world, "validate", &[]).ends(0).says("history and scripts agree");
    let json = migrate(&world, "repair", &["--output", "json"]).ends(0).json();
    assert_eq!((json["done"].as_bool(), json["changes"].as_array().unwrap().len()), (Some(false), 0));
}

#[test]
fn histories_of_other_tools_are_shown_and_left_alone() {
    let world = site();
    world.preprod.psql(APP, "create table alembic_version (version_num varchar(32) primary key); insert into alembic_version values ('ae1027a6acf')").unwrap();
    let looked = world.restage(&["migrate", "info", "--database", "preprod/app"]).ends(0);
    looked.says("Alembic keeps a history in alembic_version").says("ae1027a6acf").says("`--location DIR` does");
    let json = world.restage(&["migrate", "info", "--database", "preprod/app", "--output", "json"]).ends(0).json();
    assert_eq!(
        (json["exit"].as_i64(), json["others"][0]["tool"].as_str(), json["exists"].as_bool()),
        (Some(0), Some("alembic"), Some(false))
    );
}

#[test]
fn an_address_that_is_typed_wrongly_is_told_without_a_word_of_files_that_nobody_wrote() {
    let world = site();
    for (url, wrong, help) in [
        ("mysql://x@127.0.0.1/app", "this is not a PostgreSQL URL", "postgresql://user@host:5432/name"),
        ("postgresql://x@127.0.0.1:5432", "the URL names no database", "postgresql://user@host/name"),
        ("jdbc:postgresql://x:s3cret-word@127.0.0.1/app", "the URL contains a password", "`--password-from`"),
        ("postgresql://127.0.0.1/app?user=x&password=s3cret-word", "the URL contains a password", "`--password-from`"),
    ] {
        let played = world.restage(&["migrate", "run", "--url", url, "--location", "sql"]).ends(1).fails_with("R0101");
        let played = played.says(&format!("`--url`: {wrong}")).says(help).keeps_quiet_of("s3cret-word");
        played.keeps_quiet_of("environments").keeps_quiet_of("restage check");
    }
}

#[test]
fn nothing_goes_on_at_a_statement_unless_a_script_stopped_half_way() {
    let world = site();
    run(&world, 1, &["--go-on-at", "2"]).fails_with("R0101").says("no migration stopped half way");
    assert_eq!(rows(&world.preprod, "select to_regclass('orders') is null"), ["t"]);
    migrate(&world, "run", &["--go-on-at", "0"]).ends(1).says("statements are counted from 1");
    world.write("sql/V2__two.sql", "create table two (id int);\nselect 1 / 0;\n");
    world.write("sql/V2__two.sql.conf", "executeInTransaction=false\n");
    run(&world, 2, &[]).says("statement 1 of 2 is done");
    for command in ["info", "run"] {
        migrate(&world, command, &[]).tells("the schema is at version 2, whose script did not end");
    }
    let played = run(&world, 0, &["--go-on-at", "3"]).says("the schema is at version 2");
    assert_eq!(played.out.trim(), "1 migration applied; the schema is at version 2");
}

#[test]
fn settings_that_mean_nothing_here_are_named_by_every_command() {
    let world = site();
    world.write("flyway.conf", "flyway.url=jdbc:postgresql://127.0.0.1/elsewhere\nflyway.locations=filesystem:sql\n");
    for (command, status) in
        [("info", 0), ("validate", 2), ("run", 0), ("validate", 0), ("repair", 0), ("baseline", 2), ("undo", 2)]
    {
        let played = world.restage(&["migrate", command, "--database", "preprod/app"]).ends(status);
        assert_eq!(played.err.lines().next(), Some("settings of Flyway that mean nothing here: flyway.url"), "{played}");
    }
}
