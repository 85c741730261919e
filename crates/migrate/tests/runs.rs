//! Random scripts, and histories that runs, undos, deletions and changed scripts made of them.

#![cfg(test)]

use std::time::Duration;

use proptest::prelude::*;

use restage_migrate::checksum::Checksum;
use restage_migrate::encoding::Encoding;
use restage_migrate::history::{Outcome, Row, RowType, next_rank};
use restage_migrate::name::Sort;
use restage_migrate::repair::{self, Change};
use restage_migrate::scripts::{Script, ScriptFile, Scripts};
use restage_migrate::settings::{Settings, Target};
use restage_migrate::sidecar::Sidecar;
use restage_migrate::state::{State, States};

fn script(sort: Sort, checksum: i32) -> Script {
    let description = match &sort {
        Sort::Repeatable => format!("r{}", checksum % 3),
        sort => format!("{:?}", sort.version().map(ToString::to_string)),
    };
    let raw_checksum = Checksum(checksum);
    let file = ScriptFile {
        path: "x.sql".into(),
        script: format!("{sort:?}"),
        sidecar: Sidecar::default(),
        encoding: Encoding::Utf8,
        raw_checksum,
    };
    Script { sort, description, file, checksum: raw_checksum }
}

/// Scripts in the order in which they are found.
fn scripts(versioned: &[u8], undo: &[u8], baselines: &[u8], repeatable: u8) -> Scripts {
    let version = |number: u8| number.to_string().parse().expect("a number is a version");
    let mut migrations = Vec::new();
    for number in 0..10 {
        let checksum = i32::from(number);
        migrations.extend(versioned.contains(&number).then(|| script(Sort::Versioned(version(number)), checksum)));
        migrations.extend(baselines.contains(&number).then(|| script(Sort::Baseline(version(number)), checksum + 100)));
        migrations.extend(undo.contains(&number).then(|| script(Sort::Undo(version(number)), checksum + 200)));
    }
    migrations.extend((0..repeatable).map(|number| script(Sort::Repeatable, 300 + i32::from(number))));
    Scripts { migrations, ..Scripts::default() }
}

#[derive(Clone, Debug)]
enum Operation {
    Run(usize, Settings),
    Fail(Settings),
    Undo,
    Delete(usize),
    Change(usize),
    Remove(usize),
}

fn settings() -> impl Strategy<Value = Settings> {
    let target = prop_oneof![
        3 => Just(Target::Latest),
        1 => Just(Target::Current),
        1 => Just(Target::Next),
        2 => (0..10).prop_map(|version| format!("{version}?").parse().expect("it is a target")),
    ];
    (target, any::<bool>()).prop_map(|(target, out_of_order)| Settings { target, out_of_order, ..Settings::default() })
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => (1..6usize, settings()).prop_map(|(steps, settings)| Operation::Run(steps, settings)),
        1 => settings().prop_map(Operation::Fail),
        2 => Just(Operation::Undo),
        1 => (0..20usize).prop_map(Operation::Delete),
        1 => (0..20usize).prop_map(Operation::Change),
        1 => (0..20usize).prop_map(Operation::Remove),
    ]
}

fn subset() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0..10u8, 0..8)
}

fn apply(script: &Script, rows: &mut Vec<Row>, outcome: Outcome) {
    rows.push(Row::of_script(script, next_rank(rows), "me", Duration::ZERO, outcome));
}

impl Operation {
    fn act(&self, scripts: &mut Scripts, rows: &mut Vec<Row>) {
        match self {
            Self::Run(steps, settings) => {
                for _ in 0..*steps {
                    let Some(first) = to_run(scripts, rows, settings).into_iter().next() else { break };
                    apply(&first, rows, Outcome::Success);
                }
            }
            Self::Fail(settings) => {
                if let Some(first) = to_run(scripts, rows, settings).into_iter().next() {
                    apply(&first, rows, Outcome::Failure);
                }
            }
            Self::Undo => {
                let states = States::resolve(scripts, rows, &Settings::default()).expect("it is no damaged history");
                let undo: Vec<Script> = states.to_undo(None).unwrap_or_default().into_iter().cloned().collect();
                undo.iter().for_each(|script| apply(script, rows, Outcome::Success));
            }
            Self::Delete(place) => {
                let kept =
                    scripts.migrations.iter().enumerate().filter(|(other, _)| other != place).map(|(_, script)| script.clone());
                let kept = Scripts { migrations: kept.collect(), ..Scripts::default() };
                *rows = repair_once(&kept, rows, &Settings { ignore_migration_patterns: Vec::new(), ..Settings::default() });
            }
            Self::Change(place) => {
                if let Some(script) = scripts.migrations.get_mut(*place) {
                    script.checksum.0 += 1000;
                    script.file.raw_checksum = script.checksum;
                }
            }
            Self::Remove(place) => {
                if *place < scripts.migrations.len() {
                    scripts.migrations.remove(*place);
                }
            }
        }
    }
}

