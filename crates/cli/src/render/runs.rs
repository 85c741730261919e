//! The list of runs.

use super::{Table, count, plural, report::status, seconds, time};
use crate::screen::{Screen, width};
use restage_core::report::Report;

/// The list as text, newest first.
pub(crate) fn runs(reports: &[Report], screen: Screen) -> String {
    if reports.is_empty() {
        return "There are no runs yet. `restage plan SCENARIO` shows what one would do.".into();
    }
    let mut table = Table::new(&["run", "scenario", "started", "took", "outcome", "rows"], &[3, 5]);
    for report in reports {
        let rows = report.tables.values().map(|table| table.rows_written).sum();
        table.row(vec![
            report.run.to_string(),
            report.scenario.to_string(),
            report.started.map_or_else(|| "-".into(), time),
            seconds(report.seconds),
            status(report.status).0.to_owned(),
            if rows > 0 { count(rows) } else { "-".into() },
        ]);
    }
    let mut lines = table.lines(0, width());
    if let Some(heading) = lines.first_mut() {
        *heading = screen.paint(crate::screen::Style::Bold, heading);
    }
    lines.push(plural(reports.len() as u64, "run"));
    lines.join("\n")
}
