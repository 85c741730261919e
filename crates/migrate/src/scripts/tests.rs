use std::fs;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::*;
use crate::callbacks::Event;
use crate::history::{Outcome, Row};
use crate::state::States;
use crate::validate::{When, validate};

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn location(folder: &TempDir, rest: &str) -> Location {
    format!("filesystem:{}{rest}", folder.path().display()).parse().unwrap()
}

fn found(folder: &TempDir, settings: &Settings) -> Result<Scripts, Vec<Error>> {
    find(&[location(folder, "")], settings, &settings.placeholders().unwrap())
}

fn names(scripts: &Scripts) -> Vec<&str> {
    scripts.migrations.iter().map(|script| script.file.script.as_str()).collect()
}

#[test]
fn scripts_are_found_in_all_folders_and_come_in_order() {
    let folder = folder(&[
        ("R__b.sql", ""),
        ("R__a.sql", ""),
        ("sub/V10__x.sql", ""),
        ("V9__x.sql", ""),
        ("U9__x.sql", ""),
        ("deep/er/B9__x.sql", ""),
        ("notes.md", ""),
        ("README.sql", ""),
        (".hidden/V1__x.sql", ""),
        ("afterMigrate.sql", ""),
        ("sub/beforeMigrate__b.sql", ""),
        ("beforeMigrate__a.sql", ""),
        ("beforeMigrate.sql", ""),
    ]);
    let scripts = found(&folder, &Settings::default()).unwrap();
    assert_eq!(names(&scripts), ["V9__x.sql", "deep/er/B9__x.sql", "U9__x.sql", "sub/V10__x.sql", "R__a.sql", "R__b.sql"]);
    let callbacks: Vec<_> = scripts.callbacks.iter().map(|callback| (callback.event, callback.description.as_str())).collect();
    assert_eq!(
        callbacks,
        [(Event::BeforeMigrate, ""), (Event::BeforeMigrate, "a"), (Event::BeforeMigrate, "b"), (Event::AfterMigrate, "")]
    );
    assert_eq!(scripts.ignored.len(), 1);
    assert!(scripts.ignored[0].place.as_ref().unwrap().file.ends_with("README.sql"));

    let without = Settings { skip_default_callbacks: true, ..Settings::default() };
    assert!(found(&folder, &without).unwrap().callbacks.is_empty());
}

#[test]
fn broken_names_are_errors_only_if_names_are_validated() {
    let folder = folder(&[("V__x.sql", ""), ("V1__y.sql", "")]);
    let strict = Settings { validate_migration_naming: true, ..Settings::default() };
    let errors = found(&folder, &strict).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].kind, Kind::BrokenName);
    assert!(errors[0].place.as_ref().unwrap().file.ends_with("V__x.sql"));
    assert_eq!(names(&found(&folder, &Settings::default()).unwrap()), ["V1__y.sql"]);
}

#[test]
fn every_duplicate_is_named_with_both_files() {
    let folder = folder(&[
        ("V1__a.sql", "1"),
        ("V1.0__b.sql", "2"),
        ("sub/V01__c.sql", "3"),
        ("R__x.sql", "1"),
        ("sub/R__x.sql", "1"),
        ("B1__a.sql", ""),
        ("U1__a.sql", ""),
        ("beforeMigrate.sql", ""),
        ("sub/beforeMigrate.sql", ""),
    ]);
    let errors = found(&folder, &Settings::default()).unwrap_err();
    assert!(errors.iter().all(|error| error.kind == Kind::Duplicate && error.place.is_some() && error.help.is_some()));
    let messages: Vec<_> = errors.iter().map(|error| error.message.replace(&format!("{}/", folder.path().display()), "")).collect();
    assert_eq!(
        messages,
        [
            "two migrations have the version `1`: `V1.0__b.sql` and `V1__a.sql`",
            "two migrations have the version `01`: `V1.0__b.sql` and `sub/V01__c.sql`",
            "two repeatable migrations have the description `x`: `R__x.sql` and `sub/R__x.sql`",
            "the callback `beforeMigrate` is there twice, as `beforeMigrate.sql` and as `sub/beforeMigrate.sql`",
        ]
    );
}

