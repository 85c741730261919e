//! restage stays small whatever it copies: a table of many gigabytes, and rows of 100 MB.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use restage_lab::{Cluster, SUPERUSER, SUPERUSER_PASSWORD};

use super::{Effort, Tally};
use crate::site::{DATABASE, Login, SCENARIO, Site, script, told};
use crate::{processes, program};

/// The table's size unless another is asked for.
pub(super) const GIGABYTES: f64 = 10.0;
/// What restage promises to stay below.
const PROMISED_BYTES: u64 = 150_000_000;
/// What a masked value may take, as a multiple of its length: it is held whole, as it came and as it goes.
const MASKED_VALUE_FACTOR: u64 = 4;
/// How often the peak is looked at; the system keeps it, so that only the very end can be missed.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long one refresh may take.
const REFRESH_WITHIN: Duration = Duration::from_hours(3);
/// Room for the old and the new database, and for what the servers write besides.
const DISK_FACTOR: f64 = 2.3;
const DISK_MARGIN_BYTES: f64 = 12e9;
/// Rows with a large value, of each kind.
const LARGE_ROWS: u32 = 10;
/// The length of a large value.
const LARGE_BYTES: u32 = 100_000_000;

/// One refresh to be watched.
struct Load {
    title: String,
    sql: String,
    /// Columns that are masked, so that rows are taken apart.
    masked: &'static [&'static str],
    bytes: f64,
    promised_bytes: u64,
}

pub(super) fn run(effort: &Effort) -> Result<Tally, String> {
    let program = program::find(&effort.program)?;
    let mut tally = Tally::default();
    for load in [long_table(effort.gigabytes), large_rows(), large_masked_values()] {
        let peak = measure(&program, &load)?;
        let kept = peak < load.promised_bytes;
        let verdict = if kept { "stays below" } else { "EXCEEDS" };
        let (used, promised) = (megabytes(peak), megabytes(load.promised_bytes));
        println!("{}: restage used {used:.0} MB at most, which {verdict} {promised:.0} MB", load.title);
        if kept {
            tally.passed += 1;
        } else {
            tally.failed += 1;
        }
    }
    Ok(tally)
}

fn megabytes(bytes: u64) -> f64 {
    Duration::from_micros(bytes).as_secs_f64()
}

/// About 1,040 bytes a row with all that the server adds.
fn long_table(gigabytes: f64) -> Load {
    let rows = gigabytes * 1e9 / 1040.0;
    let sql = format!(
        "CREATE TABLE long (id bigint NOT NULL, label text NOT NULL, body text NOT NULL);
         INSERT INTO long SELECT n, 'row ' || n, repeat(md5(n::text), 30) FROM generate_series(1, {rows:.0}) AS n;
         ALTER TABLE long ADD PRIMARY KEY (id);"
    );
    let title = format!("a table of {gigabytes} GB");
    Load { title, sql, masked: &["long.label"], bytes: gigabytes * 1e9, promised_bytes: PROMISED_BYTES }
}

fn large_rows() -> Load {
    Load {
        title: format!("{} rows of 100 MB", 2 * LARGE_ROWS),
        sql: large_table(),
        masked: &["large.label"],
        bytes: 2.0 * f64::from(LARGE_ROWS) * f64::from(LARGE_BYTES),
        promised_bytes: PROMISED_BYTES,
    }
}

fn large_masked_values() -> Load {
    let title = format!("{LARGE_ROWS} masked values of 100 MB");
    let promised_bytes = PROMISED_BYTES + MASKED_VALUE_FACTOR * u64::from(LARGE_BYTES);
    Load { title, masked: &["large.label", "large.words"], promised_bytes, ..large_rows() }
}

