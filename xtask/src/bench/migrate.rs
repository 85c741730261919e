//! Migrations: looking at thousands of scripts, and what `run` takes beyond the SQL itself, against `psql` with the same files.

use std::fmt::Write as _;
use std::time::Instant;

use restage_lab::{SUPERUSER, SUPERUSER_PASSWORD};

use super::contest::median;
use super::{Course, peers};
use crate::markdown::table;
use crate::program::must;
use crate::site::{Login, Site};

/// Scripts at scale 1.
const SCRIPTS: f64 = 5_000.0;
/// What looking at them may take, in seconds.
const PROMISED_LOOK: f64 = 1.0;
/// What a migration may take beyond its SQL, in milliseconds.
const PROMISED_OVERHEAD_MS: f64 = 2.0;
/// The folder of scripts, in the project.
const FOLDER: &str = "migrations";

const LOGIN: Login = Login { user: SUPERUSER, password: SUPERUSER_PASSWORD };

pub(super) fn run(course: &Course) -> Result<String, String> {
    let site = Site::start(&course.program, [LOGIN, LOGIN])?;
    let scripts = write(&site, course.scale)?;
    let mut turns: [Vec<f64>; 4] = Default::default();
    for round in 1..=course.rounds {
        let psql = by_psql(&site)?;
        peers::create(&site.target)?;
        let run = timed(&site, "run")?;
        let (info, validate) = (timed(&site, "info")?, timed(&site, "validate")?);
        peers::discard(&site.target)?;
        println!(
            "round {round} of {}: psql {psql:.2} s, run {run:.2} s, info {info:.2} s, validate {validate:.2} s",
            course.rounds
        );
        for (turn, seconds) in turns.iter_mut().zip([psql, run, info, validate]) {
            turn.push(seconds);
        }
    }
    let [psql, run, info, validate] = turns.map(median);
    Ok(findings(scripts, psql, run, info, validate))
}

fn findings(scripts: u32, psql: f64, run: f64, info: f64, validate: f64) -> String {
    let row = |name: &str, seconds: f64| vec![name.to_owned(), format!("{seconds:.2}"), format!("{:.2}", seconds / psql)];
    let rows = [
        row("`psql`, each file in a transaction of its own, one session", psql),
        row("`restage migrate run`: the same, with lock, checks and history", run),
        row("`restage migrate info`, all applied", info),
        row("`restage migrate validate`, all applied", validate),
    ];
    let overhead_ms = (run - psql) / f64::from(scripts) * 1e3;
    format!(
        "{scripts} scripts that make a table with a key each; the whole of each program, with its start and its login.\n\n{}\n\
         `info` takes {info:.2} s and `validate` {validate:.2} s (promised: below {PROMISED_LOOK:.1} each); `run` takes {overhead_ms:.2} ms \
         more than `psql` for each migration (promised: below {PROMISED_OVERHEAD_MS:.1}).\n",
        table(&["", "seconds", "ratio"], &rows),
    )
}

/// Writes the scripts, and what lets `psql` run them; how many there are.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of files")]
fn write(site: &Site, scale: f64) -> Result<u32, String> {
    let scripts = (SCRIPTS * scale).ceil().max(1.0) as u32;
    let mut all = String::new();
    for number in 1..=scripts {
        let sql = format!(
            "-- What the application's version {number} needs.\ncreate table things_{number} (id int primary key, name text not null);\n"
        );
        let file = format!("{FOLDER}/V{number}__things.sql");
        site.write(&file, &sql)?;
        // Writing to a string cannot fail.
        let _ = writeln!(all, "begin;\n\\ir {file}\ncommit;");
    }
    site.write("all.sql", &all)?;
    Ok(scripts)
}

fn by_psql(site: &Site) -> Result<f64, String> {
    peers::create(&site.target)?;
    let mut psql = peers::client(&site.target, "psql");
    psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", peers::FRESH, "-f"]).arg(site.place("all.sql"));
    let started = Instant::now();
    must(psql)?;
    let seconds = started.elapsed().as_secs_f64();
    peers::discard(&site.target)?;
    Ok(seconds)
}

fn timed(site: &Site, command: &str) -> Result<f64, String> {
    let url = site.target.url(peers::FRESH, SUPERUSER);
    let folder = site.place(FOLDER).display().to_string();
    let mut migrate = site.restage(&["migrate", command, "--url", &url, "--location", &folder]);
    migrate.env("RESTAGE_MIGRATE_PASSWORD", SUPERUSER_PASSWORD);
    let started = Instant::now();
    must(migrate)?;
    Ok(started.elapsed().as_secs_f64())
}
