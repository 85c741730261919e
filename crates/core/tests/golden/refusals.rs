//! Everything that forbids a plan, one golden file each.

use super::case::Case;
use crate::facts::{add_table, column, foreign_key, history, integer, list, name, nullable, text};
use restage_core::Code;
use restage_core::error::Failure;
use restage_core::facts::{CopyFacts, DanglingReference, KeepFacts, MaskTrial, ObjectKind, ObjectName, PendingFacts, TrialVerdict};
use restage_core::schema::{Check, ColumnName, ColumnPath, ForeignKey, TypeKind, View};

fn kept(facts: &mut CopyFacts) -> &mut KeepFacts {
    facts.keep.entry(name("users")).or_default()
}

#[test]
fn the_same_database() {
    Case::copying("").but(|facts| facts.target.identity = facts.source.identity.clone()).is_refused("same-database");
}

#[test]
fn an_older_target() {
    Case::copying("").but(|facts| facts.target.server_version = 140_011).is_refused("older-target");
}

#[test]
fn a_standby_as_target() {
    Case::copying("").but(|facts| facts.target.in_recovery = true).is_refused("standby-as-target");
}

#[test]
fn missing_privileges() {
    let facts = |facts: &mut CopyFacts| {
        facts.target.user = "deployer".into();
        let target = &mut facts.target.privileges;
        (target.create_database, target.owns_database) = (false, false);
        target.foreign_owners = ["analyst".to_owned()].into();
        facts.source.privileges.unreadable = [name("people"), name("bookings")].into();
        facts.source.schema.event_triggers = ["on_drop".to_owned()].into();
        facts.source.schema.forced_policies = [name("people")].into();
        for kind in [ObjectKind::ForeignDataWrapper, ObjectKind::OperatorClass] {
            let object = ObjectName { name: "odd".into(), schema: String::new(), kind };
            facts.source.objects.insert(object, "a digest".into());
        }
    };
    Case::copying("").but(facts).is_refused("missing-privileges");
}

#[test]
fn large_objects_that_may_not_be_read() {
    Case::copying("").but(|facts| facts.source.privileges.unreadable_large_objects = 3).is_refused("unreadable-large-objects");
}

#[test]
fn rows_of_the_target_that_its_owner_may_not_read() {
    let facts = |facts: &mut CopyFacts| {
        facts.target.user = "deployer".into();
        facts.target.privileges.unreadable = [name("people")].into();
    };
    Case::copying("keep: [people]").but(facts).is_refused("unreadable-target");
}

#[test]
fn the_same_number_of_other_migrations() {
    let facts = |facts: &mut CopyFacts| facts.target.migrations = vec![history(&["1", "2", "4"])];
    Case::copying("").but(facts).is_refused("same-number-of-other-migrations");
}

#[test]
fn a_target_ahead_that_nothing_migrates() {
    let facts = |facts: &mut CopyFacts| facts.target.migrations = vec![history(&["1", "2", "3", "4", "5"])];
    Case::copying("migrations: { require: target-ahead }").but(facts).is_refused("target-ahead-and-no-migration");
}

#[test]
fn a_target_that_the_named_scripts_do_not_lead_to() {
    let facts = |facts: &mut CopyFacts| facts.target.migrations = vec![history(&["1", "2", "3", "4", "6"])];
    Case::copying("migrations: { apply: [migrations] }").but(facts).is_refused("scripts-of-another-version");
}

#[test]
fn scripts_and_a_history_that_disagree() {
    let disagreeing = |facts: &mut PendingFacts| {
        let edited = Code::MigrationsInvalid.error("`V2__users.sql` was edited after it was applied");
        let edited = edited.help("put the script back as it was applied");
        let gone = Code::MigrationsInvalid.error("`V3__roles.sql` was applied and is not there");
        facts.refusals.extend([edited, gone].iter().map(Failure::from));
    };
    Case::copying("migrations: { apply: [migrations] }").pending(disagreeing).is_refused("migrations-invalid");
}

