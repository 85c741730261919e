//! `docs/performance.md`: written by people, with a place for the findings of each bench.

use std::fs;

use crate::workspace;

const PAGE: &str = "docs/performance.md";

/// Puts the findings between the marks of their bench.
pub(super) fn put(bench: &str, findings: &str) -> Result<(), String> {
    let path = workspace::root().join(PAGE);
    let page = fs::read_to_string(&path).map_err(|error| format!("cannot read `{PAGE}`: {error}"))?;
    let page = replaced(&page, bench, findings).ok_or_else(|| format!("`{PAGE}` has no place for the bench `{bench}`"))?;
    fs::write(&path, page).map_err(|error| format!("cannot write `{PAGE}`: {error}"))
}

fn replaced(page: &str, bench: &str, findings: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- bench {bench}: begin -->\n"), format!("<!-- bench {bench}: end -->"));
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{}\n\n{end}{after}", findings.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_its_marks_is_replaced() {
        let page = "A\n<!-- bench swap: begin -->\nold\n<!-- bench swap: end -->\nB\n";
        let expected = "A\n<!-- bench swap: begin -->\n\nnew\n\n<!-- bench swap: end -->\nB\n";
        assert_eq!(replaced(page, "swap", "new\n").unwrap(), expected);
        assert_eq!(replaced(&expected.replace("new", "old"), "swap", "new").unwrap(), expected);
        assert!(replaced(page, "masks", "new").is_none());
    }
}
