//! `restage migrate run`: one migrator, whose last line and exit status deployments look at.

use super::asked::{Asked, access, unused};
use super::hangup::{hangups, hung_up};
use super::queue::telling;
use super::{failures, misconfigured, passed_over, tell};
use crate::args::migrate::RunMigrations as Args;
use crate::args::{Common, Format};
use crate::desk::interrupted;
use crate::fault::Fault;
use crate::person::host;
use crate::render;
use crate::screen::Screen;
use jiff::Timestamp;
use restage_core::Error;
use restage_core::error::Failure;
use restage_core::signal::{ExitStatus, HostName, MigratorId, ProcessId};
use restage_migrate::runner::{GoOn, Progress};
use restage_providers::aws::Aws;
use restage_providers::clock::SystemClock;
use restage_providers::migrator::stop::{Stop, stop};
use restage_providers::migrator::{Audience, Ended, Found, Migrator};
use serde::Serialize;
use std::sync::Arc;

pub(super) async fn run(common: &Common, args: &Args, screen: Screen) -> u8 {
    let ended = match live(common, args, screen).await {
        Ok(ended) => ended,
        Err(fault) => misconfigured(fault),
    };
    if screen.format() == Format::Json {
        screen.json(&Written::of(&ended));
    } else if let Some(summary) = render::migrated(&ended) {
        screen.data(&summary);
    }
    tell(&ended, screen);
    screen.talk(&ended.status.to_string());
    ended.status.number()
}

async fn live(common: &Common, args: &Args, screen: Screen) -> Result<Ended, Fault> {
    let started = Timestamp::now();
    let aws = Aws::default();
    let (stopper, stop) = stop();
    let hangups = hangups();
    tokio::spawn(async move {
        tokio::select! {
            () = interrupted() => {}
            () = hung_up(hangups) => {}
        }
        if screen.has_person() {
            // The terminal shows `^C`, perhaps behind a question; what is told begins on a line of its own.
            screen.talk("");
        }
        stopper.stop();
    });
    let migrator = Migrator {
        access: access(&aws),
        id: MigratorId { host: HostName(host().0), pid: ProcessId(std::process::id().into()), started },
        telling: telling(common, args, &aws).await?,
        audience: Arc::new(Terminal(screen)),
        stop,
        clock: Arc::new(SystemClock),
    };
    let asked = match agreed(common, args, screen, &migrator.stop).await {
        Ok(asked) => asked,
        Err(fault) => return Ok(migrator.give_up(misconfigured(fault).errors).await),
    };
    let go_on = args.go_on_at.map_or(GoOn::Refused, GoOn::At);
    Ok(migrator.run(&asked.configuration, go_on).await)
}

async fn agreed(common: &Common, args: &Args, screen: Screen, stop: &Stop) -> Result<Asked, Fault> {
    let asked = Asked::read(common, &args.which, Some(&args.scripts), args.models.as_deref())?;
    asked.may_change(screen, args.yes, stop).await?;
    Ok(asked)
}

/// What became of a migrator, as programs read it.
#[derive(Serialize)]
struct Written<'a> {
    exit: ExitStatus,
    before: Option<String>,
    after: Option<String>,
    applied: &'a [String],
    created_schemas: &'a [String],
    baseline: Option<String>,
    models: Option<u64>,
    errors: Vec<Failure>,
}

impl<'a> Written<'a> {
    fn of(ended: &'a Ended) -> Self {
        let ran = ended.ran.as_ref();
        Self {
            exit: ended.status,
            before: ran.and_then(|ran| ran.before.as_ref()).map(ToString::to_string),
            after: ran.and_then(|ran| ran.after.as_ref()).map(ToString::to_string),
            applied: &ended.applied,
            created_schemas: ran.map_or(&[], |ran| ran.created_schemas.as_slice()),
            baseline: ran.and_then(|ran| ran.baseline.as_ref()).map(ToString::to_string),
            models: ended.models,
            errors: failures(&ended.errors),
        }
    }
}

/// Of attempts to get the lock, one a second, the first and every so many are told.
const TOLD_EVERY: u32 = 10;

/// Whoever reads standard error.
struct Terminal(Screen);

impl Terminal {
    fn line(&self, text: &str) {
        self.0.talk_folded(text, 0, 2);
    }
}

impl Audience for Terminal {
    fn unused(&self, keys: &[String]) {
        unused(keys, self.0);
    }
    fn overlooked(&self, what: &[String]) {
        passed_over(what, self.0);
    }
    fn found(&self, found: &Found<'_>) {
        self.line(&render::found(found));
    }
    fn progress(&self, progress: &Progress<'_>) {
        match progress {
            Progress::Waiting { attempts, .. } if *attempts > 1 && attempts % TOLD_EVERY != 0 => {}
            Progress::Waiting { holder: Some(holder), attempts } => {
                self.line(&format!("waiting for {holder}, which holds the lock of the history (attempt {attempts})"));
            }
            Progress::Waiting { holder: None, attempts } => {
                self.line(&format!("waiting for the lock of the history (attempt {attempts})"));
            }
            Progress::BeforeFile(file) => self.line(&format!("applying {}", file.migration_file)),
            Progress::Notice { script, line: Some(line), notice } => {
                self.line(&format!("{} at {script}:{line}: {notice}", notice.severity));
            }
            Progress::Notice { script, line: None, notice } => {
                self.line(&format!("{} at the end of {script}: {notice}", notice.severity));
            }
            Progress::NoticesLeftOut { script, count } => {
                self.line(&format!("{} of {script}", render::plural(*count, "more notice")));
            }
            Progress::CallbackFailed { script, message } => self.line(&format!("the callback {script} failed: {message}")),
            _ => {}
        }
    }
    fn warn(&self, error: &Error) {
        crate::fault::show(error, self.0);
    }
}
