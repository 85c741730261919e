//! Measuring contestants in turns.

use std::time::{Duration, Instant};

use crate::markdown::table;
use crate::processes::{processor_time, processor_time_of_ended_children};
use crate::site::{Site, told};

/// One way to do the job.
pub(super) struct Contestant<'c> {
    pub(super) name: String,
    /// Makes the place ready, unmeasured.
    pub(super) prepare: Box<dyn FnMut() -> Result<(), String> + 'c>,
    /// What is measured.
    pub(super) work: Box<dyn FnMut() -> Result<(), String> + 'c>,
    /// Makes the place as it was before, unmeasured.
    pub(super) clear: Box<dyn FnMut() -> Result<(), String> + 'c>,
}

/// What one turn took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Turn {
    pub(super) wall: f64,
    /// Processor seconds of the contestant itself, of the source's and of the target's server.
    client: f64,
    source: f64,
    target: f64,
}

/// What a contestant's turns came to.
pub(super) struct Score {
    name: String,
    turns: Vec<Turn>,
}

/// Lets the contestants take turns, `rounds` each.
///
/// The first turn of all is not measured: the servers' write-ahead log is made in it, which all later ones write over.
pub(super) fn hold(site: &Site, rounds: usize, contestants: &mut [Contestant<'_>]) -> Result<Vec<Score>, String> {
    let mut scores: Vec<Score> = contestants.iter().map(|one| Score { name: one.name.clone(), turns: Vec::new() }).collect();
    if let Some(first) = contestants.first_mut() {
        measure(site, first)?;
        (first.clear)()?;
    }
    for round in 1..=rounds {
        for (contestant, score) in contestants.iter_mut().zip(&mut scores) {
            let turn = measure(site, contestant)?;
            println!("round {round} of {rounds}: {:>7.2} s  {}", turn.wall, contestant.name);
            score.turns.push(turn);
            (contestant.clear)()?;
        }
    }
    Ok(scores)
}

fn measure(site: &Site, contestant: &mut Contestant<'_>) -> Result<Turn, String> {
    (contestant.prepare)()?;
    settle(site)?;
    let before = Clocks::read(site)?;
    let started = Instant::now();
    (contestant.work)()?;
    let wall = started.elapsed().as_secs_f64();
    let after = Clocks::read(site)?;
    let between = |one: Duration, other: Duration| other.saturating_sub(one).as_secs_f64();
    Ok(Turn {
        wall,
        client: between(before.client, after.client),
        source: between(before.source, after.source),
        target: between(before.target, after.target),
    })
}

/// What one contestant has left to be written must not be on the next one's bill.
fn settle(site: &Site) -> Result<(), String> {
    for cluster in [&site.source, &site.target] {
        cluster.psql("postgres", "CHECKPOINT").map_err(told)?;
    }
    Ok(())
}

/// Processor time so far.
struct Clocks {
    client: Duration,
    source: Duration,
    target: Duration,
}

impl Clocks {
    fn read(site: &Site) -> Result<Self, String> {
        let server = |pid: Option<u32>| processor_time(pid.ok_or("a server has stopped")?);
        Ok(Self {
            client: processor_time_of_ended_children()?,
            source: server(site.source.pid())?,
            target: server(site.target.pid())?,
        })
    }
}

impl Score {
    /// Whose it is.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The median of the seconds that a turn took.
    pub(super) fn wall(&self) -> f64 {
        self.median(|turn| turn.wall)
    }

    /// The contestant's own processor time as a share of the servers'.
    pub(super) fn client_share(&self) -> f64 {
        self.median(|turn| turn.client / (turn.source + turn.target).max(f64::MIN_POSITIVE))
    }

    fn median(&self, of: impl Fn(&Turn) -> f64) -> f64 {
        median(self.turns.iter().map(of).collect())
    }
}

/// The middle of some values, of which there is one at least.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}

/// The scores as a table; the first contestant is what the others are compared with.
pub(super) fn standings(scores: &[Score]) -> String {
    let first = scores.first().map_or(1.0, Score::wall);
    let rows: Vec<Vec<String>> = scores
        .iter()
        .map(|score| {
            let turns: Vec<String> = score.turns.iter().map(|turn| format!("{:.1}", turn.wall)).collect();
            vec![
                score.name.clone(),
                format!("{:.1}", score.wall()),
                format!("{:.2}", score.wall() / first),
                turns.join(", "),
                format!("{:.1}", score.median(|turn| turn.client)),
                format!("{:.1}", score.median(|turn| turn.source)),
                format!("{:.1}", score.median(|turn| turn.target)),
                format!("{:.0} %", score.client_share() * 100.0),
            ]
        })
        .collect();
    table(&["", "seconds", "ratio", "each turn", "client CPU", "source CPU", "target CPU", "client ÷ servers"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(name: &str, walls: &[f64]) -> Score {
        let turns = walls.iter().map(|wall| Turn { wall: *wall, client: 1.0, source: 3.0, target: 7.0 });
        Score { name: name.to_owned(), turns: turns.collect() }
    }

    #[test]
    fn the_median_of_the_turns_counts_against_the_first_contestant() {
        let table = standings(&[score("ours", &[9.0, 2.0, 4.0]), score("theirs", &[5.0, 7.0])]);
        assert!(table.contains("| ours | 4.0 | 1.00 | 9.0, 2.0, 4.0 | 1.0 | 3.0 | 7.0 | 10 % |"), "{table}");
        assert!(table.contains("| theirs | 6.0 | 1.50 | 5.0, 7.0 |"), "{table}");
    }
}
