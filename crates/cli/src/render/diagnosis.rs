//! A diagnosis: what was looked at, and each finding with its evidence and the next commands.

use super::{Table, fold, hang, plural, printable, time};
use crate::screen::{Screen, Style, width};
use restage_core::diagnosis::{Diagnosis, Finding, Severity};
use restage_store::{FixOutcome, RecordedFix};

/// Where what is told of a finding begins.
const COLUMN: usize = 12;

/// The diagnosis as text, without its last end of line.
pub(crate) fn diagnosis(diagnosis: &Diagnosis, screen: Screen) -> String {
    set(diagnosis, Page { screen, width: width() })
}

#[derive(Clone, Copy)]
struct Page {
    screen: Screen,
    width: usize,
}

fn set(diagnosis: &Diagnosis, page: Page) -> String {
    let mut lines = Vec::new();
    if !diagnosis.checks.is_empty() {
        lines.push(page.screen.paint(Style::Bold, "looked at"));
        let mut table = Table::new(&["", ""], &[]);
        diagnosis.checks.iter().for_each(|check| table.row(vec![check.what.to_owned(), printable(&check.seen)]));
        lines.extend(table.lines(2, page.width).into_iter().skip(1));
    }
    for finding in &diagnosis.findings {
        lines.push(String::new());
        self::finding(finding, page, &mut lines);
    }
    lines.push(String::new());
    lines.push(match diagnosis.findings.len() {
        0 => page.screen.paint(Style::Green, "Nothing was found that speaks against a migration."),
        count => page.screen.paint(Style::Bold, &plural(count as u64, "finding")),
    });
    lines.join("\n")
}

fn finding(finding: &Finding, page: Page, lines: &mut Vec<String>) {
    let style = match finding.severity {
        Severity::Blocking => Style::Red,
        Severity::Unchecked | Severity::Warning => Style::Yellow,
    };
    let severity = format!("{:COLUMN$}", finding.severity.to_string());
    lines.push(format!("{}{}", page.screen.paint(style, &severity), hang(&printable(&finding.finding), COLUMN, 0, page.width)));
    let mut name = "evidence";
    for evidence in &finding.evidence {
        lines.push(told(name, evidence, page));
        name = "";
    }
    let mut name = "next";
    for next in &finding.next {
        // Never folded: it is there to be copied.
        lines.push(format!("  {name:10}{}", page.screen.paint(Style::Green, &printable(&next.command))));
        lines.push(fold(&printable(&next.does), COLUMN + 2, 0, page.width));
        name = "";
    }
    lines.extend(finding.fix.iter().map(|fix| told("--fix", &format!("would {fix}"), page)));
}

fn told(name: &str, text: &str, page: Page) -> String {
    format!("  {name:10}{}", hang(&printable(text), COLUMN, 2, page.width))
}

/// What was fixed, as text.
pub(crate) fn fixes(fixes: &[RecordedFix], screen: Screen) -> String {
    if fixes.is_empty() {
        return "Nothing was fixed yet.".into();
    }
    let page = Page { screen, width: width() };
    let mut lines = Vec::new();
    for fix in fixes {
        let begun = &fix.begun;
        let heading = format!("{}. {} by {}: {}", fix.number.0, time(begun.at), begun.by.0, begun.fix);
        lines.push(page.screen.paint(Style::Bold, &fold(&heading, 0, 4, page.width)));
        lines.push(told("outcome", &outcome(fix), page));
        lines.push(told("finding", &begun.finding, page));
        let mut name = "evidence";
        for evidence in &begun.evidence {
            lines.push(told(name, evidence, page));
            name = "";
        }
        lines.push(told("asked by", &begun.subject, page));
    }
    lines.join("\n")
}

fn outcome(fix: &RecordedFix) -> String {
    match &fix.ended {
        None => "nobody knows: it was begun, and its process ended".into(),
        Some(ended) => match &ended.outcome {
            FixOutcome::Done => format!("done at {}", time(ended.at)),
            FixOutcome::Failed { failure } => format!("failed at {}: [{}] {}", time(ended.at), failure.code.id(), failure.message),
        },
    }
}

#[cfg(test)]
mod tests;
