//! The migrator's log: its last exit status, and the last error with what stands around it.

use super::exits::{meaning, next_after};
use super::symptoms::Observed;
use super::{Finding, Notes, Severity, next};
use crate::signal::ExitStatus;

/// Lines before an error that are shown.
const LINES_BEFORE: usize = 2;
/// Lines after it: the first of a stack trace.
const LINES_AFTER: usize = 8;
/// The greatest part of a line that is shown, in characters.
const LINE_CHARS: usize = 200;
/// What an error's line has.
const ERRORS: [&str; 6] = ["ERROR", "FATAL", "SEVERE", "Exception", "error[", "error:"];
/// How the line begins, somewhere in it, that tells the exit status.
const EXIT: &str = "exit status ";
const EXIT_SUBJECT: &str = "igrator completed with";

/// What a log says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogSeen {
    /// The file's name.
    pub name: String,
    /// The last exit status that it tells, with its line.
    pub exit: Option<(ExitStatus, String)>,
    /// The last error and the lines around it; none where it stands before the end of a migrator that ended well.
    pub error: Vec<String>,
}

impl LogSeen {
    /// Reads a log, or its end.
    pub fn read(name: String, text: &str) -> Self {
        let text = plain(text);
        let lines: Vec<&str> = text.lines().collect();
        let exit = lines.iter().enumerate().rev().find_map(|(at, line)| Some((at, exit_status(line)?, cut(line))));
        let ended_well_at = exit.as_ref().filter(|(_, status, _)| *status == ExitStatus::Success).map(|(at, ..)| *at);
        let error = lines.iter().rposition(|line| ERRORS.iter().any(|word| line.contains(word)));
        let error = error.filter(|at| ended_well_at.is_none_or(|ended| *at > ended)).map(|at| first_of(&lines, at));
        let around = error.map(|at| &lines[at.saturating_sub(LINES_BEFORE)..lines.len().min(at + LINES_AFTER + 1)]);
        Self {
            name,
            exit: exit.map(|(_, status, line)| (status, line)),
            error: around.into_iter().flatten().map(|line| cut(line)).collect(),
        }
    }
}

/// The text without the colours of a terminal, which may stand in the midst of a word that is looked for.
fn plain(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    // A sequence ends with the first character that is neither a parameter nor between them.
    parts.fold(first, |plain, part| plain + part.trim_start_matches(|c| matches!(c, ' '..='?')).get(1..).unwrap_or_default())
}

/// An error's first line: causes and places of a stack trace follow it.
fn first_of(lines: &[&str], at: usize) -> usize {
    let goes_on = |line: &str| line.starts_with([' ', '\t']) || line.starts_with("Caused by:");
    (0..=at).rev().find(|at| !goes_on(lines[*at])).unwrap_or(at)
}

fn exit_status(line: &str) -> Option<ExitStatus> {
    let (_, after) = line.split_once(EXIT_SUBJECT)?.1.split_once(EXIT)?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().map(ExitStatus::of)
}

fn cut(line: &str) -> String {
    if line.chars().count() <= LINE_CHARS {
        line.to_owned()
    } else {
        format!("{}…", line.chars().take(LINE_CHARS).collect::<String>())
    }
}

pub(super) fn look(notes: &mut Notes<'_>) {
    let log = match &notes.symptoms.log {
        Observed::NotAsked => return,
        Observed::Failed(failure) => return notes.unchecked("log", "the log could not be read".into(), failure),
        Observed::Seen(log) => log,
    };
    let status = log.exit.as_ref().map(|(status, _)| *status);
    let told = status.map_or_else(|| "no exit status".to_owned(), |status| format!("exit status {}", status.number()));
    notes.check("log", format!("`{}` tells {told}{}", log.name, if log.error.is_empty() { "" } else { " and an error" }));
    let (finding, mut commands) = match status {
        Some(ExitStatus::Success) | None if log.error.is_empty() => return,
        Some(ExitStatus::Success) => (format!("the log `{}` has an error after a migrator that ended well", log.name), vec![]),
        None => (format!("the log `{}` has an error, and no exit status", log.name), vec![]),
        Some(status) => (
            format!("the log's last migrator ended with exit status {}: {}", status.number(), meaning(status)),
            next_after(status, notes),
        ),
    };
    if commands.is_empty() {
        commands.push(next(format!("less +G {}", log.name), "shows the rest of it"));
    }
    let mut evidence = log.error.clone();
    evidence.extend(log.exit.iter().map(|(_, line)| line.clone()).filter(|line| !log.error.contains(line)));
    notes.find(Finding { severity: Severity::Warning, finding, evidence, next: commands, fix: None });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_hide_no_word_of_a_log() {
        let log =
            "\u{1b}[1;31merr\u{1b}[0mor: boom\n\u{1b}[2mMigrator\u{1b}[0m completed with exit status \u{1b}[31m2\u{1b}[0m\n\u{1b}[";
        let seen = LogSeen::read("m.log".into(), log);
        assert_eq!(seen.exit.unwrap().0, ExitStatus::MigrationFailed);
        assert_eq!(seen.error, ["error: boom", "Migrator completed with exit status 2"]);
        assert_eq!(plain("a\u{1b}[ä"), "a");
    }
}
