//! Text set to a width: folded lines and aligned columns.

/// Folds text at spaces to a width, every line indented, lines after the first further by `hang`.
pub(crate) fn fold(text: &str, indent: usize, hang: usize, width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut line = " ".repeat(indent);
    let mut used = indent;
    let mut is_empty = true;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if !is_empty && used + 1 + length > width {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent + hang)));
            used = indent + hang;
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += length;
        is_empty = false;
    }
    lines.push(line);
    lines.join("\n")
}

/// Folds text that begins in that column of a line, every line after the first further in by `hang`.
pub(crate) fn hang(text: &str, column: usize, hang: usize, width: usize) -> String {
    fold(text, 0, hang, width.saturating_sub(column)).replace('\n', &format!("\n{}", " ".repeat(column)))
}

/// A page set to another width: paragraphs and items anew, all else as it is.
pub(crate) fn reflow(page: &str, width: usize) -> String {
    let (mut set, mut open) = (Vec::new(), String::new());
    let flush = |open: &mut String, set: &mut Vec<String>| {
        if !open.is_empty() {
            let hang = if open.starts_with("- ") { 2 } else { 0 };
            set.push(fold(open, 0, hang, width));
            open.clear();
        }
    };
    for line in page.lines() {
        let is_set = line.is_empty() || ["#", "|", "    "].iter().any(|start| line.starts_with(start));
        if is_set || line.starts_with("- ") {
            flush(&mut open, &mut set);
        }
        if is_set {
            set.push(line.to_owned());
        } else {
            open += if open.is_empty() { "" } else { " " };
            open += line.trim_start();
        }
    }
    flush(&mut open, &mut set);
    set.join("\n")
}

/// Text without control characters but ends of lines: a terminal would obey them, and logs and messages are written by others.
pub(crate) fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

/// `1 table`, `2 tables`
pub(crate) fn plural(number: u64, thing: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {thing}{ending}", super::count(number))
}

/// Aligned columns; numbers to the right.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    right: Vec<usize>,
}

impl Table {
    /// A table with its heading; the columns in `right` are aligned to the right.
    pub(crate) fn new(heading: &[&str], right: &[usize]) -> Self {
        Self { rows: vec![heading.iter().map(|cell| (*cell).to_owned()).collect()], right: right.to_vec() }
    }
    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }
    /// The lines, each indented; the widest cell decides each column, and the last one, if it is text, folds at the width.
    pub(crate) fn lines(&self, indent: usize, width: usize) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widest =
            |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(widest).collect();
        let last_starts = indent + widths.iter().rev().skip(1).map(|width| width + GAP).sum::<usize>();
        let line = |row: &Vec<String>| {
            let cells = row.iter().enumerate().map(|(column, cell)| {
                let room = " ".repeat(widths[column].saturating_sub(cell.chars().count()));
                if self.right.contains(&column) {
                    format!("{room}{cell}")
                } else if column + 1 == columns {
                    hang(cell, last_starts, 0, width)
                } else {
                    format!("{cell}{room}")
                }
            });
            format!("{}{}", " ".repeat(indent), cells.collect::<Vec<_>>().join(&" ".repeat(GAP))).trim_end().to_owned()
        };
        self.rows.iter().map(line).collect()
    }
}

/// Between two columns.
const GAP: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_fold_at_spaces() {
        assert_eq!(fold("one two three four", 2, 2, 11), "  one two\n    three\n    four");
        assert_eq!(fold("averyveryverylongword", 0, 0, 5), "averyveryverylongword");
    }

    #[test]
    fn pages_are_set_anew_and_commands_in_them_are_not() {
        let page = "# E1: a title that is long and stays\n\nOne two\nthree four five.\n\n- a first item\n  goes on here\n- second\n\n    a command that is long\n";
        let expected = "# E1: a title that is long and stays\n\nOne two three\nfour five.\n\n- a first item\n  goes on here\n- second\n\n    a command that is long";
        assert_eq!(reflow(page, 14), expected);
    }

    #[test]
    fn what_a_terminal_would_obey_is_left_out() {
        assert_eq!(printable("a\u{1b}]0;title\u{7}b\rc\u{9b}2J\n\td"), "a]0;titlebc2J\n\td");
    }

    #[test]
    fn columns_align() {
        let mut table = Table::new(&["name", "rows"], &[1]);
        table.row(vec!["a".into(), "1,000".into()]);
        assert_eq!(table.lines(1, 80), [" name   rows", " a     1,000"]);
    }

    #[test]
    fn the_last_column_folds_below_itself() {
        let mut table = Table::new(&["name", "masked"], &[]);
        table.row(vec!["people".into(), "address, email, phone".into()]);
        assert_eq!(table.lines(0, 24), ["name    masked", "people  address, email,\n        phone"]);
    }
}
