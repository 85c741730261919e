//! What is noticed while planning and forbids nothing.

use super::case::Case;
use crate::facts::{column, history, integer, name, nullable, text};
use restage_core::facts::{CopyFacts, DanglingReference, KeepFacts, Leftover};
use restage_core::schema::Persistence;

#[test]
fn personal_columns_that_are_not_masked() {
    let facts = |facts: &mut CopyFacts| {
        let people = facts.source.schema.tables.get_mut(&name("people")).unwrap();
        people.columns.extend([nullable("phone", text()), nullable("home_address", text()), nullable("email_id", integer())]);
    };
    Case::copying("mask: [{ column: people.email, with: email }]\nunmasked: [people.phone]")
        .but(facts)
        .is_noticed("personal-columns");
}

#[test]
fn servers_that_differ() {
    let facts = |facts: &mut CopyFacts| {
        facts.source.schema.roles.insert("analyst".into());
        facts.target.server_version = 170_002;
        facts.target.locale = "C.UTF-8".into();
        facts.target.privileges.signal_backends = false;
        facts.target.estimates.free_bytes = None;
        facts.source.encoding = "LATIN1".into();
        facts.source.schema.publications = ["to_warehouse".to_owned()].into();
    };
    Case::copying("").but(facts).is_noticed("servers-differ");
}

#[test]
fn sessions_and_leftovers() {
    let facts = |facts: &mut CopyFacts| {
        facts.target.estimates.database_connections = 7;
        facts.target.estimates.longest_transaction_seconds = Some(4_200);
        facts.source.estimates.longest_transaction_seconds = Some(90);
        let leftover =
            |run: &str, alive| Leftover { database: format!("app_restage_{run}"), run: run.into(), alive, bytes: 900_000_000 };
        facts.leftovers = vec![leftover("0123456789", false), leftover("abcdefghjk", true)];
    };
    Case::copying("").but(facts).is_noticed("sessions-and-leftovers");
}

#[test]
fn a_standby_as_source() {
    let facts = |facts: &mut CopyFacts| {
        facts.source.in_recovery = true;
        facts.source.estimates.replay_lag_seconds = Some(3);
        facts.source.schema.tables.get_mut(&name("bookings")).unwrap().persistence = Persistence::Unlogged;
    };
    Case::copying("verify: checksums").but(facts).is_noticed("standby-as-source");
}

#[test]
fn a_target_ahead_that_is_migrated_before_the_swap() {
    let facts = |facts: &mut CopyFacts| facts.target.migrations = vec![history(&["1", "2", "3", "4"])];
    let keys = "migrations: { require: target-ahead }\nbefore-swap: [{ run: { command: ./migrate } }]";
    Case::copying(keys).but(facts).is_noticed("target-ahead");
}

#[test]
fn choices_made_for_kept_rows() {
    let facts = |facts: &mut CopyFacts| {
        let mut region = column("region", text());
        region.default = Some("'north'::text".into());
        facts.source.schema.tables.get_mut(&name("users")).unwrap().columns.extend([region, nullable("motto", text())]);
        let dangling = DanglingReference {
            table: name("user_roles"),
            constraint: "user_id_fkey".into(),
            to: name("users"),
            rows: 1,
            examples: vec!["41".into()],
        };
        facts.keep.insert(name("user_roles"), KeepFacts { dangling: vec![dangling], ..KeepFacts::default() });
    };
    Case::copying("keep: [users, { table: user_roles, on-missing: drop }]\ndeltas: drop").but(facts).is_noticed("kept-rows");
}

#[test]
fn rows_that_may_not_follow_or_be_told_apart() {
    let facts = |facts: &mut CopyFacts| {
        let roles = facts.target.schema.tables.get_mut(&name("user_roles")).unwrap();
        roles.foreign_keys.clear();
        facts.keep.insert(name("users"), KeepFacts { found: 9, same: 9, unnamed: 2, ..KeepFacts::default() });
    };
    let keys = "keep: [{ table: users, match: [login], on-collision: renumber }, user_roles]\ndeltas: drop";
    Case::copying(keys).but(facts).is_noticed("followers");
}

#[test]
fn rows_that_are_left_out() {
    let keys = "rows: [{ table: people, where: id < 1000 }]\nwithout: [flyway_schema_history]\nmigrations: { require: any }";
    Case::copying(keys).is_noticed("filtered-rows");
}
