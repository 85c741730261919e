//! One database made out of another, and nothing else: `restage copy` against those who do the same.

use std::fmt::Write as _;

use super::Course;
use super::contest::{Contestant, Score, hold, standings};
use super::dataset::Dataset;
use super::{ours, peers};
use crate::site::Site;

/// How many times as fast as others restage promises to be, by the beginning of their names.
fn promised(dataset: Dataset) -> &'static [(&'static str, f64)] {
    match dataset {
        Dataset::Application => &[],
        Dataset::Mixed => &[("`pgcopydb clone`", 1.4), ("`pg_dump -Fc | pg_restore`", 3.7)],
        Dataset::Pgbench => &[("`pgcopydb clone`", 1.3)],
        Dataset::Small => &[("`pgcopydb clone`", 8.0), ("`pg_dump | psql`", 2.4)],
    }
}

pub(super) fn run(course: &Course) -> Result<String, String> {
    let mut findings = String::from(
        "`restage copy` into an empty database, with its plan, statistics, the comparison and the swap. Its peers only fill theirs; \
         `pgcopydb` gathers statistics, too.\n",
    );
    let all = [Dataset::Mixed, Dataset::Pgbench, Dataset::Small];
    for dataset in all.into_iter().filter(|dataset| course.dataset.is_none_or(|only| only == *dataset)) {
        let site = dataset.site(course)?;
        let mut contestants = contestants(&site);
        let scores = hold(&site, course.rounds, &mut contestants)?;
        // Writing to a string cannot fail.
        let _ = write!(findings, "\n### {}, {}\n\n{}", dataset.title(), Dataset::size(&site)?, standings(&scores));
        for (name, promise) in promised(dataset) {
            if let Some(ratio) = ratio(&scores, name) {
                let _ = write!(findings, "\n{ratio:.2} times as fast as {name} (promised: at least {promise:.1}).\n");
            }
        }
    }
    Ok(findings)
}

fn contestants(site: &Site) -> Vec<Contestant<'_>> {
    let mut all = vec![ours::copy(site)];
    all.extend(peers::all(site));
    all.extend(peers::piped(site));
    all
}

fn ratio(scores: &[Score], name: &str) -> Option<f64> {
    let peer = scores.iter().find(|score| score.name() == name)?;
    Some(peer.wall() / scores[0].wall())
}
