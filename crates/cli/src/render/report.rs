//! The report of a run, and the runbook of one that cannot go on.

use super::{Table, bytes, count, fold, hang, plural, rate, seconds, time};
use crate::screen::{Screen, Style, width};
use restage_core::provider::{Delta, KeptTable, TableFilled, Waits};
use restage_core::report::{Report, Runbook, Status, StepReport};
use restage_core::run::StepState;
use restage_core::schema::TableName;

/// Tables listed in a report, the largest first.
const TABLES_SHOWN: usize = 15;

/// Seconds below which nobody compares what was expected, nor asks what was waited for.
const WORTH_COMPARING: f64 = 1.0;

/// Where a step's title begins, after its state and time.
const TITLE_COLUMN: usize = 23;

/// The report as text.
pub(crate) fn report(report: &Report, screen: Screen) -> String {
    text(report, Page { screen, width: width() })
}

/// What it is written on.
#[derive(Clone, Copy)]
struct Page {
    screen: Screen,
    width: usize,
}

fn text(report: &Report, page: Page) -> String {
    let mut lines = heading(report, page);
    steps(report, page, &mut lines);
    // What was copied by a run that was undone is gone.
    let is_gone = matches!(report.status, Status::Undone | Status::Cancelled);
    if !is_gone {
        tables(report, page, &mut lines);
        kept(report, page, &mut lines);
        deltas(report, page, &mut lines);
        verified(report, page, &mut lines);
        advice(report, page, &mut lines);
    }
    if !is_gone && !report.lines.is_empty() {
        section("notes", page, &mut lines);
        lines.extend(report.lines.iter().map(|line| fold(&format!("- {line}"), 2, 2, page.width)));
    }
    if !report.failed_by.is_empty() {
        section("why it was taken back", page, &mut lines);
        lines.extend(report.failed_by.iter().map(|line| fold(line, 2, 2, page.width)));
    }
    if let Some(book) = &report.runbook {
        lines.push(String::new());
        lines.push(runbook(book, page));
    }
    lines.join("\n")
}

fn section(name: &str, page: Page, lines: &mut Vec<String>) {
    lines.push(String::new());
    lines.push(page.screen.paint(Style::Bold, name));
}

/// The word for how a run stands.
pub(crate) fn status(status: Status) -> (&'static str, Style) {
    match status {
        Status::Planned => ("planned", Style::Dim),
        Status::Running => ("running", Style::Bold),
        Status::Undoing => ("undoing", Style::Yellow),
        Status::Refreshed => ("refreshed", Style::Green),
        Status::Undone => ("undone", Style::Yellow),
        Status::Cancelled => ("cancelled and undone", Style::Yellow),
        Status::Held => ("held", Style::Red),
        Status::Waiting => ("waiting for approval", Style::Yellow),
        Status::Stuck => ("stuck", Style::Red),
    }
}

fn heading(report: &Report, page: Page) -> Vec<String> {
    let (word, style) = status(report.status);
    let mut lines = vec![format!("{}   {}", page.screen.paint(Style::Bold, &report.title), page.screen.paint(style, word))];
    let by = report.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let started = report.started.map_or_else(|| "not started".into(), |at| format!("started {}{by}", time(at)));
    lines.push(format!("run {}   {started}   took {}", report.run, seconds(report.seconds)));
    if let Some(moment) = report.data_of {
        lines.push(format!("data as of {}", time(moment)));
    }
    if let Some(source) = &report.source {
        lines.push(format!("source {source}"));
    }
    if let Some(swapped) = &report.swapped {
        lines.push(format!("target {}, before {}", swapped.after, swapped.before));
    }
    if let Some(outage) = report.outage_seconds {
        lines.push(format!("outage of the target {}", seconds(outage)));
    }
    if let Some(until) = report.undo_until {
        let text = format!("`restage undo {}` brings the old database back until {}", report.run, time(until));
        lines.push(fold(&text, 0, 2, page.width));
    }
    lines
}

fn steps(report: &Report, page: Page, lines: &mut Vec<String>) {
    section("steps", page, lines);
    for step in &report.steps {
        let (mark, style) = mark(&step.state);
        let time = step.seconds.map_or_else(String::new, seconds);
        let tries = if step.attempts > 1 { format!(" ({} attempts)", step.attempts) } else { String::new() };
        let by = step.approved_by.as_ref().map(|by| format!(" (by {by})")).unwrap_or_default();
        let expected = expected(step).map(|time| format!(" (expected about {})", seconds(time))).unwrap_or_default();
        let title = hang(&format!("{:>2}. {}{by}{tries}{expected}", step.step.0 + 1, step.title), TITLE_COLUMN, 4, page.width);
        lines.push(format!("  {} {time:>9}  {title}", page.screen.paint(style, &format!("{mark:<9}"))));
    }
}

