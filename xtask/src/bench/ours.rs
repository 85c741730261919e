//! restage as a contestant.

use std::cell::RefCell;

use serde_json::Value;

use restage_lab::{SUPERUSER, SUPERUSER_PASSWORD};

use super::contest::Contestant;
use super::peers;
use crate::markdown::table;
use crate::program::must;
use crate::site::{DATABASE, Site};

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
    Contestant { name: name.to_owned(), prepare: Box::new(|| Ok(())), work: Box::new(work), clear: Box::new(clear) }
}

/// A copy into an empty database.
pub(super) fn copy(site: &Site) -> Contestant<'_> {
    let work = move || {
        let mut copy = site.restage(&["copy", &site.source.url(DATABASE, SUPERUSER), &site.target.url(peers::FRESH, SUPERUSER)]);
        copy.env("RESTAGE_SOURCE_PASSWORD", SUPERUSER_PASSWORD).env("RESTAGE_TARGET_PASSWORD", SUPERUSER_PASSWORD);
        must(copy).map(drop)
    };
    peers::filling(site, "`restage copy`", work, || Ok(()))
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
        let copying = report["copying"].as_object().ok_or("the report does not say how it copied")?;
        let sorts: Vec<String> =
            copying.iter().map(|(sort, seconds)| format!("{sort} {:.1}", seconds.as_f64().unwrap_or(0.0))).collect();
        let steps = table(&["step of the last turn", "seconds"], &rows);
        Ok(format!("{steps}\nSeconds of the copy, side by side: {}.\n", sorts.join(", ")))
    }
}
