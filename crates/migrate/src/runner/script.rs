//! A script that is about to run: read, split, and known to be whole; and the running of its statements.

use restage_pgcopy::connect::PlainClient;

use super::Cx;
use super::failure::Broken;
use super::reporter::Progress;
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

/// Looks at a whole script, so that one which cannot be split runs not even in part.
pub(super) fn shape(file: &ScriptFile, text: &str, settings: &Settings, major: u32) -> Result<Shape> {
    let (mut statements, mut wanting, mut refusing, mut controls) = (0, None, None, false);
    for statement in split(text, &file.path) {
        let statement = statement?;
        refuse_foreign(file, &statement)?;
        statements += 1;
        let found = if statement.needs_no_transaction(major) { &mut refusing } else { &mut wanting };
        found.get_or_insert(statement.line);
        controls |= statement.control().is_some();
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

/// Refuses what psql knows and a server does not, and what would make the server read characters that were not sent.
fn refuse_foreign(file: &ScriptFile, statement: &Statement<'_>) -> Result<()> {
    let (path, line) = (&file.path, statement.line);
    if let Some(command) = statement.psql_command() {
        return Err(Kind::Unterminated
            .error(format_args!("`{command}` on line {line} of `{}` is a command of psql, which only psql knows", path.display()))
            .help("remove it, or write what it does as SQL")
            .at(path, Some(line)));
    }
    match statement.client_encoding() {
        Some(encoding) if !is_sent(encoding) => Err(Kind::Encoding
            .error(format_args!(
                "the statement on line {line} of `{}` tells the server to expect {encoding}, and is sent UTF-8 all the same",
                path.display()
            ))
            .help("remove it; name the encoding of the script's file as `encoding`, in the settings or in the script's `.conf`")
            .at(path, Some(line))),
        _ => Ok(()),
    }
}

/// Whether an encoding is the one that scripts are sent in, by the server's names for it; the default of a session is.
fn is_sent(encoding: &str) -> bool {
    let name: String = encoding.chars().filter(char::is_ascii_alphanumeric).collect();
    ["utf8", "unicode", "default"].iter().any(|known| name.eq_ignore_ascii_case(known))
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
        .help("make two scripts of it, or set `mixed` to `true` to run it without a transaction")
        .at(&file.path, Some(refusing.max(wanting)))
}

/// Runs one statement of a script, and tells what the server says meanwhile.
pub(super) async fn execute(
    cx: Cx<'_>,
    client: &PlainClient,
    script: &str,
    statement: &Statement<'_>,
    number: usize,
) -> Result<(), Broken> {
    // What was said before is about what restage did itself.
    client.notices();
    let mut running = std::pin::pin!(send(cx, client, statement));
    let done = loop {
        tokio::select! {
            biased;
            done = &mut running => break done,
            () = client.noticed() => hear(cx, client, script, Some(statement.line)),
        }
    };
    hear(cx, client, script, Some(statement.line));
    done.map_err(|error| Broken::at(statement, number, error))
}

async fn send(cx: Cx<'_>, client: &PlainClient, statement: &Statement<'_>) -> restage_pgcopy::Result<()> {
    match statement.kind {
        StatementKind::Ordinary => client.guard(cx.stop, client.run("run a statement of a script", statement.sql)).await,
        StatementKind::CopyFromStdin { data } => {
            client.guard(cx.stop, async { client.copy_text("a script's rows", statement.sql, data).await.map(drop) }).await
        }
    }
}

/// Tells what the server has said.
pub(super) fn hear(cx: Cx<'_>, client: &PlainClient, script: &str, line: Option<usize>) {
    let said = client.notices();
    for notice in said.notices {
        cx.reporter.report(&Progress::Notice { script, line, notice });
    }
    if said.left_out > 0 {
        cx.reporter.report(&Progress::NoticesLeftOut { script, count: said.left_out });
    }
}
