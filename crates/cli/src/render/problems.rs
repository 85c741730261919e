//! Problems of files: place, line, the fault underlined, help.

use super::plural;
use crate::screen::{Screen, Style};
use restage_core::document::Problems;

pub(crate) fn problems(problems: &Problems, screen: Screen) {
    for problem in problems {
        let text = problem.to_string();
        let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
        screen.talk(&format!("{} {first}", screen.paint(Style::Red, "problem:")));
        if !rest.is_empty() {
            screen.talk(rest);
        }
        screen.talk("");
    }
    screen.talk(&screen.paint(Style::Bold, &plural(problems.count() as u64, "problem")));
}
