//! `docs/limits.md` and the source say the same: every limit of the source is on the page, with its value.
//!
//! The page names a constant as `file::NAME` in the row that tells about it; the row has to contain the constant's value.

mod constant;

use std::collections::BTreeMap;

use self::constant::Constant;
use crate::workspace::Source;

const PAGE: &str = "docs/limits.md";
/// Where limits of the product stand; the rest is for tests.
const PLACES: [&str; 5] =
    ["crates/core/src/", "crates/pgcopy/src/", "crates/providers/src/", "crates/store/src/", "crates/cli/src/"];

pub(super) fn check(sources: &[Source]) -> Result<Vec<String>, String> {
    let Some(page) = sources.iter().find(|source| source.path == PAGE) else {
        return Ok(vec![format!("{PAGE}: there is no such page")]);
    };
    let mut constants: BTreeMap<String, Vec<Constant>> = BTreeMap::new();
    for source in sources.iter().filter(|source| is_product(source)) {
        for constant in constant::of(source)? {
            constants.entry(constant.name.clone()).or_default().push(constant);
        }
    }
    Ok(compare(&page.text, &constants))
}

fn is_product(source: &Source) -> bool {
    let in_place = PLACES.iter().any(|place| source.path.starts_with(place));
    in_place && source.has_extension("rs") && !source.path.ends_with("/tests.rs")
}

fn compare(page: &str, constants: &BTreeMap<String, Vec<Constant>>) -> Vec<String> {
    let mut findings = Vec::new();
    let mut told: Vec<&str> = Vec::new();
    for (index, row) in page.lines().enumerate().filter(|(_, line)| line.starts_with('|')) {
        for name in named(row) {
            told.push(name);
            let Some(known) = constants.get(name) else {
                findings.push(format!("{PAGE}:{}: the source has no `{name}`", index + 1));
                continue;
            };
            let values: Vec<&str> = known.iter().filter_map(|constant| constant.value.as_deref()).collect();
            if !values.is_empty() && !values.iter().any(|value| says(row, value)) {
                findings.push(format!("{PAGE}:{}: `{name}` is {} in the source", index + 1, values.join(" or ")));
            }
        }
    }
    let untold = constants.values().flatten().filter(|constant| constant.is_limit && !told.contains(&constant.name.as_str()));
    findings.extend(untold.map(|constant| {
        let value = constant.value.as_deref().unwrap_or("not a plain value");
        format!("{}:{}: `{}` ({value}) is not in {PAGE}", constant.path, constant.line, constant.name)
    }));
    findings
}

/// The constants that a row names: `file::NAME` as code.
fn named(row: &str) -> Vec<&str> {
    let codes = row.split('`').skip(1).step_by(2);
    codes.filter(|code| code.split_once("::").is_some_and(|(file, name)| is_word(file) && is_word(name))).collect()
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
}

/// Whether the row has the value, and not as a part of another one.
fn says(row: &str, value: &str) -> bool {
    row.match_indices(value).any(|(start, _)| {
        let (before, after) = (row[..start].chars().next_back(), row[start + value.len()..].chars().next());
        let inside = |character: char| character.is_alphanumeric() || character == '_';
        !before.is_some_and(|character| inside(character) || ",.".contains(character)) && !after.is_some_and(inside)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> BTreeMap<String, Vec<Constant>> {
        let source = Source { path: "crates/store/src/lease.rs".to_owned(), text: text.to_owned() };
        constant::of(&source).unwrap().into_iter().map(|constant| (constant.name.clone(), vec![constant])).collect()
    }

    #[test]
    fn a_wrong_value_an_unknown_name_and_a_limit_left_out_are_found() {
        let constants = source(
            "pub const LEASE_TTL: Duration = Duration::from_secs(60);\nconst MAX_LINES: u64 = 200_000;\nconst PORT: u16 = 1;",
        );
        assert!(compare("| `lease::LEASE_TTL` | 1 min |\n| `lease::MAX_LINES` | 200,000 |", &constants).is_empty());
        let findings = compare("| `lease::LEASE_TTL` | 11 min |\n| `lease::GONE` | 1 |\n`lease::NOT_A_ROW`", &constants);
        let expected = [
            "docs/limits.md:1: `lease::LEASE_TTL` is 1 min in the source",
            "docs/limits.md:2: the source has no `lease::GONE`",
            "crates/store/src/lease.rs:2: `lease::MAX_LINES` (200,000) is not in docs/limits.md",
        ];
        assert_eq!(findings, expected);
    }
}
