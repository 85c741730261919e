//! restage as a contestant.

use std::cell::RefCell;

use serde_json::Value;

use super::contest::Contestant;
use crate::markdown::table;
use crate::site::Site;

/// What restage reported of its last turn.
#[derive(Default)]
pub(super) struct Reports {
    last: RefCell<Value>,
}

/// A refresh by these stages; it is undone after each turn.
pub(super) fn refresh<'c>(site: &'c Site, name: &str, stages: String, reports: &'c Reports) -> Contestant<'c> {
    let work = move || {
        site.scenario(&stages)?;
        site.refresh()
    };
    let clear = move || {
        reports.last.replace(site.report()?);
        site.undo()
    };
    Contestant { name: name.to_owned(), work: Box::new(work), clear: Box::new(clear) }
}

impl Reports {
    /// Where the time of the last turn went.
    pub(super) fn time_by_step(&self) -> Result<String, String> {
        let report = self.last.borrow();
        let steps = report["steps"].as_array().ok_or("the report has no steps")?;
        let rows: Vec<Vec<String>> = steps
            .iter()
            .map(|step| {
                vec![
                    step["title"].as_str().unwrap_or_default().to_owned(),
                    format!("{:.1}", step["seconds"].as_f64().unwrap_or(0.0)),
                ]
            })
            .collect();
        Ok(table(&["step of the last turn", "seconds"], &rows))
    }
}
