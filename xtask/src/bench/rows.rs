//! The rows of one table, and nothing else: restage with one worker and with one for each core, against two `psql` and a pipe.

use std::process::Stdio;
use std::time::Instant;

use restage_lab::{SUPERUSER, SUPERUSER_PASSWORD};

use super::contest::median;
use super::dataset::Dataset;
use super::{Course, peers};
use crate::markdown::table;
use crate::program::{judge, must};
use crate::site::{DATABASE, Site};

/// The largest table of the set.
const TABLE: &str = "pgbench_accounts";
const STRUCTURE: &str = "CREATE TABLE pgbench_accounts (aid integer NOT NULL, bid integer, abalance integer, filler character(84)) WITH (fillfactor = 100)";
/// How many times the pipe's time one worker may take, and how many times as fast several must be.
const PROMISED_ONE: f64 = 1.05;
const PROMISED_SPLIT: f64 = 1.5;

pub(super) fn run(course: &Course) -> Result<String, String> {
    let site = Dataset::Pgbench.site(course)?;
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let mut turns: [Vec<f64>; 3] = Default::default();
    for round in 1..=course.rounds {
        for (nth, turn) in turns.iter_mut().enumerate() {
            let seconds = match nth {
                0 => pipe(&site)?,
                1 => ours(&site, 1)?,
                _ => ours(&site, workers)?,
            };
            println!("round {round} of {}: {seconds:>7.2} s", course.rounds);
            turn.push(seconds);
        }
    }
    let [pipe, one, split] = turns.map(median);
    let row = |name: String, seconds: f64| vec![name, format!("{seconds:.1}"), format!("{:.2}", seconds / pipe)];
    let rows = [
        row("`psql … COPY TO STDOUT (FORMAT binary) | psql … COPY FROM STDIN (FORMAT binary)`".to_owned(), pipe),
        row("`restage copy --workers 1`".to_owned(), one),
        row(format!("`restage copy --workers {workers}`, the table split"), split),
    ];
    Ok(format!(
        "Rows of `{TABLE}`, {}; what restage reports as time for rows; the pipe's time includes two logins.\n\n{}\nOne worker takes {:.2} times as long as the pipe (promised: at \
         most {PROMISED_ONE:.2}); {workers} are {:.2} times as fast as it (promised: at least {PROMISED_SPLIT:.1}, on cores that are idle; \
         here the servers and the client share {workers}).\n",
        Dataset::size(&site)?,
        table(&["", "seconds", "ratio"], &rows),
        one / pipe,
        pipe / split,
    ))
}

fn ours(site: &Site, workers: usize) -> Result<f64, String> {
    peers::create(&site.target)?;
    let mut copy = site.restage(&["copy", &site.source.url(DATABASE, SUPERUSER), &site.target.url(peers::FRESH, SUPERUSER)]);
    copy.args(["--only", TABLE, "--workers", &workers.to_string()]);
    copy.env("RESTAGE_SOURCE_PASSWORD", SUPERUSER_PASSWORD).env("RESTAGE_TARGET_PASSWORD", SUPERUSER_PASSWORD);
    must(copy)?;
    let seconds = site.report()?["copying"]["rows"].as_f64().ok_or("the report does not say how long rows took")?;
    peers::discard(&site.target)?;
    Ok(seconds)
}

fn pipe(site: &Site) -> Result<f64, String> {
    peers::create(&site.target)?;
    must(peers::reader(site, STRUCTURE))?;
    let started = Instant::now();
    let mut writer = peers::client(&site.source, "psql");
    writer.args(["-X", "-q", "-d", DATABASE, "-c", &format!("COPY {TABLE} TO STDOUT (FORMAT binary)")]);
    let mut from =
        writer.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(|error| format!("cannot start `psql`: {error}"))?;
    let rows = from.stdout.take().ok_or("the writer has no pipe")?;
    let read = peers::reader(site, &format!("COPY {TABLE} FROM STDIN (FORMAT binary)")).stdin(rows).output();
    let status = from.wait().map_err(|error| format!("`psql`: {error}"))?;
    judge("the reader of rows", read.map_err(|error| format!("cannot start `psql`: {error}"))?)?;
    let seconds = started.elapsed().as_secs_f64();
    peers::discard(&site.target)?;
    if status.success() { Ok(seconds) } else { Err(format!("the writer of rows: {status}")) }
}
