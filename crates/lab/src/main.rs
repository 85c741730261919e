//! Keeps one throwaway cluster until its standard input ends, for trying things by hand:
//! `restage-lab [MAJOR [production|preprod [SCALE]]]`.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use restage_lab::dataset::{self, Scale};
use restage_lab::{Cluster, Major};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match cluster(&words).and_then(|cluster| keep(&cluster)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // Nobody may be reading any more, and there is nothing else to tell it to.
            let _ = writeln!(io::stderr(), "{message}");
            ExitCode::FAILURE
        }
    }
}

fn cluster(words: &[String]) -> Result<Cluster, String> {
    let mut words = words.iter().map(String::as_str);
    let failed = |error: restage_lab::Error| error.to_string();
    let cluster = match words.next() {
        None => Cluster::any(),
        Some(number) => {
            let known = Major::ALL.into_iter().find(|major| major.to_string() == number);
            Cluster::start(known.ok_or_else(|| format!("`{number}` is not a supported major version"))?)
        }
    };
    let (cluster, content) = (cluster.map_err(failed)?, words.next());
    let scale = words.next().map_or(Ok(Scale::TINY), |share| share.parse().map(Scale));
    let scale = scale.map_err(|error| format!("the scale is not a number: {error}"))?;
    match content {
        None => Ok(()),
        Some("production") => dataset::production(&cluster, "app", scale).map_err(failed),
        Some("preprod") => dataset::preprod(&cluster, "app", scale).map_err(failed),
        Some(other) => Err(format!("`{other}` is neither `production` nor `preprod`")),
    }?;
    Ok(cluster)
}

/// Prints the server's process id, its data directory and its URL, then waits.
fn keep(cluster: &Cluster) -> Result<(), String> {
    let pid = cluster.pid().unwrap_or_default();
    let line = format!("{pid} {} {}\n", cluster.data_dir().display(), cluster.superuser_url("postgres"));
    let failed = |error: io::Error| error.to_string();
    io::stdout().write_all(line.as_bytes()).map_err(failed)?;
    io::stdout().flush().map_err(failed)?;
    io::stdin().read_to_end(&mut Vec::new()).map(drop).map_err(failed)
}
