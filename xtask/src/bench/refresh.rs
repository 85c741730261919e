//! A whole refresh against dump and restore of the same data.

use std::fmt::Write as _;

use super::Course;
use super::contest::{hold, standings};
use super::dataset::Dataset;
use super::{ours, peers};

/// What the whole refresh may take, as a multiple of `pg_dump -Fd -j2` and `pg_restore -j2`.
const PROMISED: f64 = 1.0;

pub(super) fn run(course: &Course) -> Result<String, String> {
    let mut findings = String::from(
        "The whole of `restage run`: looking, planning, copying, indexes, statistics, kept rows and deltas where there are any, comparing \
         every table, the swap. Its peers only fill a fresh database.\n",
    );
    for dataset in [Dataset::Application, Dataset::Mixed] {
        let site = dataset.site(course)?;
        let reports = ours::Reports::default();
        let mut contestants = vec![ours::refresh(&site, "`restage run`", dataset.stages(&[]), &reports)];
        contestants.extend(peers::all(&site));
        let scores = hold(&site, course.rounds, &mut contestants)?;
        let ratio = scores[0].wall() / scores[1].wall();
        let copied = Dataset::size(&site)?;
        // Writing to a string cannot fail.
        let _ = write!(
            findings,
            "\n### {}, {copied}\n\n{}\nThe whole refresh takes {ratio:.2} times as long as `pg_dump` and `pg_restore` (promised: at most \
             {PROMISED:.2}).\n\n{}",
            dataset.title(),
            standings(&scores),
            reports.time_by_step()?,
        );
    }
    Ok(findings)
}