#[test]
fn the_same_script_in_two_locations_is_one() {
    let folder = folder(&[("one/V1__a.sql", "x"), ("two/V1__a.sql", "x"), ("two/V2__b.sql", "x")]);
    let settings = Settings::default();
    let at = |rest| location(&folder, rest);
    let find = |locations: &[Location]| find(locations, &settings, &settings.placeholders().unwrap());
    assert_eq!(names(&find(&[at("/one"), at("/two")]).unwrap()), ["V1__a.sql", "V2__b.sql"]);
    // Locations in one another, or given twice, are looked into once; the outer one names the scripts.
    assert_eq!(names(&find(&[at("/two"), at("/two/")]).unwrap()), ["V1__a.sql", "V2__b.sql"]);
    assert_eq!(find(&[at("/one"), at("")]).unwrap_err().len(), 1, "one/V1__a.sql and two/V1__a.sql are two scripts there");
    assert_eq!(names(&find(&[at("/t*")]).unwrap()), ["V1__a.sql", "V2__b.sql"]);
    fs::write(folder.path().join("two/V1__a.sql"), "y").unwrap();
    assert_eq!(find(&[at("/one"), at("/two")]).unwrap_err()[0].kind, Kind::Duplicate);
}

#[test]
fn a_missing_location_is_an_error_only_if_that_is_set() {
    let folder = folder(&[("V1__a.sql", "")]);
    let settings = Settings::default();
    let locations = [location(&folder, "-gone"), location(&folder, "")];
    let scripts = find(&locations, &settings, &settings.placeholders().unwrap()).unwrap();
    assert_eq!((scripts.missing.as_slice(), names(&scripts)), (&locations[..1], vec!["V1__a.sql"]));
    let strict = Settings { fail_on_missing_locations: true, ..settings };
    let errors = find(&locations, &strict, &strict.placeholders().unwrap()).unwrap_err();
    assert_eq!((errors.len(), errors[0].kind), (1, Kind::Unreadable));
    assert!(errors[0].message.contains("-gone"));
}

#[test]
fn repeatable_scripts_hash_after_their_placeholders_and_others_before() {
    let folder = folder(&[
        ("V1__a.sql", "SELECT '${x}';"),
        ("R__a.sql", "SELECT '${x}';"),
        ("R__b.sql", "SELECT '${x}';"),
        ("R__b.sql.conf", "placeholderReplacement=false"),
    ]);
    let mut settings = Settings { placeholders: [("x".into(), "1".into())].into(), ..Settings::default() };
    let raw = Checksum::of_text("SELECT '${x}';");
    let replaced = Checksum::of_text("SELECT '1';");
    let checksums = |scripts: &Scripts| scripts.migrations.iter().map(|script| script.checksum).collect::<Vec<_>>();
    let scripts = found(&folder, &settings).unwrap();
    assert_eq!(checksums(&scripts), [raw, replaced, raw]);
    let [versioned, repeatable, _] = scripts.migrations.as_slice() else { panic!() };
    assert!(repeatable.matches(Some(raw)) && repeatable.matches(Some(replaced)) && !repeatable.matches(None));
    assert!(repeatable.matches_only_raw_text(Some(raw)) && !repeatable.matches_only_raw_text(Some(replaced)));
    assert!(versioned.matches(Some(raw)) && !versioned.matches(Some(replaced)) && !versioned.matches_only_raw_text(Some(raw)));
    let placeholders = settings.placeholders().unwrap();
    assert_eq!(versioned.file.text_to_run(&settings, &placeholders).unwrap(), "SELECT '1';");
    assert_eq!(scripts.migrations[2].file.text_to_run(&settings, &placeholders).unwrap(), "SELECT '${x}';");

    settings.placeholder_replacement = false;
    assert_eq!(checksums(&found(&folder, &settings).unwrap()), [raw, raw, raw]);
}

#[test]
fn a_placeholder_without_value_and_wrong_bytes_name_their_files() {
    let folder = folder(&[("R__a.sql", "\nSELECT '${gone}';"), ("V1__ok.sql", "SELECT '${gone}';")]);
    fs::write(folder.path().join("V2__bytes.sql"), b"SELECT 1;\n'\xff';").unwrap();
    let errors = found(&folder, &Settings::default()).unwrap_err();
    let seen: Vec<_> = errors
        .iter()
        .map(|error| {
            let place = error.place.as_ref().unwrap();
            (error.kind, place.file.file_name().unwrap().to_str().unwrap(), place.line)
        })
        .collect();
    assert_eq!(seen, [(Kind::Placeholder, "R__a.sql", Some(2)), (Kind::Encoding, "V2__bytes.sql", Some(2))]);
}

#[test]
fn a_version_longer_than_its_column_is_refused() {
    let folder = folder(&[(&format!("V{}__a.sql", "1".repeat(51)), "")]);
    let errors = found(&folder, &Settings::default()).unwrap_err();
    assert_eq!((errors.len(), errors[0].kind), (1, Kind::LimitPassed));
}

