//! Answers to prompts.

use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// An answer to a prompt.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum PromptValue {
    /// To a text or choice prompt.
    Text(String),
    /// To a number prompt, without a fraction.
    Whole(i64),
    /// To a number prompt.
    Decimal(f64),
    /// To a confirm prompt.
    Confirm(bool),
}

impl fmt::Display for PromptValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Whole(number) => number.fmt(f),
            Self::Decimal(number) => number.fmt(f),
            Self::Confirm(value) => value.fmt(f),
        }
    }
}

/// Answers as they were given, by the name of the prompt; not yet checked. They are never secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PromptValues(BTreeMap<String, String>);

impl PromptValues {
    /// The answer to a prompt.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
    /// The names that were answered.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl FromIterator<(String, String)> for PromptValues {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(answers: I) -> Self {
        Self(answers.into_iter().collect())
    }
}
