//! The stage `check-http`: asks a URL until it answers as it should.

use super::reading::Reading;
use crate::document::{At, FromText, Text};
use crate::duration::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The deadline where none is given.
pub const DEFAULT_WITHIN: Duration = Duration::from_minutes(5);
/// The longest deadline.
pub const MAX_WITHIN: Duration = Duration::from_days(1);
/// The time between two requests where none is given.
pub const DEFAULT_EVERY: Duration = Duration::from_secs(5);
/// The shortest time between two requests.
pub const MIN_EVERY: Duration = Duration::from_millis(100);
/// The longest time between two requests.
pub const MAX_EVERY: Duration = Duration::from_hours(1);
/// The status that is expected where none is given.
pub const DEFAULT_STATUS: u16 = 200;

/// Asks a URL until it answers with the status and text, or the deadline is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckHttp {
    /// What is asked, with GET.
    pub url: HttpUrl,
    /// The status of a good answer.
    pub status: u16,
    /// Text that the body of a good answer contains.
    pub contains: Option<String>,
    /// The deadline.
    pub within: Duration,
    /// The time between two requests.
    pub every: Duration,
}

/// A URL that starts with `http://` or `https://` and holds no password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HttpUrl(String);

impl HttpUrl {
    /// Reads the URL, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let rest = rest.ok_or("the URL must start with `http://` or `https://`")?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err("the URL contains a user or password".into());
        }
        if authority.is_empty() || authority.starts_with(':') {
            return Err("the URL names no host".into());
        }
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err("the URL contains a space".into());
        }
        Ok(Self(text.to_owned()))
    }
    /// The URL as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromText for HttpUrl {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
    fn help(_text: &str) -> Option<String> {
        Some("write a URL such as `https://preprod.example/health`".into())
    }
}

impl TryFrom<String> for HttpUrl {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<HttpUrl> for String {
    fn from(url: HttpUrl) -> Self {
        url.0
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Asks a URL with GET, again and again, until it answers with the status and text; fails when the deadline is over.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "check-http")]
pub(super) struct WrittenCheckHttp {
    /// The URL, starting with `http://` or `https://`.
    url: String,
    /// The status of a good answer, 100 to 599; default 200. Redirects are not followed.
    #[schemars(range(min = 100, max = 599))]
    status: Option<u16>,
    /// Text that the body of a good answer contains; default any body.
    #[schemars(length(min = 1))]
    contains: Option<String>,
    /// The deadline, 1s to 1d; default 5m.
    within: Option<Text<Duration>>,
    /// The time between two requests, 100ms to 1h; default 5s.
    every: Option<Text<Duration>>,
}

impl WrittenCheckHttp {
    pub(super) fn read(&self, at: At<'_>, reading: &mut Reading<'_>) -> Option<CheckHttp> {
        let url = reading.findings.parse_str(at.key("url"), &self.url);
        let limits = Duration::from_secs(1)..=MAX_WITHIN;
        let within = reading.duration(at.key("within"), self.within.as_ref(), DEFAULT_WITHIN, limits);
        let every = reading.duration(at.key("every"), self.every.as_ref(), DEFAULT_EVERY, MIN_EVERY..=MAX_EVERY);
        Some(CheckHttp {
            url: url?,
            status: self.status.unwrap_or(DEFAULT_STATUS),
            contains: self.contains.clone(),
            within: within?,
            every: every?,
        })
    }
}
