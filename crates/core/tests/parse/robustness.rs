//! No input makes the parser panic, hang or show a secret.

use super::files::{environments, sources};
use proptest::prelude::*;
use restage_core::document::{MAX_DEPTH, MAX_FILE_BYTES, MAX_NODES, MAX_PROBLEMS, Problems, Source};
use restage_core::environment::Environments;
use restage_core::scenario::{PromptValues, Scenario};

/// Reads a text as every kind of file and shows all problems.
fn exercise(text: &str) -> Vec<Problems> {
    let source = Source::new("any.yaml", text);
    let environments = environments();
    let found = [
        Environments::parse(&source).err(),
        Scenario::check(&source, &environments).err(),
        Scenario::parse(&source, &environments, &PromptValues::default()).err(),
        Scenario::prompts(&source).err(),
    ];
    found.into_iter().flatten().inspect(|problems| assert!(!problems.to_string().is_empty())).collect()
}

/// A change that people and editors make to files, placed by two numbers.
fn damaged(text: &str, at: usize, kind: usize, piece: &str) -> String {
    let boundaries: Vec<_> = text.char_indices().map(|(index, _)| index).chain([text.len()]).collect();
    let start = boundaries[at % boundaries.len()];
    let end = boundaries[(at + kind % 40).min(boundaries.len() - 1) % boundaries.len()].max(start);
    match kind % 3 {
        0 => format!("{}{piece}{}", &text[..start], &text[start..]),
        1 => format!("{}{}", &text[..start], &text[end..]),
        _ => format!("{}{piece}{}", &text[..start], &text[end..]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(source) = Source::from_bytes("any.yaml", bytes) {
            exercise(&source.text);
        }
    }

    #[test]
    fn any_text_of_yaml_characters_is_read_or_refused(text in "[-a-z:{}\\[\\]#&*!|>'\"%@`,? \n\t\r0-9é\u{feff}]{0,200}") {
        exercise(&text);
    }

    #[test]
    fn damaged_files_are_read_or_refused(
        file in 0..100_usize,
        changes in proptest::collection::vec(
            (any::<usize>(), any::<usize>(), "[-a-z:{}\\[\\]#&*!|>'\"%, \n]{0,6}|\\{\\{|\\}\\}|\\{% if x %\\}|null|ü"),
            1..4
        ),
    ) {
        let all: Vec<_> = sources("scenarios").into_iter().chain(sources("environments")).collect();
        let text = changes.iter().fold(all[file % all.len()].text.clone(), |text, (at, kind, piece)| {
            damaged(&text, *at, *kind, piece)
        });
        for problems in exercise(&text) {
            let shown = problems.to_string();
            prop_assert!(!problems.iter().any(|problem| problem.span.clone().is_some_and(|span| {
                problem.source.text.get(span).is_none()
            })), "a span does not fit the text: {shown}");
        }
    }
}

#[test]
fn secrets_are_in_no_problem() {
    for text in [
        "environments:\n  a:\n    databases:\n      b: { url: 'postgresql://u:hunter2@h/d', oops: 1 }\n",
        "environments:\n  a:\n    databases:\n      b:\n        url: postgresql://u:hunter2@h/d: x\n",
        "environments:\n  a:\n    databases:\n      b: { url: postgresql://u@h/d, password: hunter2 }\n",
        "environments:\n  a:\n    databases:\n      b:\n        url: postgresql://u@h/d\n        password: |\n          hunter2\n",
        "environments:\n  a:\n    databases:\n      b:\n        url: postgresql://u@h/d\n        password:\n          hunter2\n",
        "environments:\n  a:\n    databases:\n      b: { url: 'postgresql://u@h/d?password=hunter2&x=y' }\n",
        "environments:\n  a:\n    databases:\n      b: { url: 'postgresql://u@h/d', password: [hunter2] }\n",
        "scenario: any\nmask-secret: hunter2\n",
        "scenario: any\nmask-secret: hunter2: x\n",
        "scenario: any\nstages: [{ check-http: { url: 'https://u:hunter2@h/' } }]\n",
    ] {
        let found = exercise(text);
        assert!(!found.is_empty());
        for problems in found {
            let shown = format!("{problems}{problems:?}{}", serde_json::to_string(&problems).unwrap());
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }
}

#[test]
fn a_secret_in_the_place_of_a_name_is_in_no_problem() {
    let text = "environments:\n  a:\n    databases:\n      b: { url: 'postgresql://u@h/d', password: { env: 'hunter2!' } }\n";
    let problems = Environments::parse(&Source::new("any.yaml", text)).unwrap_err();
    insta::assert_snapshot!(problems, @r"
    any.yaml:4:56: `env` must be the name of an environment variable
        4 |       b: { url: 'postgresql://u@h/d', password: { env: ********** } }
          |                                                        ^^^^^^^^^^
     help: use letters, digits and `_`, as in `PROD_PASSWORD`
    ");
}

#[test]
fn limits_are_kept() {
    let first = |text: &str| exercise(text)[0].iter().next().unwrap().message.clone();
    assert!(first(&" ".repeat(MAX_FILE_BYTES + 1)).contains("more than the limit"));
    assert!(first(&"[".repeat(MAX_DEPTH + 1)).contains("deep"));
    assert!(first(&format!("[{}]", "a,".repeat(MAX_NODES + 1))).contains("values and keys"));
    let entries = (0..2 * MAX_PROBLEMS).map(|i| format!("  e{i}: 1")).collect::<Vec<_>>();
    let many = format!("environments:\n{}", entries.join("\n"));
    assert_eq!(exercise(&many)[0].count(), MAX_PROBLEMS + 1);
}

#[test]
fn line_ends_and_byte_order_marks_change_nothing() {
    let text = "scenario: any\nfrom: production\nto: preprod\nstages:\n  - approve: { message: ü }\nbroken: x\n";
    let unix = exercise(text);
    let windows = exercise(&format!("\u{feff}{}", text.replace('\n', "\r\n")));
    let messages = |found: &[Problems]| {
        let all = found.iter().flatten().map(|problem| (problem.message.clone(), problem.line()));
        all.collect::<Vec<_>>()
    };
    assert_eq!(messages(&unix), messages(&windows));
    assert!(Scenario::check(&Source::new("any.yaml", text.replace("broken: x\n", "")), &environments()).is_ok());
}

#[test]
fn the_largest_files_are_read() {
    let keys = (0..MAX_NODES / 2 - 10).map(|index| format!("  e{index}: {{}}")).collect::<Vec<_>>();
    let environments = Environments::parse(&Source::new("any.yaml", format!("environments:\n{}", keys.join("\n"))));
    assert_eq!(environments.unwrap().iter().count(), keys.len());
}

#[test]
fn aliases_cannot_multiply() {
    let bomb = (0..30).fold("environments:\n  a0: &a0 [x]\n".to_owned(), |text, level| {
        format!("{text}  a{next}: &a{next} [*a{level}, *a{level}]\n", next = level + 1)
    });
    assert!(exercise(&bomb)[0].to_string().contains("aliases are not supported"));
}

#[test]
fn a_file_that_is_not_utf8_is_a_problem() {
    let problems = Source::from_bytes("latin1.yaml", b"a: b\nc: caf\xe9\n".to_vec()).unwrap_err();
    insta::assert_snapshot!(problems, @r"
    latin1.yaml: line 2 is not UTF-8
     help: save the file as UTF-8
    ");
}
