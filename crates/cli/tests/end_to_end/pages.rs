//! The pages of stages: their examples are right, one of them is run for real, and no key is left out.

use crate::look::{Both, rows};
use crate::play::exit;
use crate::truth::RIGHTS;
use crate::world::{World, environments, reached};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every page with its text, by the name of its stage.
fn pages() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/stages");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let page = |path: PathBuf| (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap());
    let mut pages: Vec<_> = paths.map(page).collect();
    pages.sort();
    pages
}

/// The scenarios that a page shows, each by its name.
fn examples(page: &str) -> Vec<(String, String)> {
    let blocks = page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let name = |text: &str| text.lines().find_map(|line| line.strip_prefix("scenario: ")).map(str::to_owned);
    blocks.map(|text| (name(text).unwrap_or_else(|| panic!("no whole scenario:\n{text}")), text.to_owned())).collect()
}

fn restage(words: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_restage")).args(words).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_example_is_a_right_scenario() {
    let project = tempfile::tempdir().unwrap();
    let (source, target) = (reached("postgresql://reader@a/app", "A"), reached("postgresql://owner@b/app", "B"));
    fs::create_dir(project.path().join("scenarios")).unwrap();
    fs::write(project.path().join("environments.yaml"), environments(&source, &target)).unwrap();
    let mut names = BTreeSet::new();
    for (stage, page) in pages() {
        let examples = examples(&page);
        assert!(!examples.is_empty(), "`{stage}` has no example");
        for (name, text) in examples {
            assert!(text.contains(&format!("{stage}:")), "the example `{name}` does not show `{stage}`");
            assert!(names.insert(name.clone()) || stage == "scenario", "two examples are called `{name}`");
            fs::write(project.path().join(format!("scenarios/{name}.yaml")), text).unwrap();
        }
    }
    let said = restage(&["-C", project.path().to_str().unwrap(), "check"]);
    assert!(said.contains(&format!("{} scenarios", names.len())), "{said}");
}

#[test]
fn the_example_of_copying_a_database_does_what_its_page_says() {
    let world = World::drifted();
    let page = pages().into_iter().find(|(stage, _)| stage == "copy-database").unwrap().1;
    let (name, text) = examples(&page).remove(0);
    world.scenario(&name, &text);
    let before = Both::of(&world);
    let own = rows(&world.preprod, RIGHTS);
    world.restage(&["run", &name, "--yes"]).ends(exit::DONE).says("refreshed");
    let now: BTreeSet<String> = rows(&world.preprod, RIGHTS).into_iter().collect();
    assert!(own.iter().filter(|right| !right.contains("qualified")).all(|right| now.contains(right)), "a tester lost a role");
    let emails = "select email from people where email is not null union select data -> 'contact' ->> 'email' from applications";
    let real: BTreeSet<String> = rows(&world.production, emails).into_iter().collect();
    assert!(rows(&world.preprod, emails).iter().all(|email| !real.contains(email)), "an address came through");
    assert_eq!(rows(&world.preprod, "select count(*) from page_cache"), ["0"]);
    assert_eq!(rows(&world.preprod, "select count(*) from users where username like 'zoe.%' and active"), ["0"]);
    before.production_is_as_before(&world);
    world.restage(&["undo"]).ends(exit::DONE);
    before.nothing_was_touched(&world);
}

#[test]
fn every_key_of_a_stage_is_on_its_page() {
    let schema: Value = serde_json::from_str(&restage(&["schema", "scenario"])).unwrap();
    let definitions = &schema["definitions"];
    let pages: BTreeMap<String, String> = pages().into_iter().collect();
    let stages = keys(&definitions["stage"]);
    assert_eq!(stages, pages.keys().cloned().collect());
    for stage in stages {
        let parts: &[&str] = match stage.as_str() {
            "copy-database" => &["copy-database", "migrations", "keep-options", "swap", "rows", "mask-column"],
            "wait-for" => &["wait-for", "wait-for-sql"],
            // A name and a list have no keys.
            "scenario" | "parallel" => &[],
            stage => &[stage],
        };
        for part in parts {
            let known = keys(&definitions[*part]);
            assert!(!known.is_empty(), "`{part}` has no keys");
            for key in known {
                let told = [format!("`{key}`"), format!("{key}: …")];
                assert!(
                    told.iter().any(|text| pages[&stage].contains(text)),
                    "`{key}` of `{part}` is not on the page of `{stage}`"
                );
            }
        }
    }
}

/// The keys that a part of the schema knows, wherever it has them.
fn keys(part: &Value) -> BTreeSet<String> {
    let own = part["properties"].as_object().into_iter().flatten().map(|(key, _)| key.clone());
    let inner = ["oneOf", "anyOf", "allOf"].into_iter().filter_map(|word| part[word].as_array()).flatten().flat_map(keys);
    own.chain(inner).collect()
}
