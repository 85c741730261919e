//! Passes a run's progress on: to the queue, in its words, and to whoever sits at the terminal.

use super::signals::Signals;
use crate::secrets::Secrets;
use restage_core::signal::{MigrationStage, Progress, SchemaVersion, ScriptStage};
use restage_core::{Error, Result};
use restage_migrate::runner::{self, File, Info, Reporter};
use restage_migrate::scripts::Scripts;
use restage_migrate::settings::Settings;
use restage_migrate::state::Migration;
use restage_migrate::version::Version;
use std::sync::{Arc, Mutex, PoisonError};

/// Hears what a migrator has to say beside its messages; calls must return at once.
pub trait Audience: Send + Sync {
    /// Hears of settings that mean nothing here.
    fn unused(&self, _keys: &[String]) {}
    /// Hears of what was passed over in the locations, each as a sentence.
    fn overlooked(&self, _what: &[String]) {}
    /// Hears what the database was like before anything was done.
    fn found(&self, _found: &Found<'_>) {}
    /// Hears how far the run has come.
    fn progress(&self, _progress: &runner::Progress<'_>) {}
    /// Hears of what does not end the migrator, such as a queue that cannot be reached.
    fn warn(&self, _error: &Error) {}
}

/// What a migrator finds.
#[derive(Clone, Debug)]
pub struct Found<'a> {
    /// The history.
    pub info: &'a Info,
    /// The version of the schema.
    pub version: Option<String>,
    /// The scripts that are to be applied.
    pub pending: Vec<String>,
}

pub(super) struct Relay<'a> {
    audience: Arc<dyn Audience>,
    signals: Option<&'a Signals>,
    secrets: &'a Secrets,
    applied: Mutex<Vec<String>>,
}

impl<'a> Relay<'a> {
    pub(super) fn new(audience: Arc<dyn Audience>, signals: Option<&'a Signals>, secrets: &'a Secrets) -> Self {
        Self { audience, signals, secrets, applied: Mutex::default() }
    }

    pub(super) async fn begin(&self) -> Result<()> {
        match self.signals {
            Some(signals) => signals.begin().await,
            None => Ok(()),
        }
    }

    pub(super) fn tell(&self, progress: Progress) {
        if let Some(signals) = self.signals {
            signals.tell(progress);
        }
    }

    /// Tells the audience what was passed over.
    pub(super) fn overlooked(&self, scripts: &Scripts) {
        self.audience.overlooked(&overlooked(scripts));
    }

    /// Tells the audience what there is; what cannot be told now, the run will find out itself.
    pub(super) fn found(&self, info: &Info, scripts: &Scripts, settings: &Settings) {
        let Ok(states) = info.states(scripts, settings) else { return };
        let version = states.current().and_then(Migration::version).map(ToString::to_string);
        let pending = states.to_run(settings).into_iter().map(|script| script.file.script.clone()).collect();
        self.audience.found(&Found { info, version, pending });
    }

    /// The scripts that were applied so far.
    pub(super) fn applied(&self) -> Vec<String> {
        self.applied.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Reporter for Relay<'_> {
    fn report(&self, progress: &runner::Progress<'_>) {
        if let runner::Progress::Completed(file) = progress {
            self.applied.lock().unwrap_or_else(PoisonError::into_inner).push(file.migration_file.to_owned());
        }
        if let Some(progress) = told_in_queue(progress) {
            self.tell(progress);
        }
        self.audience.progress(&self.without_secrets(progress));
    }
}

impl Relay<'_> {
    /// The same without a secret that a server may have quoted.
    fn without_secrets<'said>(&self, progress: &runner::Progress<'said>) -> runner::Progress<'said> {
        let mut told = progress.clone();
        match &mut told {
            runner::Progress::CallbackFailed { message, .. } => *message = self.secrets.redact(message),
            runner::Progress::Notice { notice, .. } => {
                notice.message = self.secrets.redact(&notice.message);
                for part in [&mut notice.detail, &mut notice.hint] {
                    *part = part.as_deref().map(|text| self.secrets.redact(text));
                }
            }
            _ => {}
        }
        told
    }
}

/// What was passed over in the locations: files that end like scripts and are none by their names, and locations that are not there.
pub fn overlooked(scripts: &Scripts) -> Vec<String> {
    let unnamed = scripts.ignored.iter().map(|error| match &error.place {
        Some(place) => format!("{}: {}", place.file.display(), error.message),
        None => error.message.clone(),
    });
    let missing = scripts.missing.iter().map(|location| format!("the location `{location}` is no folder"));
    unnamed.chain(missing).collect()
}

/// That all is applied, with the version that was observed then.
pub(crate) fn all_applied(version: Option<&Version>) -> Progress {
    let version = version.map(|version| SchemaVersion(version.to_string()));
    Progress::Migrating(MigrationStage { stage: ScriptStage::AfterMigration, migration_file: None, version })
}

/// What a queue is told of progress; the end of a run is told by whoever knows the version then.
pub(crate) fn told_in_queue(progress: &runner::Progress<'_>) -> Option<Progress> {
    use runner::Progress as Said;
    let stage = |stage| Some(Progress::Migrating(MigrationStage { stage, migration_file: None, version: None }));
    let of = |stage, file: &File<'_>| {
        let version = file.version.map(|version| SchemaVersion(version.to_string()));
        Some(Progress::Migrating(MigrationStage { stage, migration_file: Some(file.migration_file.to_owned()), version }))
    };
    match progress {
        Said::Connected => Some(Progress::Connected),
        Said::BeforeValidate => stage(ScriptStage::BeforeValidate),
        Said::AfterValidate => stage(ScriptStage::AfterValidate),
        Said::BeforeMigration => stage(ScriptStage::BeforeMigration),
        Said::Preparing(file) => of(ScriptStage::Preparing, file),
        Said::BeforeFile(file) => of(ScriptStage::BeforeFile, file),
        Said::AfterFile(file) => of(ScriptStage::AfterFile, file),
        Said::Completed(file) => of(ScriptStage::Completed, file),
        Said::AfterMigration
        | Said::Waiting { .. }
        | Said::Notice { .. }
        | Said::NoticesLeftOut { .. }
        | Said::CallbackFailed { .. } => None,
    }
}
