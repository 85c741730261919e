//! Every file of `environments/` and `scenarios/`, with what it gives in `golden/`.
//!
//! A scenario's first line may be `# answers: name=value, …`, or `# open` to check it without answers.

use restage_core::document::{Problems, Source};
use restage_core::environment::Environments;
use restage_core::scenario::{PromptValues, Scenario};
use serde::Serialize;
use std::path::{Path, PathBuf};

pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parse")
}

pub(super) fn sources(kind: &str) -> Vec<Source> {
    let mut paths: Vec<_> = std::fs::read_dir(folder().join(kind)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    let name = |path: &Path| path.strip_prefix(folder()).unwrap().display().to_string();
    paths.iter().map(|path| Source::new(name(path), std::fs::read_to_string(path).unwrap())).collect()
}

pub(super) fn environments() -> Environments {
    let source = sources("environments").into_iter().find(|source| source.name.ends_with("/good.yaml")).unwrap();
    Environments::parse(&source).unwrap_or_else(|problems| panic!("{problems}"))
}

fn shown<T: Serialize>(result: Result<T, Problems>) -> String {
    match result {
        Ok(value) => serde_json::to_string_pretty(&value).unwrap(),
        Err(problems) => problems.to_string(),
    }
}

pub(super) fn assert_golden(source: &Source, result: &str) {
    let name = source.name.strip_suffix(".yaml").unwrap().replace('/', "-");
    insta::with_settings!({ snapshot_path => "golden", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, result);
    });
}

#[test]
fn environments_files_give_what_is_written_down() {
    for source in sources("environments") {
        assert_golden(&source, &shown(Environments::parse(&source)));
    }
}

#[test]
fn scenarios_give_what_is_written_down() {
    let environments = environments();
    for source in sources("scenarios") {
        let first = source.text.lines().next().unwrap_or_default();
        let result = if first == "# open" {
            shown(Scenario::check(&source, &environments).map(|()| "nothing is wrong"))
        } else {
            shown(Scenario::parse(&source, &environments, &answers(first)))
        };
        assert_golden(&source, &result);
    }
}

fn answers(line: &str) -> PromptValues {
    let Some(list) = line.strip_prefix("# answers: ") else { return PromptValues::default() };
    let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap();
    list.split(", ").map(pair).collect()
}
