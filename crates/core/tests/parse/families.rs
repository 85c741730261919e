//! Scenarios that run scenarios.

use super::files::environments;
use restage_core::document::Source;
use restage_core::name::ScenarioName;
use restage_core::scenario::{Family, PromptValues};

fn scenario(name: &str, rest: &str) -> Source {
    Source::new(format!("{name}.yaml"), format!("scenario: {name}\nfrom: production\nto: preprod\n{rest}\n"))
}

fn runs(name: &str, nested: &[&str]) -> Source {
    let stages = nested.iter().map(|nested| format!("  - scenario: {nested}")).collect::<Vec<_>>();
    scenario(name, &format!("stages:\n{}", stages.join("\n")))
}

fn leaf(name: &str) -> Source {
    scenario(name, "prompts: { ticket: {} }\nstages:\n  - approve: { message: '{{ ticket }}' }")
}

fn answers(pairs: &[(&str, &str)]) -> PromptValues {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_family_holds_what_is_run_and_nothing_else() {
    let others = [runs("middle", &["leaf", "leaf"]), leaf("leaf"), Source::new("broken.yaml", "- nonsense")];
    let root = runs("root", &["middle", "leaf"]);
    let family = Family::parse(&root, &others, &environments(), &answers(&[("ticket", "A-1")])).unwrap();
    assert_eq!(family.root.name.as_str(), "root");
    assert_eq!(family.nested.keys().map(ScenarioName::as_str).collect::<Vec<_>>(), ["leaf", "middle"]);
}

#[test]
fn answers_must_be_asked_for_somewhere() {
    let root = runs("root", &["leaf"]);
    let values = answers(&[("ticket", "A-1"), ("tikcet", "A-2")]);
    let problems = Family::parse(&root, &[leaf("leaf")], &environments(), &values).unwrap_err();
    insta::assert_snapshot!(problems, @r"
    root.yaml: there is no prompt `tikcet` to answer
     help: did you mean `ticket`?
    ");
}

#[test]
fn circles_and_strangers_are_reported_where_they_are_written() {
    let sources = [runs("a", &["b", "d"]), runs("b", &["c"]), runs("c", &["a", "lief"]), runs("d", &["d"]), leaf("leaf")];
    let problems = Family::check(&sources, &environments()).unwrap_err();
    insta::assert_snapshot!(problems, @r"
    a.yaml:5:15: the scenario runs itself: a → b → c → a
        5 |   - scenario: b
          |               ^
     help: remove one of these stages

    b.yaml:5:15: the scenario runs itself: b → c → a → b
        5 |   - scenario: c
          |               ^
     help: remove one of these stages

    c.yaml:5:15: the scenario runs itself: c → a → b → c
        5 |   - scenario: a
          |               ^
     help: remove one of these stages

    c.yaml:6:15: there is no scenario `lief`
        6 |   - scenario: lief
          |               ^^^^
     help: the scenarios are `a`, `b`, `c`, `d` and `leaf`

    d.yaml:5:15: the scenario runs itself: d → d
        5 |   - scenario: d
          |               ^
     help: remove one of these stages
    ");
}

#[test]
fn scenarios_cannot_multiply_without_end() {
    let doubling = (0..40).map(|level| {
        let next = format!("s{}", level + 1);
        runs(&format!("s{level}"), &[&next, &next])
    });
    let mut sources = doubling.collect::<Vec<_>>();
    sources.push(scenario("s40", "stages: [{ approve: { message: x } }]"));
    let problems = Family::parse(&sources[0], &sources[1..], &environments(), &answers(&[])).unwrap_err();
    insta::assert_snapshot!(problems, @r"
    s0.yaml: with all that it runs the scenario has 3298534883326 stages, more than 1000
     help: run fewer scenarios from it
    ");
}