fn to_run(scripts: &Scripts, rows: &[Row], settings: &Settings) -> Vec<Script> {
    let states = States::resolve(scripts, rows, settings).expect("it is no damaged history");
    states.to_run(settings).into_iter().cloned().collect()
}

fn repair_once(scripts: &Scripts, rows: &[Row], settings: &Settings) -> Vec<Row> {
    let mut repaired = rows.to_vec();
    for change in repair::plan(scripts, rows, settings, "me").expect("it is no damaged history") {
        match change {
            Change::DeleteFailed { row } => repaired.retain(|other| *other != row),
            Change::MarkDeleted { mark, .. } => repaired.push(mark),
            Change::Align { row, description, sort, checksum } => {
                let aligned = repaired.iter_mut().find(|other| **other == row).expect("it is there");
                *aligned = Row { description, sort, checksum: Some(checksum), ..row };
            }
        }
    }
    repaired
}

fn names(scripts: &[Script]) -> Vec<&str> {
    scripts.iter().map(|script| script.file.script.as_str()).collect()
}

#[test]
fn an_undo_down_to_a_version_takes_the_newest_back_first_and_needs_a_script_for_each() {
    let scripts = scripts(&[1, 2, 3, 4], &[2, 3, 4], &[], 0);
    let mut rows = Vec::new();
    Operation::Run(3, Settings::default()).act(&mut scripts_of(&scripts), &mut rows);
    let states = States::resolve(&scripts, &rows, &Settings::default()).expect("it is no damaged history");
    let versions = |down_to: &str| {
        let undone = states.to_undo(Some(&down_to.parse().expect("it is a version")))?;
        Ok::<_, restage_migrate::Error>(undone.iter().map(|script| script.checksum.0 - 200).collect::<Vec<_>>())
    };
    assert_eq!(versions("1").expect("each has its script"), [3, 2]);
    assert_eq!(versions("3").expect("nothing is above it"), Vec::<i32>::new());
    assert!(versions("0").expect_err("version 1 has none").message.contains("version `1`"));
}

fn scripts_of(scripts: &Scripts) -> Scripts {
    Scripts { migrations: scripts.migrations.clone(), ..Scripts::default() }
}

proptest! {
    #[test]
    fn what_a_run_applies_is_what_is_left_step_by_step(
        versioned in subset(), undo in subset(), baselines in prop::collection::vec(0..10u8, 0..3), repeatable in 0..3u8,
        operations in prop::collection::vec(operation(), 0..8), settings in settings(),
    ) {
        let mut scripts = scripts(&versioned, &undo, &baselines, repeatable);
        let mut rows = Vec::new();
        operations.iter().for_each(|operation| operation.act(&mut scripts, &mut rows));
        prop_assert!(rows.windows(2).all(|pair| pair[0].installed_rank < pair[1].installed_rank));

        // Flyway looks anew after each migration; looking once must come to the same.
        let at_once = to_run(&scripts, &rows, &settings);
        let mut step_by_step = Vec::new();
        let mut stepped = rows.clone();
        while let Some(first) = to_run(&scripts, &stepped, &settings).into_iter().next() {
            apply(&first, &mut stepped, Outcome::Success);
            step_by_step.push(first);
            prop_assert!(step_by_step.len() <= at_once.len().max(1), "{:?} after {:?}", names(&step_by_step), names(&at_once));
            if settings.target == Target::Next {
                break;
            }
        }
        prop_assert_eq!(names(&step_by_step), names(&at_once));
    }

    #[test]
    fn each_row_and_each_script_is_in_the_states_and_a_repair_leaves_nothing_to_repair(
        versioned in subset(), undo in subset(), baselines in prop::collection::vec(0..10u8, 0..3), repeatable in 0..3u8,
        operations in prop::collection::vec(operation(), 0..8), settings in settings(),
    ) {
        let mut scripts = scripts(&versioned, &undo, &baselines, repeatable);
        let mut rows = Vec::new();
        operations.iter().for_each(|operation| operation.act(&mut scripts, &mut rows));
        let states = States::resolve(&scripts, &rows, &settings).expect("it is no damaged history");
        let marks = rows.iter().filter(|row| row.sort == RowType::Delete && row.version.is_some()).count();
        prop_assert_eq!(states.migrations.iter().filter(|migration| migration.row.is_some()).count(), rows.len() - marks);
        for script in &scripts.migrations {
            prop_assert!(states.migrations.iter().any(|migration| migration.script.is_some_and(|own| std::ptr::eq(own, script))));
        }
        for migration in &states.migrations {
            prop_assert_eq!(migration.state.is_applied(), migration.row.is_some(), "{:?}", migration);
        }
        let repaired = repair_once(&scripts, &rows, &Settings::default());
        prop_assert_eq!(repair::plan(&scripts, &repaired, &Settings::default(), "me").expect("it is no damaged history"), Vec::new());
        let states = States::resolve(&scripts, &repaired, &settings).expect("it is no damaged history");
        prop_assert!(states.blocked(&settings).is_ok());
        prop_assert!(!states.migrations.iter().any(|migration| migration.state == State::Failed));
    }
}