#[test]
fn migrations_changed_failed_or_recorded_on_one_side() {
    let facts = |facts: &mut CopyFacts| {
        facts.source.migrations[0].applied[0].success = false;
        facts.target.migrations[0].applied[1].checksum = Some("another".into());
        let mut knex = history(&["a"]);
        (knex.tool, knex.table) = (restage_core::facts::MigrationTool::Knex, name("knex_migrations"));
        facts.target.migrations.push(knex);
    };
    Case::copying("").but(facts).is_refused("migrations-changed-or-failed");
}

#[test]
fn no_such_history() {
    Case::copying("migrations: { history: schema_history }").is_refused("no-such-history");
}

#[test]
fn masks_that_do_not_fit() {
    let facts = |facts: &mut CopyFacts| {
        let people = facts.source.schema.tables.get_mut(&name("people")).unwrap();
        people.columns.push(nullable("phone", TypeKind::Text { max_chars: Some(20) }));
        people.columns.push(column("code", text()));
        people.unique.push(vec![ColumnName("code".into())]);
        let readable =
            Check { name: "email_has_at".into(), columns: vec![ColumnName("email".into())], expression: "email ~ '@'".into() };
        people.checks.push(readable);
        let column = ColumnPath { table: name("people"), column: ColumnName("email".into()) };
        let verdict = TrialVerdict::Refuses("9f86d081884c7d65".into());
        facts.mask_trials.push(MaskTrial { column, constraint: "email_has_at".into(), verdict });
    };
    let keys = "mask:
  - { column: people.id, with: email }
  - { column: people.full_name, with: null }
  - { column: people.phone, with: address }
  - { column: people.code, with: name }
  - { column: people.email, with: hash }
  - { column: bookings.person_id, with: digits }";
    Case::copying(keys).but(facts).is_refused("masks-unfit");
}

#[test]
fn names_of_nothing() {
    let keys = "only: [\"pub*.*\", \"public.*\"]
without: [sessions]
without-rows: [logs]
rows: [{ table: events, where: id > 7 }]
keep: [accounts, feature_flags]
mask:
  - { column: persons.email, with: email }
  - { column: people.mail, with: email }";
    Case::copying(keys).is_refused("names-of-nothing");
}

#[test]
fn nothing_selected() {
    Case::copying("only: [\"archive.*\"]").is_refused("nothing-selected");
}

#[test]
fn kept_rows_that_conflict_collide_or_dangle() {
    let facts = |facts: &mut CopyFacts| {
        let kept = kept(facts);
        (kept.conflicts, kept.conflict_examples) = (2, vec!["7".into(), "9".into()]);
        (kept.collisions, kept.collision_examples) = (1, vec!["12".into()]);
        kept.dangling.push(dangling("users", "team_id_fkey", "teams"));
    };
    Case::copying("keep: [{ table: users, match: [login] }]").but(facts).is_refused("kept-rows-conflict");
}

fn dangling(table: &str, constraint: &str, to: &str) -> DanglingReference {
    DanglingReference {
        table: name(table),
        constraint: constraint.into(),
        to: name(to),
        rows: 3,
        examples: vec!["41".into(), "42".into()],
    }
}

#[test]
fn kept_rows_that_cannot_be_told_apart_or_filled() {
    let facts = |facts: &mut CopyFacts| {
        facts.source.schema.tables.get_mut(&name("user_roles")).unwrap().primary_key = None;
        facts.source.schema.tables.get_mut(&name("users")).unwrap().columns.push(column("region", text()));
    };
    let keys = "keep: [{ table: users, match: [nickname] }, user_roles]";
    Case::copying(keys).but(facts).is_refused("kept-rows-unfit");
}

#[test]
fn kept_rows_matched_by_what_is_masked() {
    let keys = "keep: [{ table: users, match: [login] }]\nmask: [{ column: users.login, with: text }]";
    Case::copying(keys).is_refused("kept-rows-matched-by-a-mask");
}