/// What the plan expected of a step that is done and took long enough for people to compare.
fn expected(step: &StepReport) -> Option<f64> {
    let took = step.seconds.filter(|_| matches!(step.state, StepState::Done | StepState::Retired))?;
    step.expected_seconds.filter(|expected| expected.max(took) >= WORTH_COMPARING)
}

fn mark(state: &StepState) -> (&'static str, Style) {
    match state {
        StepState::Waiting => ("waiting", Style::Dim),
        StepState::Running => ("running", Style::Bold),
        StepState::Done => ("done", Style::Green),
        StepState::Failed { .. } => ("failed", Style::Red),
        StepState::Undoing => ("undoing", Style::Yellow),
        StepState::UndoFailed { .. } => ("stuck", Style::Red),
        StepState::Undone => ("undone", Style::Yellow),
        StepState::Retiring => ("retiring", Style::Dim),
        StepState::Retired => ("retired", Style::Dim),
    }
}

fn tables(report: &Report, page: Page, lines: &mut Vec<String>) {
    if report.tables.is_empty() {
        return;
    }
    let (rows, size) = report.tables.values().fold((0, 0), |(rows, size), table| (rows + table.rows_written, size + table.bytes));
    section(&format!("copied {}, {} rows, {}", plural(report.tables.len() as u64, "table"), count(rows), bytes(size)), page, lines);
    let mut largest: Vec<(&TableName, &TableFilled)> = report.tables.iter().collect();
    largest.sort_by_key(|(name, table)| (std::cmp::Reverse(table.bytes), (*name).clone()));
    let mut shown = Table::new(&["table", "rows", "size", "time", "speed", "masked"], &[1, 2, 3, 4]);
    for (name, table) in largest.iter().take(TABLES_SHOWN) {
        let masked = table.masked.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        shown.row(vec![
            name.to_string(),
            count(table.rows_written),
            bytes(table.bytes),
            seconds(table.seconds),
            rate(table.bytes, table.seconds),
            masked,
        ]);
    }
    lines.extend(shown.lines(2, page.width));
    let sorts: Vec<String> = report.copying.iter().map(|(sort, time)| format!("{sort} {}", seconds(*time))).collect();
    if largest.len() > TABLES_SHOWN {
        lines.push(format!("  and {} smaller ones", largest.len() - TABLES_SHOWN));
    }
    if !sorts.is_empty() {
        lines.push(fold(&format!("time, side by side: {}", sorts.join(", ")), 2, 2, page.width));
    }
    lines.extend(waits(report.waits, page));
    if report.large_objects > 0 {
        lines.push(format!("  {}", plural(report.large_objects, "large object")));
    }
}

/// What rows waited for, if it was long enough for people to ask.
fn waits(waits: Waits, page: Page) -> Option<String> {
    let Waits { source, wire, target } = waits;
    if source + wire.unwrap_or_default() + target < WORTH_COMPARING {
        return None;
    }
    let source = seconds(source);
    let source = match wire {
        None => format!("{source} for the source"),
        Some(wire) => format!("{source} for the source, {} for the wire", seconds(wire)),
    };
    Some(fold(&format!("rows waited {source} and {} for the target", seconds(target)), 2, 2, page.width))
}

fn advice(report: &Report, page: Page, lines: &mut Vec<String>) {
    if report.advice.is_empty() {
        return;
    }
    section("what would make it faster", page, lines);
    lines.extend(report.advice.iter().map(|line| fold(line, 2, 4, page.width)));
}

