//! What history and scripts say together, read from a database without changing it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Runner;
use super::hooks::Hooks;
use super::lock::Holder;
use super::notes::Unfinished;
use super::reporter::Progress;
use crate::callbacks::Event;
use crate::history::Row;
use crate::scripts::Scripts;
use crate::settings::Settings;
use crate::state::States;
use crate::validate::{When, validate};
use crate::{Error, Kind, Result};

/// What a database says of its migrations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// Whether there is a history.
    pub exists: bool,
    /// Its rows.
    pub rows: Vec<Row>,
    /// The migration that did not come to its end; if the lock is held, it may be running.
    pub unfinished: Option<Unfinished>,
    /// Who holds the lock of the history.
    pub holder: Option<Holder>,
}

impl Info {
    /// All migrations with their states.
    pub fn states<'data>(&'data self, scripts: &'data Scripts, settings: &Settings) -> Result<States<'data>> {
        States::resolve(scripts, &self.rows, settings)
    }
}

/// All that history and scripts disagree on; the cause of the error that a run fails with.
#[derive(Debug)]
pub struct Disagreements(pub Vec<Error>);

impl fmt::Display for Disagreements {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join("; "))
    }
}

impl std::error::Error for Disagreements {}

impl Error {
    /// What history and scripts disagree on, if that is what it is about.
    pub fn disagreements(&self) -> &[Error] {
        self.cause_of::<Disagreements>().map_or(&[], |all| &all.0)
    }

    /// The same one by one, or the error itself if it is about something else.
    pub fn disagreements_of(mut self) -> Result<Vec<Self>, Self> {
        match self.take_cause_of::<Disagreements>() {
            Some(all) => Ok(all.0),
            None => Err(self),
        }
    }
}

impl Runner<'_> {
    /// Reads the history, and who is at work on it; the callbacks of it run.
    pub async fn info(&self, scripts: &Scripts) -> Result<Info> {
        let hooks = self.hooks(scripts)?;
        self.fire(&hooks, Event::AfterConnect).await?;
        self.fire(&hooks, Event::BeforeInfo).await?;
        let info = self.look().await;
        match &info {
            Ok(_) => self.fire(&hooks, Event::AfterInfo).await?,
            Err(_) => self.fire_after_failure(&hooks, Event::AfterInfoError).await,
        }
        self.fire(&hooks, Event::AfterInfoOperationFinish).await?;
        info
    }

    /// Reads the history, and who is at work on it, and runs nothing.
    pub async fn look(&self) -> Result<Info> {
        let there = self.there().await?;
        let rows = if there.history { self.rows().await? } else { Vec::new() };
        Ok(Info { exists: there.history, rows, unfinished: self.unfinished().await?, holder: self.holder().await? })
    }

    /// Compares history and scripts; returns all that they disagree on.
    pub async fn validate(&self, scripts: &Scripts) -> Result<Vec<Error>> {
        let hooks = self.hooks(scripts)?;
        self.fire(&hooks, Event::AfterConnect).await?;
        let there = self.there().await?;
        let rows = if there.history { self.rows().await? } else { Vec::new() };
        let found = self.compare(scripts, &rows, &hooks, When::Alone).await?;
        self.fire(&hooks, Event::AfterInfoOperationFinish).await?;
        Ok(found)
    }

    pub(super) async fn compare(&self, scripts: &Scripts, rows: &[Row], hooks: &Hooks<'_>, when: When) -> Result<Vec<Error>> {
        self.cx.reporter.report(&Progress::BeforeValidate);
        self.fire(hooks, Event::BeforeValidate).await?;
        let states = States::resolve(scripts, rows, self.cx.settings)?;
        let found = validate(&states, self.cx.settings, when);
        if found.is_empty() {
            self.fire(hooks, Event::AfterValidate).await?;
            self.cx.reporter.report(&Progress::AfterValidate);
        } else {
            self.fire_after_failure(hooks, Event::AfterValidateError).await;
        }
        Ok(found)
    }
}

/// The error of a run whose history and scripts disagree.
pub(super) fn invalid(found: Vec<Error>) -> Error {
    let message = match found.as_slice() {
        [only] => only.message.clone(),
        [first, rest @ ..] => format!("history and scripts disagree on {} migrations, first: {}", rest.len() + 1, first.message),
        [] => "history and scripts disagree".to_owned(),
    };
    let help = found.first().and_then(|error| error.help.clone()).unwrap_or_default();
    let place = found.first().and_then(|error| error.place.clone());
    let mut error = Kind::Invalid.error(message).help(help);
    error.place = place;
    error.because(Disagreements(found))
}
