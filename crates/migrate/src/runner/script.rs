//! A script that is about to run: read, split, and known to be whole; and the running of its statements.

use restage_pgcopy::connect::PlainClient;
use restage_pgcopy::stop::Stop;

use super::failure::Broken;
use crate::placeholders::Placeholders;
use crate::scripts::ScriptFile;
use crate::settings::Settings;
use crate::statements::{Statement, StatementKind, split};
use crate::{Error, Kind, Result};

/// What is known of a script once all of it was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) statements: usize,
    pub(super) mode: Mode,
}

/// How a script runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// In a transaction that is not its own.
    Transaction,
    /// Each statement by itself.
    Alone,
    /// In transactions that it begins and ends itself.
    Own,
}

/// What a statement does with the transaction it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Control {
    Begins,
    Ends,
}

/// Looks at a whole script, so that one which cannot be split runs not even in part.
pub(super) fn shape(file: &ScriptFile, text: &str, settings: &Settings, major: u32) -> Result<Shape> {
    let (mut statements, mut wanting, mut refusing, mut controls) = (0, None, None, false);
    for statement in split(text, &file.path) {
        let statement = statement?;
        statements += 1;
        let found = if statement.needs_no_transaction(major) { &mut refusing } else { &mut wanting };
        found.get_or_insert(statement.line);
        controls |= control(statement.sql).is_some();
    }
    let told = file.sidecar.execute_in_transaction;
    if let (Some(wanting), Some(refusing), None, false) = (wanting, refusing, told, settings.mixed) {
        return Err(mixed(file, wanting, refusing));
    }
    let mode = match told.unwrap_or(settings.execute_in_transaction && refusing.is_none()) {
        _ if controls => Mode::Own,
        true => Mode::Transaction,
        false => Mode::Alone,
    };
    Ok(Shape { statements, mode })
}

/// Reads a script and looks at the whole of it.
pub(super) fn read(file: &ScriptFile, settings: &Settings, placeholders: &Placeholders, major: u32) -> Result<(String, Shape)> {
    let text = file.text_to_run(settings, placeholders)?;
    let shape = shape(file, &text, settings, major)?;
    Ok((text, shape))
}

fn mixed(file: &ScriptFile, wanting: usize, refusing: usize) -> Error {
    Kind::Mixed
        .error(format_args!(
            "`{}` has on line {refusing} a statement that the server refuses in a transaction, and on line {wanting} one that is no such",
            file.path.display()
        ))
        .help("make two scripts of it, or set `mixed: true` to run it without a transaction")
        .at(&file.path, Some(refusing.max(wanting)))
}

/// What a statement does with transactions, by its first words.
pub(super) fn control(sql: &str) -> Option<Control> {
    let mut words = sql.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    let mut word = || words.find(|word| !word.is_empty()).unwrap_or_default().to_ascii_uppercase();
    match word().as_str() {
        "BEGIN" => Some(Control::Begins),
        "START" => (word() == "TRANSACTION").then_some(Control::Begins),
        "COMMIT" | "END" => chained(sql, word() == "PREPARED"),
        "ABORT" => chained(sql, false),
        "ROLLBACK" => {
            let next = word();
            let next = if matches!(next.as_str(), "WORK" | "TRANSACTION") { word() } else { next };
            if next == "TO" { None } else { chained(sql, next == "PREPARED") }
        }
        "PREPARE" => (word() == "TRANSACTION").then_some(Control::Ends),
        _ => None,
    }
}

/// `AND CHAIN` ends a transaction and begins the next; what is prepared is a transaction of somebody else.
fn chained(sql: &str, prepared: bool) -> Option<Control> {
    let words: Vec<_> = sql.split_whitespace().rev().take(3).map(str::to_ascii_uppercase).collect();
    let chains = matches!(&words[..], [last, and, ..] if last == "CHAIN" && and == "AND");
    (!prepared).then_some(if chains { Control::Begins } else { Control::Ends })
}

/// Runs one statement of a script.
pub(super) async fn execute(client: &PlainClient, stop: &Stop, statement: &Statement<'_>, number: usize) -> Result<(), Broken> {
    let doing = "run a statement of a script";
    let done = match statement.kind {
        StatementKind::Ordinary => client.guard(stop, client.run(doing, statement.sql)).await,
        StatementKind::CopyFromStdin { data } => {
            client.guard(stop, async { client.copy_text("a script's rows", statement.sql, data).await.map(drop) }).await
        }
    };
    done.map_err(|error| Broken::at(statement, number, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_begin_or_end_transactions_are_known() {
        for (sql, expected) in [
            ("BEGIN", Some(Control::Begins)),
            ("begin isolation level serializable", Some(Control::Begins)),
            ("START TRANSACTION", Some(Control::Begins)),
            ("commit", Some(Control::Ends)),
            ("COMMIT WORK", Some(Control::Ends)),
            ("COMMIT AND CHAIN", Some(Control::Begins)),
            ("COMMIT AND NO CHAIN", Some(Control::Ends)),
            ("END", Some(Control::Ends)),
            ("ROLLBACK", Some(Control::Ends)),
            ("ABORT", Some(Control::Ends)),
            ("ROLLBACK TO SAVEPOINT a", None),
            ("ROLLBACK WORK TO a", None),
            ("ROLLBACK PREPARED 'a'", None),
            ("COMMIT PREPARED 'a'", None),
            ("PREPARE TRANSACTION 'a'", Some(Control::Ends)),
            ("PREPARE a AS SELECT 1", None),
            ("SAVEPOINT a", None),
            ("SELECT 'COMMIT'", None),
            ("CREATE FUNCTION a() RETURNS int BEGIN ATOMIC SELECT 1; END", None),
        ] {
            assert_eq!(control(sql), expected, "{sql}");
        }
    }
}
