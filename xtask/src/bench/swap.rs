//! How long the target cannot be used: seen by a client that keeps connecting, and as the report says.

use super::Course;
use super::dataset::Dataset;
use crate::markdown::table;
use crate::site::{DATABASE, Site, told};
use restage_lab::OutageWatch;

/// What the outage may be, in seconds.
const PROMISED: f64 = 2.0;

pub(super) fn run(course: &Course) -> Result<String, String> {
    let dataset = Dataset::Application;
    let site = dataset.site(course)?;
    site.scenario(&dataset.stages(&[]))?;
    let mut rows = Vec::new();
    let mut longest = 0.0_f64;
    for round in 1..=course.rounds {
        let (refresh, told) = watched(&site, Site::refresh)?;
        let (undo, _) = watched(&site, Site::undo)?;
        println!("round {round} of {}: {refresh:.2} s without the target in the refresh, {undo:.2} s in the undo", course.rounds);
        longest = longest.max(refresh).max(undo);
        rows.push(vec![round.to_string(), format!("{refresh:.2}"), format!("{told:.2}"), format!("{undo:.2}")]);
    }
    Ok(format!(
        "A client connects to the target again and again and asks `select 1`; the outage is the longest time from a refusal to the next \
         answer.\n\n{}\nThe longest is {longest:.2} s (promised: below {PROMISED:.1}).\n",
        table(&["round", "seconds of outage, refresh", "the same by the report", "seconds of outage, undo"], &rows),
    ))
}

/// Does the work while a client connects; the outage as seen, and as restage reports it.
fn watched(site: &Site, work: impl Fn(&Site) -> Result<(), String>) -> Result<(f64, f64), String> {
    let client = OutageWatch::start(&site.target, DATABASE).map_err(told)?;
    work(site)?;
    let seen = client.longest_gap().as_secs_f64();
    let reported = site.report()?["outage_seconds"].as_f64().unwrap_or(f64::NAN);
    Ok((seen, reported))
}
