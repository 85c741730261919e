//! What a server says beside its answers: notices and warnings, which statements raise.

use serde::Serialize;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio_postgres::error::DbError;

/// How many notices wait to be taken; of those that come meanwhile only the number is kept.
const WAITING_LIMIT: usize = 1000;

/// Something that a server says beside its answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// How grave it is, in the server's words, such as `WARNING`.
    pub severity: String,
    /// The SQLSTATE.
    pub sqlstate: String,
    /// What it says.
    pub message: String,
    /// The detail behind it, which may quote rows.
    pub detail: Option<String>,
    /// What the server suggests.
    pub hint: Option<String>,
}

/// Notices that wait to be taken, in the order in which they came.
#[derive(Debug, Default)]
pub struct Waiting {
    /// What was said.
    pub notices: VecDeque<Notice>,
    /// How many more there were, of which nothing is kept.
    pub left_out: u64,
}

/// Where a session's notices wait.
#[derive(Clone, Default)]
pub(super) struct Notices(Arc<Shelf>);

#[derive(Default)]
struct Shelf {
    waiting: Mutex<Waiting>,
    came: Notify,
}

impl fmt::Display for Notice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        for (name, text) in [("detail", &self.detail), ("hint", &self.hint)] {
            if let Some(text) = text {
                write!(formatter, "; {name}: {text}")?;
            }
        }
        Ok(())
    }
}

impl From<&DbError> for Notice {
    fn from(said: &DbError) -> Self {
        Self {
            severity: said.severity().to_owned(),
            sqlstate: said.code().code().to_owned(),
            message: said.message().to_owned(),
            detail: said.detail().map(str::to_owned),
            hint: said.hint().map(str::to_owned),
        }
    }
}

impl Notices {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, said: &DbError) {
        let mut waiting = self.waiting();
        if waiting.notices.len() < WAITING_LIMIT {
            waiting.notices.push_back(said.into());
        } else {
            waiting.left_out += 1;
        }
        drop(waiting);
        self.0.came.notify_one();
    }

    pub(super) fn take(&self) -> Waiting {
        std::mem::take(&mut *self.waiting())
    }

    pub(super) async fn came(&self) {
        while self.waiting().notices.is_empty() {
            self.0.came.notified().await;
        }
    }
}
