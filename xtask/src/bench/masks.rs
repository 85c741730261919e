//! What masks cost: the same refresh with and without them.

use super::Course;
use super::contest::{hold, standings};
use super::dataset::{Dataset, THREE_MASKS};
use super::ours;

/// What a refresh may take with three text columns of the largest table masked, as a multiple of the refresh without.
const PROMISED: f64 = 1.05;

pub(super) fn run(course: &Course) -> Result<String, String> {
    let dataset = Dataset::Mixed;
    let site = dataset.site(course)?;
    let reports = ours::Reports::default();
    let mut contestants = [
        ours::refresh(&site, "unmasked", dataset.stages(&[]), &reports),
        ours::refresh(&site, "three text columns of the largest table masked", dataset.stages(&THREE_MASKS), &reports),
    ];
    let scores = hold(&site, course.rounds, &mut contestants)?;
    let ratio = scores[1].wall() / scores[0].wall();
    let columns = THREE_MASKS.map(|(column, with)| format!("`{column}` with `{with}`")).join(", ");
    Ok(format!(
        "{}, {}; masked: {columns}.\n\n{}\nMasking takes {ratio:.2} times as long (promised: at most {PROMISED:.2}).\n",
        dataset.title(),
        Dataset::size(&site)?,
        standings(&scores),
    ))
}