#[test]
fn a_script_changed_after_it_was_found_does_not_run() {
    let folder = folder(&[("V1__a.sql", "SELECT 1;\r\n")]);
    let scripts = found(&folder, &Settings::default()).unwrap();
    let file = &scripts.migrations[0].file;
    assert_eq!(file.text().unwrap(), "SELECT 1;\r\n");
    fs::write(&file.path, "SELECT 2;").unwrap();
    assert!(file.text().unwrap_err().message.contains("was changed while it was in use"));
    fs::remove_file(&file.path).unwrap();
    assert_eq!(file.text().unwrap_err().kind, Kind::Unreadable);
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_back_into_its_own_folder_ends_at_the_limit() {
    let folder = folder(&[("sub/V1__a.sql", "")]);
    std::os::unix::fs::symlink(folder.path(), folder.path().join("sub/back")).unwrap();
    let errors = found(&folder, &Settings::default()).unwrap_err();
    // The kernel refuses to follow more than some forty links, which may come before the limit of folders.
    assert!(errors.iter().all(|error| matches!(error.kind, Kind::LimitPassed | Kind::Unreadable | Kind::Duplicate)), "{errors:?}");
}

/// The bound is many times what it takes, so that a busy machine does not fail it; what it takes is printed.
#[test]
fn five_thousand_scripts_are_found_resolved_and_validated_quickly() {
    let folder = tempfile::tempdir().unwrap();
    for version in 1..=5000 {
        let text = format!("CREATE TABLE t{version} (id bigint PRIMARY KEY, name text NOT NULL);\n").repeat(10);
        fs::write(folder.path().join(format!("V{version}__create_table_{version}.sql")), text).unwrap();
    }
    let settings = Settings::default();
    let start = Instant::now();
    let scripts = found(&folder, &settings).unwrap();
    let in_files = start.elapsed();
    let rows: Vec<Row> = (1..)
        .zip(&scripts.migrations[..4990])
        .map(|(rank, script)| Row::of_script(script, rank, "me", Duration::ZERO, Outcome::Success))
        .collect();
    let start = Instant::now();
    let states = States::resolve(&scripts, &rows, &settings).unwrap();
    let disagreements = validate(&states, &settings, When::Alone);
    let in_memory = start.elapsed();
    println!("5,000 scripts: found in {in_files:?}, resolved and validated in {in_memory:?}");
    assert_eq!((states.migrations.len(), disagreements.len()), (5000, 10));
    assert!(in_files + in_memory < Duration::from_secs(20));
}

#[test]
fn a_script_whose_name_is_no_text_is_refused_and_not_passed_over() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    for (path, refused) in [
        (b"V2__caf\xe9.sql".as_slice(), true),
        (b"caf\xe9/V2__a.sql", true),
        (b"afterMigrate__\xe9.sql", true),
        (b"caf\xe9.md", false),
        (b"caf\xe9/notes.md", false),
        (b".caf\xe9/V2__a.sql", false),
    ] {
        let folder = folder(&[("V1__a.sql", "")]);
        let path = folder.path().join(OsStr::from_bytes(path));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "").unwrap();
        let found = found(&folder, &Settings::default());
        if refused {
            let errors = found.unwrap_err();
            assert_eq!((errors.len(), errors[0].kind), (1, Kind::BrokenName));
            assert_eq!(errors[0].place.as_ref().unwrap().file, path);
        } else {
            assert_eq!(names(&found.unwrap()), ["V1__a.sql"]);
        }
    }
}

#[test]
fn a_link_that_leads_nowhere_sensible_is_refused() {
    let folder = folder(&[("V1__a.sql", "")]);
    // Editors leave such links beside what they edit.
    std::os::unix::fs::symlink("nobody@nowhere", folder.path().join(".#V1__a.sql")).unwrap();
    assert_eq!(names(&found(&folder, &Settings::default()).unwrap()), ["V1__a.sql"]);
    let circle = folder.path().join("more");
    std::os::unix::fs::symlink(&circle, &circle).unwrap();
    let errors = found(&folder, &Settings::default()).unwrap_err();
    assert_eq!((errors.len(), errors[0].kind), (1, Kind::Unreadable));
    assert_eq!(errors[0].place.as_ref().unwrap().file, circle);
    // The location itself is no better.
    let settings = Settings::default();
    let errors = find(&[location(&folder, "/more")], &settings, &settings.placeholders().unwrap()).unwrap_err();
    assert_eq!(errors[0].kind, Kind::Unreadable);
}

#[test]
fn what_is_no_file_is_refused_and_not_waited_for() {
    let folder = folder(&[("V1__a.sql", "")]);
    let pipe = folder.path().join("V2__b.sql");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let errors = found(&folder, &Settings::default()).unwrap_err();
    assert_eq!((errors.len(), errors[0].kind), (1, Kind::Unreadable));
    assert!(errors[0].message.contains("is no file"), "{}", errors[0].message);
}
