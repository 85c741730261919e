//! How the table of a history looks at the usual widths.

use super::*;
use restage_core::facts::{AppliedMigration, MigrationTool};
use restage_core::schema::TableName;
use restage_migrate::runner::{Holder, Next, Unfinished};

fn entry(version: Option<&str>, description: &str, state: &'static str, mark: Mark, took_ms: Option<i32>) -> Entry {
    Entry {
        version: version.map(str::to_owned),
        description: description.to_owned(),
        sort: "SQL".to_owned(),
        script: String::new(),
        file: None,
        state,
        mark,
        checksum: None,
        installed_rank: None,
        installed_on: took_ms.map(|_| "2026-11-20 14:05:09.123456".to_owned()),
        installed_by: None,
        execution_time_ms: took_ms,
    }
}

fn known() -> Known {
    let long = "add a column to orders that says who has paid them and when, with an index for the report of the month";
    Known {
        database: "preprod/app".to_owned(),
        table: "public.flyway_schema_history".to_owned(),
        exists: true,
        version: Some("2024.11.20.1405".to_owned()),
        pending: 1,
        migrations: vec![
            entry(Some("1"), "create orders", "Success", Mark::Good, Some(12)),
            entry(Some("2024.11.20.1405"), long, "Out of Order", Mark::Good, Some(61_000)),
            entry(Some("2024.11.21"), "indexes", "Failed (Missing)", Mark::Bad, Some(3_000)),
            entry(Some("2024.11.22"), "drop what nobody reads", "Pending", Mark::Open, None),
            entry(None, "views of the report", "Outdated", Mark::Open, Some(5)),
        ],
        unfinished: Some(Unfinished {
            installed_rank: 3,
            script: "V2024.11.21__indexes.sql".to_owned(),
            version: None,
            checksum: None,
            done: 1,
            statements: 3,
            line: Some(4),
            next: Next::InDoubt,
            since: "2026-11-20 14:05:09".to_owned(),
        }),
        holder: Some(Holder {
            pid: 4711,
            application: "restage".to_owned(),
            user: Some("app_owner".to_owned()),
            address: Some("10.0.0.7".to_owned()),
            since: Some("2026-11-20 14:05:09+00".to_owned()),
            state: None,
        }),
        others: vec![MigrationHistory {
            tool: MigrationTool::Alembic,
            table: TableName { schema: "public".to_owned(), name: "alembic_version".to_owned() },
            applied: vec![AppliedMigration { id: "ae1027a6acf".to_owned(), checksum: None, success: true }],
        }],
        ..Known::default()
    }
}

#[test]
fn a_history_reads_well_at_80_columns() {
    insta::assert_snapshot!(migrations(&known(), Screen::plain(), 80));
}

#[test]
fn a_history_reads_well_at_120_columns() {
    insta::assert_snapshot!(migrations(&known(), Screen::plain(), 120));
}

#[test]
fn a_database_without_a_history_says_so() {
    let known = Known { database: "preprod/app".to_owned(), table: "public.x".to_owned(), ..Known::default() };
    let shown = migrations(&known, Screen::plain(), 80);
    assert_eq!(shown, "preprod/app, history public.x: there is no history yet, nothing is pending");
}
