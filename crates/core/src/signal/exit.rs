//! How a migrator ended.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How a migrator ended, as its exit status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "i64", into = "u8")]
pub enum ExitStatus {
    /// 0: the schema is as it should be.
    Success,
    /// 1: the configuration is incomplete or wrong; nothing was done.
    InvalidConfiguration,
    /// 2: a migration failed.
    MigrationFailed,
    /// 3: the models do not fit the schema.
    ValidationFailed,
    /// 4: anything that nobody foresaw.
    Unexpected,
}

impl ExitStatus {
    /// Every status in the order of the numbers.
    pub const ALL: [Self; 5] =
        [Self::Success, Self::InvalidConfiguration, Self::MigrationFailed, Self::ValidationFailed, Self::Unexpected];

    /// The number, which is also the process's.
    pub const fn number(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::InvalidConfiguration => 1,
            Self::MigrationFailed => 2,
            Self::ValidationFailed => 3,
            Self::Unexpected => 4,
        }
    }

    /// What `restage explain` calls it.
    pub const fn id(self) -> &'static str {
        self.entry().0
    }

    /// The page that explains it, in Markdown: what it means, likely causes, what to do.
    pub const fn page(self) -> &'static str {
        self.entry().1
    }

    /// The status with that id, in either case.
    pub fn find(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.id().eq_ignore_ascii_case(id))
    }

    const fn entry(self) -> (&'static str, &'static str) {
        match self {
            Self::Success => ("exit-0", include_str!("../../errors/exit-0.md")),
            Self::InvalidConfiguration => ("exit-1", include_str!("../../errors/exit-1.md")),
            Self::MigrationFailed => ("exit-2", include_str!("../../errors/exit-2.md")),
            Self::ValidationFailed => ("exit-3", include_str!("../../errors/exit-3.md")),
            Self::Unexpected => ("exit-4", include_str!("../../errors/exit-4.md")),
        }
    }

    /// The status of that number; a number without a meaning of its own is unexpected.
    pub fn of(number: i64) -> Self {
        Self::ALL.into_iter().find(|status| i64::from(status.number()) == number).unwrap_or(Self::Unexpected)
    }
}

impl fmt::Display for ExitStatus {
    /// The sentence that deployments look for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Migrator completed with exit status {}", self.number())
    }
}

impl From<i64> for ExitStatus {
    fn from(number: i64) -> Self {
        Self::of(number)
    }
}

impl From<ExitStatus> for u8 {
    fn from(status: ExitStatus) -> Self {
        status.number()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_tells_what_it_means_and_what_to_do() {
        for status in ExitStatus::ALL {
            let page = status.page();
            assert!(page.starts_with(&format!("# {}: ", status.id())), "{} needs its heading", status.id());
            assert!(page.contains("## What to do"), "{} must say what to do", status.id());
            assert_eq!(ExitStatus::find(&status.id().to_uppercase()), Some(status));
        }
    }
}
