//! What is known of migrators, in words.

use super::exit::ExitStatus;
use super::following::{Followed, State};
use std::fmt;

impl State {
    /// Whether it will do nothing any more, as far as one can know.
    pub fn is_over(&self) -> bool {
        match self {
            Self::Nothing | Self::Running { .. } => false,
            Self::Silent { .. } | Self::Ended { .. } | Self::EndedWithoutCode { .. } => true,
        }
    }

    /// Whether it said that it has done what it was to do.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Ended { status: ExitStatus::Success, .. })
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing was heard of it"),
            Self::Running { reached, heard } => write!(f, "alive as far as one can know, {reached}, heard at {heard:.0}"),
            Self::Silent { reached, heard, missed } => {
                write!(f, "presumed dead since {heard:.0}, when it was {reached}: {missed} heartbeats did not come")
            }
            Self::Ended { status, heard } => write!(f, "ended with exit status {} at {heard:.0}", status.number()),
            Self::EndedWithoutCode { heard } => write!(f, "ended badly at {heard:.0}, and does not say with which exit status"),
        }
    }
}

impl fmt::Display for Followed {
    /// Such as `process 7 on `host`, started at …: ended with exit status 2 at …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.sender, self.state)
    }
}
