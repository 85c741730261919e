//! The few forms of Markdown that the pages consist of.

use std::fmt::Write as _;

/// What every generated page begins with, after its title.
pub(crate) fn opening(title: &str, words: &str) -> String {
    format!("<!-- Written by `cargo xtask docs`; changes made here are lost. -->\n\n# {title}\n\n{words}\n")
}

/// A table; cells may hold any text.
pub(crate) fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = format!("| {} |\n|{}\n", heading.join(" | "), "---|".repeat(heading.len()));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| in_cell(cell)).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

/// A cell ends with its line and at a bar.
fn in_cell(text: &str) -> String {
    text.trim().replace('|', "\\|").replace("\n\n", "<br>").replace('\n', " ")
}

/// A word as code.
pub(crate) fn code(word: &str) -> String {
    format!("`{word}`")
}

/// The anchor of a heading, as the usual renderers make it.
pub(crate) fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|character| character.is_alphanumeric() || " -_".contains(*character));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_what_renderers_make() {
        assert_eq!(anchor("R0101: a `file` can't, no"), "r0101-a-file-cant-no");
    }

    #[test]
    fn nothing_in_a_cell_ends_it() {
        let rows = [vec!["`a|b`".to_owned(), "one\ntwo\n\nthree".to_owned()]];
        assert_eq!(table(&["x", "y"], &rows), "| x | y |\n|---|---|\n| `a\\|b` | one two<br>three |\n");
    }
}