/// Neither text nor bytes are compressed, or there would be no rows of 100 MB.
fn large_table() -> String {
    // Digits of MD5 make a value; two of them are a byte.
    let (words, bytes) = (LARGE_BYTES / 32, LARGE_BYTES / 16);
    format!(
        "CREATE TABLE large (id bigint PRIMARY KEY, label text NOT NULL, words text, bytes bytea);
         ALTER TABLE large ALTER words SET STORAGE EXTERNAL, ALTER bytes SET STORAGE EXTERNAL;
         INSERT INTO large SELECT n, 'text ' || n, repeat(md5(n::text), {words}), NULL FROM generate_series(1, {LARGE_ROWS}) AS n;
         INSERT INTO large SELECT {LARGE_ROWS} + n, 'bytes ' || n, NULL, decode(repeat(md5(n::text), {bytes}), 'hex')
            FROM generate_series(1, {LARGE_ROWS}) AS n;"
    )
}

/// The peak of one refresh, in bytes.
fn measure(program: &Path, load: &Load) -> Result<u64, String> {
    let superuser = Login { user: SUPERUSER, password: SUPERUSER_PASSWORD };
    let site = Site::start(program, [superuser, superuser])?;
    expect_room(&site.source.data_dir(), load.bytes)?;
    println!("{}: filling the source", load.title);
    create(&site.source)?;
    create(&site.target)?;
    script(&site.source, &load.sql)?;
    let masks: Vec<String> = load.masked.iter().map(|column| format!("{{ column: {column}, with: text }}")).collect();
    let stages = format!("stages:\n  - copy-database:\n      database: {DATABASE}\n      mask: [{}]\n", masks.join(", "));
    site.scenario(&stages)?;
    let filled = site.source.psql(DATABASE, &format!("SELECT pg_size_pretty(pg_database_size('{DATABASE}'))")).map_err(told)?;
    println!("{}: refreshing a database of {filled}", load.title);
    watch(&site)
}

fn create(cluster: &Cluster) -> Result<(), String> {
    cluster.create_database(DATABASE).map_err(told)
}

/// Runs the scenario and keeps an eye on the process.
fn watch(site: &Site) -> Result<u64, String> {
    let log = site.place("output");
    let file = std::fs::File::create(&log).map_err(|error| format!("cannot write `{}`: {error}", log.display()))?;
    let errors = file.try_clone().map_err(|error| format!("cannot write `{}`: {error}", log.display()))?;
    let mut command = site.restage(&["run", SCENARIO, "--yes"]);
    command.stdin(Stdio::null()).stdout(file).stderr(errors);
    let mut child = command.spawn().map_err(|error| format!("cannot start restage: {error}"))?;
    let (peak, status) = follow(&mut child)?;
    if status.success() {
        return Ok(peak);
    }
    let said = std::fs::read_to_string(&log).unwrap_or_default();
    Err(format!("`restage run`: {status}, after a peak of {:.1} MB\n{}", megabytes(peak), said.trim()))
}

fn follow(child: &mut Child) -> Result<(u64, std::process::ExitStatus), String> {
    let (started, mut peak) = (Instant::now(), 0);
    loop {
        peak = peak.max(processes::peak_memory(child.id()).unwrap_or(0));
        let ended = child.try_wait().map_err(|error| format!("restage cannot be waited for: {error}"))?;
        if let Some(status) = ended {
            return Ok((peak, status));
        }
        if started.elapsed() > REFRESH_WITHIN {
            processes::end(child)?;
            return Err(format!("restage did not end within {} minutes", REFRESH_WITHIN.as_secs() / 60));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Says how much is free, and refuses to fill the disk.
fn expect_room(folder: &Path, load_bytes: f64) -> Result<(), String> {
    let found =
        rustix::fs::statvfs(folder).map_err(|error| format!("cannot ask for the room in `{}`: {error}", folder.display()))?;
    #[expect(clippy::cast_precision_loss, reason = "told in gigabytes")]
    let free = (found.f_bavail * found.f_frsize) as f64;
    let needed = load_bytes * DISK_FACTOR + DISK_MARGIN_BYTES;
    println!("{:.0} GB are free, about {:.0} GB are needed", free / 1e9, needed / 1e9);
    if free < needed {
        return Err("there is not enough room: choose a smaller `--gigabytes`, or another folder with TMPDIR".to_owned());
    }
    Ok(())
}