/// What happened to kept rows, and to how many of a table's.
type KeptColumn = (&'static str, fn(&KeptTable) -> u64);

fn kept(report: &Report, page: Page, lines: &mut Vec<String>) {
    let Some(kept) = &report.kept else { return };
    section("kept rows", page, lines);
    // What happened to no row of any table is not worth a column.
    let columns: [KeptColumn; 8] = [
        ("found", |table| table.found),
        ("added", |table| table.added),
        ("same", |table| table.same),
        ("target's", |table| table.kept_target),
        ("production's", |table| table.kept_source),
        ("renumbered", |table| table.renumbered),
        ("dropped", |table| table.dropped),
        ("nulled", |table| table.nulled),
    ];
    let happened = |column: &&KeptColumn| column.0 == "found" || kept.tables.values().any(|table| column.1(table) > 0);
    let columns: Vec<&KeptColumn> = columns.iter().filter(happened).collect();
    let heading: Vec<&str> = std::iter::once("table").chain(columns.iter().map(|column| column.0)).collect();
    let mut shown = Table::new(&heading, &(1..heading.len()).collect::<Vec<_>>());
    for (name, table) in &kept.tables {
        shown.row(std::iter::once(name.to_string()).chain(columns.iter().map(|column| count(column.1(table)))).collect());
    }
    lines.extend(shown.lines(2, page.width));
}

fn deltas(report: &Report, page: Page, lines: &mut Vec<String>) {
    let Some(deltas) = &report.deltas else { return };
    section("brought back, because only the target had them", page, lines);
    for delta in &deltas.restored {
        let rows = match delta {
            Delta::Table { name } => deltas.rows.get(name).map(|rows| format!(" ({})", plural(*rows, "row"))),
            _ => None,
        };
        lines.push(format!("  {delta}{}", rows.unwrap_or_default()));
    }
}

fn verified(report: &Report, page: Page, lines: &mut Vec<String>) {
    let found = &report.verified;
    if found.tables + found.constraints + found.sequences == 0 {
        return;
    }
    section("verified", page, lines);
    let sums = if found.checksums > 0 { format!(", content of {}", plural(found.checksums, "table")) } else { String::new() };
    let text = format!(
        "{} counted with {} rows{sums}; {} valid, {} at or past their columns, {} present",
        plural(found.tables, "table"),
        count(found.rows),
        plural(found.constraints, "constraint"),
        plural(found.sequences, "sequence"),
        plural(found.kept_rows, "kept row"),
    );
    lines.push(fold(&text, 2, 2, page.width));
}

/// Cause, evidence, how the target stands, next commands.
fn runbook(book: &Runbook, page: Page) -> String {
    let mut lines = Vec::new();
    let mut part = |name: &str, texts: &[String]| {
        if !texts.is_empty() {
            lines.push(page.screen.paint(Style::Bold, name));
            lines.extend(texts.iter().map(|text| fold(text, 2, 2, page.width)));
        }
    };
    part("cause", &book.causes);
    part("evidence", &book.evidence);
    part("target", std::slice::from_ref(&book.target));
    lines.push(page.screen.paint(Style::Bold, "next"));
    for next in &book.next {
        lines.push(format!("  {}", page.screen.paint(Style::Green, &next.command)));
        lines.push(fold(&next.does, 6, 0, page.width));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn step(number: u32, title: &str, seconds: f64, expected_seconds: f64) -> Value {
        json!({
            "step": number, "stage": "copy-database", "title": title, "state": "done", "started": null, "seconds": seconds,
            "expected_seconds": expected_seconds, "attempts": 1 + number, "approved_by": null,
        })
    }

    fn copied() -> Report {
        let table = |rows: u64, bytes: u64, masked: &[&str]| json!({ "rows_read": rows, "rows_written": rows, "bytes": bytes, "seconds": 8.25, "masked": masked, "checksum": null });
        let report = json!({
            "run": "20261120-140509-abcd", "scenario": "refresh", "title": "Refresh preprod", "plan": "", "status": "refreshed",
            "by": "dave", "started": "2026-11-20T14:05:09Z", "last_event": null, "seconds": 75.5,
            "steps": [step(0, "create a shadow", 0.25, 0.5), step(1, "fill it from `app`", 62.0, 41.0)],
            "data_of": null, "source": null, "swapped": null,
            "tables": { "people": table(1_234_567, 345_678_901, &["email"]), "orders": table(2, 99, &[]) },
            "copying": { "rows": 51.0, "indexes": 32.5 },
            "waits": { "source": 0.68, "wire": 0.1, "target": 7.08 },
            "advice": ["raise the target's `max_wal_size`, which is 1GB: 3 checkpoints were asked for meanwhile"],
            "large_objects": 1, "deltas": null, "kept": null,
            "verified": { "tables": 2, "rows": 1_234_569, "checksums": 0, "constraints": 3, "sequences": 1, "kept_rows": 0 },
            "outage_seconds": 0.4, "lines": ["the tablespace `fast` is not on the target"], "undo_until": null,
            "target": null, "runbook": null, "failed_by": [],
        });
        serde_json::from_value(report).unwrap()
    }

    fn shown(report: &Report, width: usize) -> String {
        let text = text(report, Page { screen: Screen::plain(), width });
        // The zone is the machine's.
        report.started.map_or_else(|| text.clone(), |at| text.replace(&time(at), "(a moment)"))
    }

    #[test]
    fn a_report_tells_what_was_copied_what_it_waited_for_and_what_would_make_it_faster() {
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!("report", shown(&copied(), 100));
        });
    }

    #[test]
    fn what_is_not_known_or_not_worth_telling_is_left_out() {
        let waits =
            |source, wire, target| super::waits(Waits { source, wire, target }, Page { screen: Screen::plain(), width: 40 });
        assert_eq!(waits(0.5, Some(0.2), 0.2), None);
        assert_eq!(waits(0.5, None, 0.75).unwrap(), "  rows waited 0.50 s for the source and\n    0.75 s for the target");
    }
}
