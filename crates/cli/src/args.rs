//! The command line: what can be typed.

mod diagnose;
pub(crate) mod migrate;

pub(crate) use diagnose::{Diagnose, NamedDatabase, NamedQueue};

use clap::{Args, Parser, Subcommand, ValueEnum};
use restage_core::size::ByteSize;
use std::num::NonZeroU16;
use std::path::PathBuf;

/// Keeps non-production environments true to production: copies, masks, verifies and swaps databases by declared
/// scenarios. `restage plan` shows what would be done, `restage run` does it as a durable run, `restage resume` and
/// `restage undo` go on with it or take it back.
#[derive(Debug, Parser)]
#[command(name = "restage", version, max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Common {
    /// The project's folder, which has environments.yaml and scenarios/.
    #[arg(short = 'C', long, global = true, value_name = "DIR", default_value = ".", env = "RESTAGE_DIRECTORY", hide_env = true)]
    pub(crate) directory: PathBuf,
    /// The folder that remembers runs; by default restage/ in the user's state directory.
    #[arg(long, global = true, value_name = "DIR", env = "RESTAGE_STORE")]
    pub(crate) store: Option<PathBuf>,
    /// What standard output is for: people, or programs.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    pub(crate) output: Format,
}

/// What standard output is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON document; of a scenario's run, one event a line.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write commented example files: environments.yaml and scenarios/preprod.yaml.
    Init(Init),
    /// Report every problem of the project's files; touches nothing and connects nowhere.
    Check,
    /// Look at both ends and show what a run would do; touches nothing.
    Plan(Plan),
    /// Plan, ask, and do it: a durable run that survives crashes.
    Run(Run),
    /// Copy one database into another by address, without a project: a durable run like any other.
    Copy(Copy),
    /// Migrate a database as Flyway does: look, run, validate, repair.
    Migrate(migrate::Migrate),
    /// List runs, newest first.
    Runs(Runs),
    /// Show a run: its report, or for one that cannot go on, what to do.
    Show(OneRun),
    /// Print what a run's steps and commands said.
    Logs(Logs),
    /// Go on with a run that was held or cut off.
    Resume(OneRun),
    /// Take back every step of a run that started.
    Undo(OneRun),
    /// Stop a run and take back every step that started.
    Cancel(OneRun),
    /// Let a run pass the gate it waits at, and go on with it.
    Approve(OneRun),
    /// Drop old databases whose time for undo has passed.
    Retire(Retire),
    /// Look for what keeps a migrator from running, say what to do, and do what is safe.
    Diagnose(Diagnose),
    /// Explain an error code or a migrator's exit status, or list all of them.
    Explain(Explain),
    /// Print the JSON schema of a file, for editors.
    Schema(Schema),
    /// Print a completion script for a shell.
    Completions(Completions),
    /// Refresh a throwaway preprod from a throwaway production, break a run, resume it, undo it.
    Demo(Demo),
    /// Keep the snapshot of a copy; called by restage itself.
    #[command(hide = true)]
    KeepSnapshot(KeepSnapshot),
}

/// `keep-snapshot`
#[derive(Debug, Args)]
pub(crate) struct KeepSnapshot {
    /// The folder of the job that copies.
    pub(crate) folder: PathBuf,
}

/// `init`
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Where to write them; the project's folder by default.
    pub(crate) folder: Option<PathBuf>,
}

/// `plan`
#[derive(Debug, Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) scenario: Chosen,
}

/// A scenario and the answers to its prompts.
#[derive(Debug, Args)]
pub(crate) struct Chosen {
    /// The scenario's name.
    pub(crate) scenario: String,
    /// Answers a prompt; may be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(crate) answers: Vec<String>,
}

/// `run`
#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) scenario: Chosen,
    /// Do not ask before starting; needed where there is no terminal.
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
    /// Start only if the plan has this digest, as `restage plan` showed it.
    #[arg(long, value_name = "DIGEST")]
    pub(crate) plan: Option<String>,
}

/// `copy`
#[derive(Debug, Args)]
pub(crate) struct Copy {
    /// What is copied: postgresql://USER@HOST:PORT/DATABASE. Its password comes from RESTAGE_SOURCE_PASSWORD, if that is set.
    pub(crate) source: String,
    /// What is filled: a database that exists and is empty. Its password comes from RESTAGE_TARGET_PASSWORD, if that is set.
    pub(crate) target: String,
    /// Replace what the target holds; it can be undone for a day.
    #[arg(long)]
    pub(crate) replace: bool,
    /// Copy only the tables that fit, `table` or `schema.table` with `*` and `?`; may be repeated.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) only: Vec<String>,
    /// Leave out the tables that fit; may be repeated.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) without: Vec<String>,
    /// Copy only the structure of the tables that fit; may be repeated.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) without_rows: Vec<String>,
    /// Mask columns: a YAML file with the list that `mask:` of `copy-database` takes. The key comes from RESTAGE_MASK_SECRET.
    #[arg(long, value_name = "FILE")]
    pub(crate) mask: Option<PathBuf>,
    /// How many tables are copied at a time, 1 to 64; by default by the cores of both servers.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) workers: Option<NonZeroU16>,
    /// Sessions on the source at a time, 2 or more; one of them keeps the snapshot.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) source_connections: Option<NonZeroU16>,
    /// Rows read from the source per second, as in `50MB`.
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) source_rate: Option<ByteSize>,
    /// Memory on the target for all indexes that are made at the same time, as in `2GB`.
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) index_memory: Option<ByteSize>,
    /// Compare the content of every table, too, and not only the number of its rows; both databases are read once more.
    #[arg(long)]
    pub(crate) checksums: bool,
    /// With --replace: do not ask before starting; needed where there is no terminal.
    #[arg(long, short = 'y', requires = "replace")]
    pub(crate) yes: bool,
}

/// `runs`
#[derive(Debug, Args)]
pub(crate) struct Runs {
    /// How many at most.
    #[arg(long, default_value_t = 20)]
    pub(crate) limit: usize,
}

/// A command about one run.
#[derive(Debug, Args)]
pub(crate) struct OneRun {
    /// The run: its id, the first characters of it, or `last`.
    #[arg(default_value = LAST)]
    pub(crate) run: String,
}

/// What stands for the last run.
const LAST: &str = "last";

impl OneRun {
    /// Whether a run was named, and not only the last one meant.
    pub(crate) fn is_named(&self) -> bool {
        self.run != LAST
    }
}

/// `logs`
#[derive(Debug, Args)]
pub(crate) struct Logs {
    #[command(flatten)]
    pub(crate) run: OneRun,
    /// Wait for more until the run ends.
    #[arg(long, short)]
    pub(crate) follow: bool,
}

/// `retire`
#[derive(Debug, Args)]
pub(crate) struct Retire {
    /// One run only; by default every run.
    pub(crate) run: Option<String>,
    /// Give the undo up before its time; needs RUN.
    #[arg(long, requires = "run")]
    pub(crate) now: bool,
}

/// `explain`
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// A code such as R0201, or a migrator's exit status such as exit-2; all of them by default.
    pub(crate) code: Option<String>,
}

/// `schema`
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Which file.
    #[arg(value_enum)]
    pub(crate) file: File,
}

/// The files that users write.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum File {
    /// environments.yaml
    Environments,
    /// scenarios/NAME.yaml
    Scenario,
}

/// `completions`
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

/// `demo`
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// How much data: 1 is about 1.4 million rows.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) scale: f64,
}
