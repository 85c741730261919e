//! Cases in `states/`: scripts, settings and a history in, everything that follows from them out.
//!
//! A case is lines of `script <name> = <text>`, one line of `settings <JSON>`, and rows of the history in order, each
//! `row <rank> <type> <version> <description> <checksum> [failed]`. A version or checksum `-` is none, a checksum `=` that of
//! the row's script, a description has underscores for spaces.

#![cfg(test)]

use std::fmt::Write as _;
use std::path::Path;

use restage_migrate::checksum::Checksum;
use restage_migrate::history::{Row, RowType};
use restage_migrate::repair;
use restage_migrate::scripts::{Script, Scripts, find};
use restage_migrate::settings::Settings;
use restage_migrate::state::States;
use restage_migrate::validate::{When, validate};
use restage_migrate::version::Version;

struct Case {
    folder: tempfile::TempDir,
    settings: Settings,
    scripts: Scripts,
    rows: Vec<Row>,
}

impl Case {
    fn read(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::default();
        let mut rows = Vec::new();
        for line in text.lines() {
            match line.split_once(' ') {
                Some(("script", rest)) => {
                    let (name, text) = rest.split_once(" = ").unwrap();
                    std::fs::write(folder.path().join(name), text).unwrap();
                }
                Some(("settings", json)) => settings = serde_json::from_str(json).unwrap(),
                Some(("row", rest)) => rows.push(rest.split_whitespace().collect::<Vec<_>>()),
                _ => assert!(line.is_empty() || line.starts_with('#'), "{line}"),
            }
        }
        settings.locations = vec![folder.path().to_str().unwrap().parse().unwrap()];
        let placeholders = settings.placeholders().unwrap();
        let scripts = find(&settings.locations, &settings, &placeholders).unwrap();
        let rows = rows.iter().map(|words| row(words, &scripts)).collect();
        Self { folder, settings, scripts, rows }
    }

    fn shown(&self) -> String {
        let settings = &self.settings;
        let states = match States::resolve(&self.scripts, &self.rows, settings) {
            Ok(states) => states,
            Err(error) => return self.plain(&format!("error: {}\n  {}\n", error.message, error.help.unwrap())),
        };
        let mut shown = String::new();
        for migration in &states.migrations {
            let rank = migration.row.map_or("-".to_owned(), |row| row.installed_rank.to_string());
            let version = migration.version().map_or("", Version::as_str);
            let (description, row_type) = (migration.description(), migration.row_type());
            writeln!(shown, "{rank:>3}  {version:<6} {description:<22} {row_type:<12} {}", migration.state).unwrap();
        }
        let named = |script: &&Script| script.file.script.as_str().to_owned();
        let list = |scripts: Vec<&Script>| scripts.iter().map(named).collect::<Vec<_>>().join(", ");
        let current =
            states.current().map_or("nothing", |current| current.version().map_or(current.description(), Version::as_str));
        writeln!(shown, "\ncurrent: {current}").unwrap();
        match states.blocked(settings) {
            Ok(()) => writeln!(shown, "run: {}", list(states.to_run(settings))),
            Err(error) => writeln!(shown, "run: {}", error.message),
        }
        .unwrap();
        match states.to_undo(None) {
            Ok(scripts) => writeln!(shown, "undo: {}", list(scripts)),
            Err(error) => writeln!(shown, "undo: {}", error.message),
        }
        .unwrap();
        for (title, when) in [("validate", When::Alone), ("validate before a run", When::BeforeRun)] {
            writeln!(shown, "\n{title}:").unwrap();
            for error in validate(&states, settings, when) {
                writeln!(shown, "  {}\n    {}", error.message, error.help.unwrap()).unwrap();
            }
        }
        writeln!(shown, "\nrepair:").unwrap();
        for change in repair::plan(&self.scripts, &self.rows, settings, "me").unwrap() {
            writeln!(shown, "  {change}").unwrap();
        }
        self.plain(&shown)
    }

    fn plain(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.folder.path().display()), "")
            .lines()
            .map(|line| line.trim_end().to_owned() + "\n")
            .collect()
    }
}

fn row(words: &[&str], scripts: &Scripts) -> Row {
    let [rank, sort, version, description, checksum, failed @ ..] = words else { panic!("{words:?}") };
    let sort = RowType::parse(sort).unwrap();
    let version = (*version != "-").then(|| Version::parse(version).unwrap());
    let description = description.replace('_', " ");
    let script = scripts.migrations.iter().find(|script| {
        script.sort.version() == version.as_ref()
            && RowType::of(&script.sort) == sort
            && (version.is_some() || script.description == description)
    });
    let prefix = match sort {
        RowType::SqlBaseline => "B",
        RowType::UndoSql => "U",
        _ if version.is_none() => "R",
        _ => "V",
    };
    Row {
        installed_rank: rank.parse().unwrap(),
        script: format!("{prefix}{}__{}.sql", version.as_ref().map_or("", Version::as_str), description.replace(' ', "_")),
        version,
        description,
        sort,
        checksum: match *checksum {
            "-" => None,
            "=" => Some(script.unwrap_or_else(|| panic!("no script for {words:?}")).checksum),
            number => Some(Checksum(number.parse().unwrap())),
        },
        installed_by: "them".into(),
        execution_time: 1,
        success: failed.is_empty(),
        installed_on: None,
    }
}

#[test]
fn states_validation_and_repair_follow_from_scripts_and_history() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/states");
    let mut cases: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.extension().is_some_and(|end| end == "case"));
    cases.sort();
    assert!(cases.len() > 20, "the cases are gone");
    for path in cases {
        let text = std::fs::read_to_string(&path).unwrap();
        let shown = format!("{text}\n{}", Case::read(&text).shown());
        insta::with_settings!({ snapshot_path => "states", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(path.file_stem().unwrap().to_str().unwrap(), shown);
        });
    }
}