#[test]
fn deltas_that_do_not_fit() {
    let facts = |facts: &mut CopyFacts| {
        let target = &mut facts.target;
        let users = target.schema.tables.get_mut(&name("users")).unwrap();
        users.columns.push(column("cost_centre", text()));
        users.foreign_keys.push(ForeignKey { to: name("cost_centres"), ..foreign_key("cost_centre", "cost_centres") });
        let reads = [name("people"), name("dashboards_old")].into();
        let view = View { materialized: true, owner: "owner".into(), definition: "…".into(), reads };
        target.schema.views.insert(name("dashboards"), view);
        list(target, "MATERIALIZED VIEW", "dashboards");
        facts.delta_references.push(dangling("feature_flags", "user_id_fkey", "users"));
    };
    Case::copying("").but(facts).is_refused("deltas-unfit");
}

#[test]
fn deltas_where_there_must_be_none() {
    let facts = |facts: &mut CopyFacts| {
        add_table(&mut facts.target, "notes", vec![column("id", integer())], vec![]);
        let object = ObjectName { kind: "FUNCTION".into(), schema: "public".into(), name: "greet(text)".into() };
        facts.target.objects.insert(object, "digest".into());
    };
    Case::copying("deltas: refuse").but(facts).is_refused("deltas-refused");
}

#[test]
fn too_little_space() {
    Case::copying("").but(|facts| facts.target.estimates.free_bytes = Some(1_000_000_000)).is_refused("too-little-space");
}

#[test]
fn a_missing_extension() {
    let facts = |facts: &mut CopyFacts| drop(facts.source.schema.extensions.insert("postgis".into(), "3.4".into()));
    Case::copying("").but(facts).is_refused("missing-extension");
}

#[test]
fn encodings_that_do_not_agree() {
    Case::copying("").but(|facts| facts.target.encoding = "LATIN1".into()).is_refused("encodings");
}

#[test]
fn a_target_that_others_hold_on_to() {
    let facts = |facts: &mut CopyFacts| {
        facts.target.logical_slots = ["cdc".to_owned()].into();
        facts.target.prepared_transactions = ["tx-1".to_owned()].into();
        facts.target.schema.subscriptions = ["from_hq".to_owned()].into();
    };
    Case::copying("").but(facts).is_refused("target-in-use");
}

#[test]
fn foreign_keys_to_tables_without_rows() {
    Case::copying("without-rows: [people]").is_refused("foreign-keys-to-no-rows");
}

#[test]
fn all_reasons_are_given_at_once() {
    let facts = |facts: &mut CopyFacts| {
        facts.target.server_version = 140_011;
        facts.target.privileges.create_database = false;
        facts.target.migrations = vec![history(&["1", "2", "4"])];
    };
    Case::copying("keep: [accounts]").but(facts).is_refused("all-at-once");
}

#[test]
fn what_only_the_target_has_and_cannot_come_back() {
    let facts = |facts: &mut CopyFacts| {
        for (kind, schema, object) in [("PUBLICATION", "", "feed"), ("SERVER", "", "archive")] {
            let object = ObjectName { kind: kind.into(), schema: schema.into(), name: object.into() };
            facts.target.objects.insert(object, "digest".into());
        }
        add_table(&mut facts.target, "report", vec![column("id", integer())], vec![]);
        let reads = [name("people")].into();
        let view = View { materialized: false, owner: "owner".into(), definition: "SELECT 1".into(), reads };
        facts.source.schema.views.insert(name("report"), view);
    };
    Case::copying("").but(facts).is_refused("deltas-that-cannot-come-back");
}

#[test]
fn one_database_copied_into_twice() {
    let text = |name: &str, stages: &str| format!("scenario: {name}\nfrom: production\nto: preprod\nstages:\n{stages}");
    let copy = "  - copy-database: { database: app }\n";
    let outer = text("refresh", &format!("{copy}  - scenario: other\n"));
    Case::of(&outer).beside("other", &text("other", copy)).is_refused("copied-twice");
}
