//! Statements that are sent together, and written down with what became of them.

use super::super::done::Done;
use super::super::statements::Statement;
use super::{Ledger, digest};

/// Where statements are written down, and under which name.
#[derive(Clone, Debug)]
pub(in crate::copy) enum Recording<'a> {
    /// Nowhere: the transaction that they are in tells, or nobody needs to know.
    Nowhere,
    /// In the ledger.
    In(&'a Ledger, String),
}

/// Some statements, as the ledger names them.
pub(in crate::copy) struct Batch<'a> {
    ledger: Option<&'a Ledger>,
    name: String,
    digest: String,
}

impl<'a> Recording<'a> {
    /// The statements that are sent together in the `nth` place.
    pub(in crate::copy) fn batch(&self, nth: usize, statements: &[Statement]) -> Batch<'a> {
        match self {
            Self::Nowhere => Batch { ledger: None, name: String::new(), digest: String::new() },
            Self::In(ledger, unit) => Batch::of(ledger, format!("{unit}, batch {nth}"), statements),
        }
    }
}

impl<'a> Batch<'a> {
    fn of(ledger: &'a Ledger, name: String, statements: &[Statement]) -> Self {
        let doing: Vec<&str> = statements.iter().map(|statement| statement.doing.as_str()).collect();
        Self { ledger: Some(ledger), name, digest: digest(&doing) }
    }

    /// One of them by itself.
    pub(in crate::copy) fn statement(&self, nth: usize, statement: &Statement) -> Self {
        match self.ledger {
            None => Self { ledger: None, name: String::new(), digest: String::new() },
            Some(ledger) => Self::of(ledger, format!("{}, statement {nth}", self.name), std::slice::from_ref(statement)),
        }
    }

    /// The notes on them, if they were done before.
    pub(in crate::copy) fn notes(&self) -> Option<&[String]> {
        self.ledger?.done_as(&self.name, &self.digest).map(|done| done.notes.as_slice())
    }

    /// What writes down that they are done, with a note if there is one.
    pub(in crate::copy) fn line(&self, note: Option<&str>) -> String {
        let done = Done { notes: note.map(str::to_owned).into_iter().collect(), ..Done::default() };
        self.ledger.map(|ledger| ledger.line(&self.name, &self.digest, &done)).unwrap_or_default()
    }
}
