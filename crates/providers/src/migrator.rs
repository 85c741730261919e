//! One migrator's life: configuration → started → connected → migrations → models → an exit status, told on every path.
//!
//! Start with [`Migrator::run`]. What the other commands of migrations and the stage `migrate` need of it is here, too: settings
//! ([`Sources`]), a configuration whose references are followed ([`Configuration::resolve`]), models and a schema.

mod trouble;
mod sources;
mod models;
mod configuration;
mod status;
mod signals;
mod relay;
mod ended;

pub use configuration::{Access, Configuration, Resolved};
pub use ended::Ended;
pub(crate) use models::differences_seen_by;
pub use models::{differences, other_histories, read_models, snapshot};
pub use relay::{Audience, Found, overlooked};
pub(crate) use relay::{all_applied, told_in_queue};
pub use restage_pgcopy::stop;
pub(crate) use signals::Signals;
pub use signals::{DEFAULT_HEARTBEAT, Telling};
pub use sources::Sources;
pub(crate) use status::of_told;
pub use status::{of_connecting, of_working};
pub(crate) use trouble::first_of;
pub use trouble::told_of_migrations;

use futures::FutureExt as _;
use relay::Relay;
use restage_core::provider::Clock;
use restage_core::signal::{ExitStatus, MigratorId};
use restage_core::{Code, Error, Result};
use restage_migrate::runner::{Cx, GoOn, Ran, Runner, SystemClock};
use restage_migrate::scripts::Scripts;
use restage_pgcopy::stop::Stop;
use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long work may take to stop: to cancel its statement, roll back and let go of the lock.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// A process that migrates.
pub struct Migrator {
    /// How what its configuration refers to is reached.
    pub access: Access,
    /// Who it is.
    pub id: MigratorId,
    /// Where it tells of itself; nowhere if there is nothing.
    pub telling: Option<Telling>,
    /// Who listens beside the queue.
    pub audience: Arc<dyn Audience>,
    /// Asks it to stop.
    pub stop: Stop,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

impl Migrator {
    /// Lives; whatever happens, it is told how that ended.
    pub async fn run(&self, configuration: &Configuration, go_on: GoOn) -> Ended {
        let signals = self.telling.as_ref().map(|telling| self.signals(telling));
        let relay = Relay::new(self.audience.clone(), signals.as_ref(), self.access.servers.secrets());
        let lived = AssertUnwindSafe(Box::pin(self.live(configuration, go_on, &relay))).catch_unwind();
        let lived = tokio::select! {
            biased;
            lived = lived => lived,
            () = self.overdue() => Ok(Ended::by(ExitStatus::Unexpected, vec![unanswered()])),
        };
        let mut ended = lived.unwrap_or_else(|panic| Ended::by(ExitStatus::Unexpected, vec![broken_off(&*panic)]));
        ended.applied = relay.applied();
        ended.errors = ended.errors.into_iter().map(|error| self.access.without_secrets(&error)).collect();
        if let Some(signals) = &signals {
            signals.end(ended.status).await;
        }
        ended
    }

    /// Ends before it has lived: its configuration could not even be looked at.
    pub async fn give_up(&self, errors: Vec<Error>) -> Ended {
        if let Some(telling) = &self.telling {
            self.signals(telling).end(ExitStatus::InvalidConfiguration).await;
        }
        Ended::by(ExitStatus::InvalidConfiguration, errors)
    }

    /// Returns once work that was asked to stop has had its time: of a server that hangs there is nothing to wait for, and whoever
    /// waits for the last message must hear it before a supervisor kills.
    async fn overdue(&self) {
        self.stop.asked().await;
        tokio::time::sleep(STOP_LIMIT).await;
    }

    fn signals(&self, telling: &Telling) -> Signals {
        Signals::new(telling, &self.id, self.clock.clone(), self.audience.clone())
    }

    async fn live(&self, configuration: &Configuration, go_on: GoOn, relay: &Relay<'_>) -> Ended {
        let resolved = tokio::select! {
            biased;
            () = self.stop.asked() => return Ended::by(ExitStatus::Unexpected, vec![interrupted()]),
            resolved = configuration.resolve(&self.access) => resolved,
        };
        let resolved = match resolved {
            Ok(resolved) => resolved,
            Err(errors) => return Ended::by(ExitStatus::InvalidConfiguration, errors),
        };
        if let Err(error) = relay.begin().await {
            return Ended::by(ExitStatus::InvalidConfiguration, vec![error]);
        }
        self.audience.unused(&resolved.unused);
        match self.migrate(&resolved, go_on, relay).await {
            Ok(ran) => self.compare(&resolved, ran).await,
            Err(ended) => ended,
        }
    }

