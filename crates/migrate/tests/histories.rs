//! Histories that Flyway wrote for public projects: what it made of scripts' names is made of them here too.
//!
//! The rows are as dumps in these projects have them, without who and when; the scripts' texts are not there, only their names.

#![cfg(test)]

use std::fs;
use std::path::Path;

use restage_migrate::checksum::Checksum;
use restage_migrate::history::{Row, RowType};
use restage_migrate::scripts::{Scripts, find};
use restage_migrate::settings::Settings;
use restage_migrate::state::{State, States};
use restage_migrate::validate::{When, validate};

fn history(name: &str) -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/histories").join(name).with_extension("tsv");
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| row(&line.split('\t').collect::<Vec<_>>())).collect()
}

fn row(columns: &[&str]) -> Row {
    let [rank, version, description, sort, script, checksum] = columns else { panic!("{columns:?}") };
    let present = |text: &str| (text != "\\N").then(|| text.to_owned());
    Row {
        installed_rank: rank.parse().unwrap(),
        version: present(version).map(|version| version.parse().unwrap()),
        description: (*description).to_owned(),
        sort: RowType::parse(sort).unwrap(),
        script: (*script).to_owned(),
        checksum: present(checksum).map(|checksum| Checksum(checksum.parse().unwrap())),
        installed_by: "them".into(),
        execution_time: 1,
        success: true,
        installed_on: None,
    }
}

/// Scripts of the names that a history has, found in a folder; of each the checksum is taken from the history.
fn scripts(rows: &[Row], settings: &Settings) -> Scripts {
    let folder = tempfile::tempdir().unwrap();
    for row in rows.iter().filter(|row| row.sort == RowType::Sql) {
        let path = folder.path().join(&row.script);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "SELECT 1;").unwrap();
    }
    let location = folder.path().to_str().unwrap().parse().unwrap();
    let mut scripts = find(&[location], settings, &settings.placeholders().unwrap()).unwrap();
    for script in &mut scripts.migrations {
        script.checksum = rows.iter().find(|row| row.script == script.file.script).unwrap().checksum.unwrap();
    }
    scripts
}

#[test]
fn names_of_scripts_become_the_versions_and_descriptions_that_flyway_made_of_them() {
    let settings = Settings::default();
    for name in ["dspace", "repeatables_in_folders", "minor_versions"] {
        let rows = history(name);
        let scripts = scripts(&rows, &settings);
        let rows: Vec<_> = rows.iter().filter(|row| row.sort == RowType::Sql).collect();
        assert_eq!(scripts.migrations.len(), rows.len(), "{name}");
        for row in rows {
            let script = scripts.migrations.iter().find(|script| script.file.script == row.script).unwrap();
            assert_eq!(
                script.sort.version().map(ToString::to_string),
                row.version.as_ref().map(ToString::to_string),
                "{}",
                row.script
            );
            assert_eq!(script.description, row.description, "{}", row.script);
        }
    }
}

#[test]
fn histories_that_flyway_wrote_are_in_order_and_valid() {
    let settings = Settings::default();
    for name in ["repeatables_in_folders", "minor_versions"] {
        let rows = history(name);
        let scripts = scripts(&rows, &settings);
        let states = States::resolve(&scripts, &rows, &settings).unwrap();
        assert!(states.migrations.iter().all(|migration| migration.state == State::Success), "{name}: {states:?}");
        let errors = validate(&states, &settings, When::Alone);
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
}

#[test]
fn of_a_history_with_programs_only_these_are_named() {
    let settings = Settings::default();
    let rows = history("dspace");
    let scripts = scripts(&rows, &settings);
    let states = States::resolve(&scripts, &rows, &settings).unwrap();
    let in_state = |state| states.migrations.iter().filter(|migration| migration.state == state).count();
    // The last program has a version above those of all scripts.
    assert_eq!([State::Baseline, State::Success, State::Missing, State::Future].map(in_state), [1, 25, 7, 1]);
    assert_eq!(states.current().unwrap().version().unwrap().as_str(), "6.1.2017.01.03");
    let errors = validate(&states, &settings, When::Alone);
    assert_eq!(errors.len(), 7);
    assert!(errors.iter().all(|error| error.message.contains("applied as JDBC, which only Flyway itself runs")), "{errors:?}");
    let ignoring =
        Settings { ignore_migration_patterns: vec!["*:missing".parse().unwrap(), "*:future".parse().unwrap()], ..settings };
    assert!(validate(&states, &ignoring, When::Alone).is_empty());
}
