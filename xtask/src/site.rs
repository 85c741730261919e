//! Two throwaway servers with a project between them, on which bench and soak let restage loose.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use restage_lab::{Cluster, Config, Installation};
use tempfile::TempDir;

use crate::program;

/// The database on both servers.
pub(crate) const DATABASE: &str = "app";
/// The scenario of every project here.
pub(crate) const SCENARIO: &str = "refresh";

/// A role that restage logs in as, and its password; the servers live for minutes, on this machine only.
#[derive(Clone, Copy)]
pub(crate) struct Login {
    pub(crate) user: &'static str,
    pub(crate) password: &'static str,
}

/// Both servers, the project's folder, and the program to use on them; gone when dropped.
pub(crate) struct Site {
    pub(crate) source: Cluster,
    pub(crate) target: Cluster,
    folder: TempDir,
    program: PathBuf,
    logins: [Login; 2],
}

impl Site {
    /// Starts both servers; nothing is in them yet.
    pub(crate) fn start(program: &Path, logins: [Login; 2]) -> Result<Self, String> {
        let folder = TempDir::with_prefix("restage-site-").map_err(|error| format!("cannot make a folder: {error}"))?;
        let site = Self { source: server()?, target: server()?, folder, program: program.to_owned(), logins };
        site.write("environments.yaml", &site.environments())?;
        Ok(site)
    }

    /// Puts a file into the project.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<(), String> {
        let path = self.folder.path().join(name);
        let parent = path.parent().unwrap_or(self.folder.path());
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| format!("cannot write `{}`: {error}", path.display()))
    }

    /// Makes this the project's scenario.
    pub(crate) fn scenario(&self, stages: &str) -> Result<(), String> {
        self.write(&format!("scenarios/{SCENARIO}.yaml"), &scenario_text(stages))
    }

    /// A folder for what other programs write.
    pub(crate) fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `restage` with these words, on this project.
    pub(crate) fn restage(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(words).env("RESTAGE_DIRECTORY", self.folder.path()).env("RESTAGE_STORE", self.folder.path().join("store"));
        command.env("PRODUCTION_PASSWORD", self.logins[0].password).env("PREPROD_PASSWORD", self.logins[1].password);
        command.env("MASK_SECRET", "a key for masks that nobody needs to guess").env("NO_COLOR", "1");
        // `BIN/../..` has a folder per version.
        if let Some(home) = self.target.installation().bin_dir().ancestors().nth(2) {
            command.env("RESTAGE_POSTGRES_HOME", home);
        }
        command
    }

    /// Runs the scenario to its end.
    pub(crate) fn refresh(&self) -> Result<(), String> {
        program::must(self.restage(&["run", SCENARIO, "--yes"])).map(drop)
    }

    /// Takes the last run back, so that the target is as it was.
    pub(crate) fn undo(&self) -> Result<(), String> {
        program::must(self.restage(&["undo"])).map(drop)
    }

    /// The report of the last run.
    pub(crate) fn report(&self) -> Result<serde_json::Value, String> {
        let text = program::must(self.restage(&["show", "--output", "json"]))?;
        serde_json::from_str(&text).map_err(|error| format!("`restage show --output json` is not JSON: {error}"))
    }

    fn environments(&self) -> String {
        let [source, target] = self.logins;
        environments_text(&self.source.url(DATABASE, source.user), &self.target.url(DATABASE, target.user))
    }
}

fn environments_text(source: &str, target: &str) -> String {
    let database = |url: &str, variable: &str| {
        format!("    databases:\n      {DATABASE}: {{ url: \"{url}\", password: {{ env: {variable} }} }}\n")
    };
    let (source, target) = (database(source, "PRODUCTION_PASSWORD"), database(target, "PREPROD_PASSWORD"));
    format!("environments:\n  production:\n    production: true\n{source}  preprod:\n{target}")
}

fn scenario_text(stages: &str) -> String {
    format!("scenario: {SCENARIO}\nfrom: production\nto: preprod\nmask-secret: {{ env: MASK_SECRET }}\n{stages}")
}

/// A server that keeps what it was given, as everybody's does, and does nothing by itself while others are measured.
fn server() -> Result<Cluster, String> {
    let mut config = Config::of(Installation::any().map_err(told)?);
    config.settings = [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("autovacuum", "off"),
        ("shared_buffers", "512MB"),
        ("maintenance_work_mem", "256MB"),
        ("checkpoint_timeout", "1h"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    config.start().map_err(told)
}

/// Runs SQL on the database however long it takes; the lab's own way has a limit that suits tests.
pub(crate) fn script(cluster: &Cluster, sql: &str) -> Result<(), String> {
    let mut command = cluster.client("psql");
    command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", DATABASE, "-c", sql]);
    program::must(command).map(drop)
}

/// An error of the lab with its advice, as one line.
#[expect(clippy::needless_pass_by_value, reason = "stands where `map_err` passes the error on")]
pub(crate) fn told(error: restage_lab::Error) -> String {
    error.help().map_or_else(|| error.to_string(), |help| format!("{error}: {help}"))
}

/// Fails a test if restage would refuse these stages, or the environments around them.
#[cfg(test)]
pub(crate) fn check_scenario(stages: &str) {
    use restage_core::document::Source;
    use restage_core::environment::Environments;
    use restage_core::scenario::Scenario;

    let address = format!("postgresql://somebody@127.0.0.1:20000/{DATABASE}");
    let environments =
        Environments::parse(&Source::new("environments.yaml", environments_text(&address, &address.replace("20000", "20001"))))
            .unwrap();
    Scenario::check(&Source::new(format!("{SCENARIO}.yaml"), scenario_text(stages)), &environments).unwrap();
}
