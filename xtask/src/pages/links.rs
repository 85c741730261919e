//! Every link inside the project leads to a file that is there, and to a heading that it has.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::markdown::anchor;
use crate::workspace::{self, Source};

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let pages: BTreeMap<&str, &Source> =
        sources.iter().filter(|source| source.has_extension("md")).map(|source| (source.path.as_str(), source)).collect();
    let mut findings = Vec::new();
    for page in pages.values() {
        for (number, target) in links(&page.text) {
            if let Some(wrong) = wrong(page, target, &pages) {
                findings.push(format!("{}:{number}: {wrong}", page.path));
            }
        }
    }
    findings
}

/// The targets of links with the number of their line, those to other sites left out.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        fenced ^= line.trim_start().starts_with("```");
        if fenced {
            continue;
        }
        for (start, mark) in line.match_indices("](") {
            let rest = &line[start + mark.len()..];
            let target = rest.split(')').next().unwrap_or(rest);
            if !target.contains("://") && !target.starts_with("mailto:") {
                found.push((index + 1, target));
            }
        }
    }
    found
}

fn wrong(page: &Source, target: &str, pages: &BTreeMap<&str, &Source>) -> Option<String> {
    let (file, heading) = target.split_once('#').map_or((target, None), |(file, heading)| (file, Some(heading)));
    let path = if file.is_empty() { page.path.clone() } else { beside(&page.path, file) };
    if !workspace::root().join(&path).exists() && !pages.contains_key(path.as_str()) {
        return Some(format!("`{target}` leads nowhere"));
    }
    let (heading, other) = (heading?, pages.get(path.as_str())?);
    let has =
        other.text.lines().filter(|line| line.starts_with('#')).any(|line| anchor(line.trim_start_matches('#').trim()) == heading);
    (!has).then(|| format!("`{path}` has no heading `#{heading}`"))
}

/// The path of `file` as it is meant on a page, from the root.
fn beside(page: &str, file: &str) -> String {
    let folder = Path::new(page).parent().unwrap_or(Path::new(""));
    let mut path = PathBuf::new();
    for part in folder.join(file).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::CurDir => {}
            other => path.push(other),
        }
    }
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_files_and_headings_that_are_missing_are_found() {
        let page = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
        let text = "[a](../b.md), [b](b.md#one-two)\n[c](nowhere.md)\n```\n[d](not-a-link.md)\n```\n[e](b.md#three) [f](https://x.example) [g](#here)\n# Here";
        let sources = [page("docs/a.md", text), page("docs/b.md", "# One, two"), page("b.md", "")];
        let expected = ["docs/a.md:2: `nowhere.md` leads nowhere", "docs/a.md:6: `docs/b.md` has no heading `#three`"];
        assert_eq!(check(&sources), expected);
    }
}
