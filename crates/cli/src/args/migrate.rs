//! `migrate`: what can be typed behind it.

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// `migrate`
#[derive(Debug, Args)]
pub(crate) struct Migrate {
    #[command(subcommand)]
    pub(crate) command: MigrateCommand,
}

/// The commands of migrations.
#[derive(Debug, Subcommand)]
pub(crate) enum MigrateCommand {
    /// Show the history and what is pending, also what other tools have applied; changes nothing.
    Info(Info),
    /// Apply what is pending, compare the models, tell a queue of it. Ends with the migrator's exit status, 0 to 4.
    Run(RunMigrations),
    /// Compare scripts with the history, and models with the schema; changes nothing.
    Validate(Validate),
    /// Make the history valid again: shows what it would change, and asks.
    Repair(Repair),
    /// Let a history begin at a version, for a database that has objects already.
    Baseline(Baseline),
    /// Take back the last version, or all above the one that --target names, by their undo scripts.
    Undo(UndoMigrations),
    /// Print the models of a database as it is, for `--models`.
    Snapshot(Snapshot),
}

/// Which database.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which database").required(true).args(["database", "url"])))]
pub(crate) struct Which {
    /// A database of environments.yaml, such as `preprod/app`; also one of production, which is asked about before it is changed.
    #[arg(long, value_name = "ENVIRONMENT/NAME")]
    pub(crate) database: Option<String>,
    /// A database by its address: postgresql://USER@HOST:PORT/DATABASE. Its password comes from --password-from, else from
    /// RESTAGE_MIGRATE_PASSWORD, PGPASSWORD or FLYWAY_PASSWORD, whichever is set first.
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// Where the password is: `env:NAME`, `file:PATH`, or `ssm:/name/of/a/parameter` of SSM's parameter store.
    #[arg(long, value_name = "PLACE")]
    pub(crate) password_from: Option<String>,
    /// The region of AWS for SSM and SQS; default what AWS's own tools use.
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// Another address of AWS than its own, for SSM and SQS.
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
}

/// Scripts and how they are read.
#[derive(Clone, Debug, Args)]
pub(crate) struct Scripts {
    /// A folder of scripts, with all folders in it; `*`, `**` and `?` stand for names. May be repeated; default what settings say.
    #[arg(long, value_name = "DIR")]
    pub(crate) location: Vec<String>,
    /// A configuration file of Flyway, besides flyway.toml or flyway.conf in the home folder and the working folder; may be repeated.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Vec<PathBuf>,
    /// Read settings and placeholders below this path of SSM's parameter store; may be repeated.
    #[arg(long, value_name = "PATH")]
    pub(crate) parameters: Vec<String>,
    /// A setting by Flyway's name for it, such as `table=schema_version`; may be repeated. It wins over files, parameters and FLYWAY_*.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<String>,
    /// What a placeholder of scripts stands for; may be repeated.
    #[arg(long = "placeholder", value_name = "NAME=VALUE")]
    pub(crate) placeholders: Vec<String>,
    /// How far to go: a version, `latest`, `current` or `next`; of `undo`, the version that stays.
    #[arg(long, value_name = "VERSION")]
    pub(crate) target: Option<String>,
}

/// `migrate info`
#[derive(Debug, Args)]
pub(crate) struct Info {
    #[command(flatten)]
    pub(crate) which: Which,
    #[command(flatten)]
    pub(crate) scripts: Scripts,
}

/// `migrate run`
#[derive(Debug, Args)]
pub(crate) struct RunMigrations {
    #[command(flatten)]
    pub(crate) which: Which,
    #[command(flatten)]
    pub(crate) scripts: Scripts,
    /// What the database should be once it is migrated; `restage migrate snapshot` writes such a file.
    #[arg(long, value_name = "FILE")]
    pub(crate) models: Option<PathBuf>,
    /// Tell a queue of every stage and of the end: `sqs:NAME`, `sqs:URL`, or `local:NAME` in restage's own store.
    #[arg(long, value_name = "QUEUE")]
    pub(crate) signals: Option<String>,
    /// How messages are written.
    #[arg(long, value_enum, default_value_t = SignalFormat::Current, value_name = "FORMAT")]
    pub(crate) signal_format: SignalFormat,
    /// The time between two signs of life in the queue, in whole seconds; 0s for none.
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    pub(crate) heartbeat: String,
    /// Go on with the script that did not come to its end at this statement, counted from 1; those before it are done. One more
    /// than it has ends it.
    #[arg(long, value_name = "STATEMENT", value_parser = statement)]
    pub(crate) go_on_at: Option<usize>,
    /// Do not ask before production is changed; needed where there is no terminal.
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
}

fn statement(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("statements are counted from 1".to_owned()),
        Ok(number) => Ok(number),
    }
}

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SignalFormat {
    /// A message for each stage.
    Current,
    /// A message at the start, with each sign of life, and at the end.
    Older,
}

/// `migrate validate`
#[derive(Debug, Args)]
pub(crate) struct Validate {
    #[command(flatten)]
    pub(crate) which: Which,
    #[command(flatten)]
    pub(crate) scripts: Scripts,
    /// What the database should be.
    #[arg(long, value_name = "FILE")]
    pub(crate) models: Option<PathBuf>,
}

/// `migrate repair`
#[derive(Debug, Args)]
pub(crate) struct Repair {
    #[command(flatten)]
    pub(crate) which: Which,
    #[command(flatten)]
    pub(crate) scripts: Scripts,
    /// Do not ask before the history is changed; needed where there is no terminal.
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
}

/// `migrate baseline`
#[derive(Debug, Args)]
pub(crate) struct Baseline {
    #[command(flatten)]
    pub(crate) which: Which,
    #[command(flatten)]
    pub(crate) scripts: Scripts,
    /// Do not ask before production is changed; needed where there is no terminal.
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
}

/// `migrate undo`
#[derive(Debug, Args)]
pub(crate) struct UndoMigrations {
    #[command(flatten)]
    pub(crate) which: Which,
    #[command(flatten)]
    pub(crate) scripts: Scripts,
    /// Do not ask before production is changed; needed where there is no terminal.
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
}

/// `migrate snapshot`
#[derive(Debug, Args)]
pub(crate) struct Snapshot {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Only the tables that fit, `table` or `schema.table` with `*` and `?`; others may then come and go. May be repeated.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) only: Vec<String>,
}
