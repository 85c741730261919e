//! Names and ids as types, so that no bare string stands for an identity.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest name accepted in user files, in characters.
pub const MAX_NAME_CHARS: usize = 63;

fn valid(kind: &str, text: &str) -> Result<(), String> {
    let first_fits = text.chars().next().is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let rest_fits = text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_');
    if first_fits && rest_fits && text.len() <= MAX_NAME_CHARS {
        return Ok(());
    }
    Err(format!("`{text}` cannot name {kind}: use 1 to {MAX_NAME_CHARS} of a-z, 0-9, `-` and `_`, starting with a letter or digit"))
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $kind:literal;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $name(String);
        impl $name {
            /// Reads the name, or says what is wrong with it.
            pub fn parse(text: &str) -> Result<Self, String> {
                valid($kind, text).map(|()| Self(text.to_owned()))
            }
            /// The name as text.
            pub fn as_str(&self) -> &str { &self.0 }
        }
        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> { Self::parse(&text) }
        }
        impl From<$name> for String {
            fn from(name: $name) -> Self { name.0 }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }
    )* };
}

names! {
    /// The name of an environment, such as `preprod`.
    EnvironmentName = "an environment";
    /// The name of a scenario, which is also its file's name.
    ScenarioName = "a scenario";
    /// What a scenario calls a database; the server may call it otherwise.
    DatabaseName = "a database";
    /// The id of a run: ten characters of Crockford's base 32, lower case; unique and hard to guess.
    RunId = "a run";
}

/// A step's place in its plan, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub u32);

impl StepId {
    /// The index into the plan's steps.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0 + 1)
    }
}

/// Names a long piece of work for good, so that starting it twice is starting it once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobName(String);

impl JobName {
    /// The job of one step of one run.
    pub fn of(run: &RunId, step: StepId) -> Self {
        Self(format!("{run}-{}", step.0))
    }
    /// The job that takes one step of one run back.
    pub fn undoing(run: &RunId, step: StepId) -> Self {
        Self(format!("{run}-{}-undo", step.0))
    }
    /// The name as text; fits a file name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
