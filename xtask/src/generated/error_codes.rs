//! `docs/reference/errors.md`: the page of every error code, as `restage explain` prints it.

use std::fmt::Write as _;

use restage_core::Code;
use restage_core::signal::ExitStatus;

use crate::markdown::{anchor, code, opening, table};

/// What the first digits of a code say.
const KINDS: [(&str, &str); 6] = [
    ("R01", "Files, names and secrets: nothing was begun"),
    ("R02", "Refused by a check: nothing was touched"),
    ("R03", "Servers, commands and the network"),
    ("R04", "A run that could not go on"),
    ("R05", "The store"),
    ("R06", "Approvals"),
];

pub(super) fn write() -> String {
    let words = "Every error has a code that never changes its meaning. `restage explain CODE` prints these pages in the terminal.";
    let mut text = opening("Error codes", words);
    for (start, title) in KINDS {
        let pages: Vec<&str> = Code::ALL.iter().filter(|code| code.id().starts_with(start)).map(|code| code.page()).collect();
        let rows: Vec<Vec<String>> = pages.iter().map(|page| row(page)).collect();
        let _ = write!(text, "\n## {title}\n\n{}", table(&["code", "what it says"], &rows));
        for page in pages {
            let _ = write!(text, "\n{}\n", deeper(page.trim()));
        }
    }
    write_statuses(&mut text);
    text
}

/// The exit statuses of a migrator, which are explained like codes.
fn write_statuses(text: &mut String) {
    let pages = ExitStatus::ALL.map(ExitStatus::page);
    let rows: Vec<Vec<String>> = pages.iter().map(|page| row(page)).collect();
    let _ = write!(text, "\n## Exit statuses of a migrator\n\n{}", table(&["status", "what it says"], &rows));
    for page in pages {
        let _ = write!(text, "\n{}\n", deeper(page.trim()));
    }
}

/// The code, with a link to its page, and the title.
fn row(page: &str) -> Vec<String> {
    let heading = page.lines().next().unwrap_or_default().trim_start_matches("# ");
    let (id, title) = heading.split_once(": ").unwrap_or((heading, ""));
    vec![format!("[{}](#{})", code(id), anchor(heading)), title.to_owned()]
}

/// The page with its headings two levels further down.
fn deeper(page: &str) -> String {
    let mut fenced = false;
    let lines = page.lines().map(|line| {
        fenced ^= line.starts_with("```");
        if line.starts_with('#') && !fenced { format!("##{line}") } else { line.to_owned() }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_row_and_its_whole_page() {
        let text = write();
        for code in Code::ALL {
            let heading = code.page().lines().next().unwrap().trim_start_matches("# ");
            assert!(text.contains(&format!("(#{})", anchor(heading))), "{} has no row", code.id());
            assert!(text.contains(&format!("\n### {heading}\n")), "{} has no page", code.id());
        }
    }

    #[test]
    fn headings_go_down_and_comments_of_a_shell_stay() {
        assert_eq!(deeper("# A\n```\n# b\n```\n## C"), "### A\n```\n# b\n```\n#### C");
    }
}