    async fn migrate(&self, resolved: &Resolved, go_on: GoOn, relay: &Relay<'_>) -> Result<Ran, Ended> {
        let cx = resolved.cx(relay, &self.stop);
        let runner = Runner::connect(&resolved.endpoint, cx).await;
        let runner = runner.map_err(|error| Ended::of(of_connecting(&error), error))?;
        let scripts = scripts(&runner, resolved)?;
        relay.overlooked(&scripts);
        let found = runner.look().await.map_err(|error| Ended::of(of_working(&error), error))?;
        relay.found(&found, &scripts, &resolved.settings);
        let ran = runner.run(&scripts, go_on).await.map_err(|error| Ended::of(of_working(&error), error))?;
        relay.tell(all_applied(ran.after.as_ref()));
        Ok(ran)
    }

    async fn compare(&self, resolved: &Resolved, ran: Ran) -> Ended {
        let Some(models) = &resolved.models else { return Ended::well(ran, None) };
        let compared = tokio::select! {
            biased;
            () = self.stop.asked() => Err(Ended::by(ExitStatus::Unexpected, vec![interrupted()])),
            compared = differences(&resolved.endpoint, models) => compared,
        };
        match compared {
            Ok(found) if found.is_empty() => Ended::well(ran, Some(models.tables.len() as u64)),
            Ok(found) => Ended { ran: Some(Box::new(ran)), ..Ended::by(ExitStatus::ValidationFailed, found) },
            Err(ended) => Ended { ran: Some(Box::new(ran)), ..ended },
        }
    }
}

/// The work was asked to stop and did not.
fn unanswered() -> Error {
    let message = format!("the work was told to stop, and the server did not answer within {} s", STOP_LIMIT.as_secs());
    let help = "its session may still be at work, or a commit may have come through: `restage migrate info` tells, once the server answers";
    Code::Interrupted.error(message).help(help)
}

impl Resolved {
    /// What a runner is given.
    pub fn cx<'a>(&'a self, reporter: &'a dyn restage_migrate::runner::Reporter, stop: &'a Stop) -> Cx<'a> {
        Cx { settings: &self.settings, reporter, clock: &SystemClock, stop, environment: &self.environment }
    }
}

/// The scripts of a migrator. It has some: whoever names a folder without any means another one.
pub fn scripts(runner: &Runner<'_>, resolved: &Resolved) -> Result<Scripts, Ended> {
    let locations: Vec<String> = resolved.settings.locations.iter().map(|location| format!("`{location}`")).collect();
    if locations.is_empty() {
        let error = Code::InvalidFile.error("nothing says where the scripts are");
        let error = error.help("name their folder with `--location DIR`, `flyway.locations` or `FLYWAY_LOCATIONS`");
        return Err(Ended::by(ExitStatus::InvalidConfiguration, vec![error]));
    }
    let found = runner.scripts().map_err(|errors| {
        let status = errors.iter().map(of_working).min().unwrap_or(ExitStatus::MigrationFailed);
        Ended::by(status, errors.into_iter().map(told_of_migrations).collect())
    })?;
    if found.migrations.is_empty() {
        let error = Code::InvalidFile.error(format!("there is no script of a migration in {}", locations.join(", ")));
        let mut error = error.help("correct the folder, or the names of the scripts: `V1__what_it_does.sql`");
        let overlooked = overlooked(&found);
        if !overlooked.is_empty() {
            error = error.because(overlooked.join("\n"));
        }
        return Err(Ended::by(ExitStatus::InvalidConfiguration, vec![error]));
    }
    Ok(found)
}

/// The error of a file that cannot be read.
pub(crate) fn unreadable(path: &Path, cause: std::io::Error) -> Error {
    let error = Code::FileUnreadable.error(format!("cannot read `{}`", path.display()));
    error.help("correct its path, or make it readable").because(cause)
}

fn interrupted() -> Error {
    Code::Interrupted.error("the migrator was asked to stop").help("run again when it may go on")
}

fn broken_off(panic: &(dyn Any + Send)) -> Error {
    let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let error = Code::CommandFailed.error("restage itself broke off; what was not committed is rolled back by the server");
    error
        .help("this is a bug of restage: please report it. `restage migrate info` shows what was applied")
        .because(said.unwrap_or("nothing more is known").to_owned())
}
