//! Addresses of queues, as users write them.

use crate::document::{At, Findings, FromText, Text};
use crate::environment::{AwsEndpoint, AwsPlace, AwsRegion};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest name of a queue in Amazon SQS, in characters, with `.fifo`.
const MAX_SQS_NAME_CHARS: usize = 80;
/// How the names of FIFO queues end.
const FIFO: &str = ".fifo";

/// A queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Queue {
    /// In Amazon SQS.
    Sqs(SqsQueue),
    /// In restage's own store.
    Local(LocalQueue),
}

/// A queue in Amazon SQS, standard or FIFO.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqsQueue {
    /// Which.
    pub name: SqsName,
    /// Where AWS is asked.
    pub place: AwsPlace,
}

/// Which queue of Amazon SQS.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SqsName {
    /// The one of that name, of the account that asks.
    Name(String),
    /// The one at that URL, of whatever account.
    Url(String),
}

/// The name of a queue in restage's store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LocalQueue(String);

/// A queue of messages. Either `sqs` or `local` says which.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "queue")]
pub(crate) struct WrittenQueue {
    /// The name or the URL of a queue in Amazon SQS; the names of FIFO queues end with `.fifo`.
    sqs: Option<Text<SqsName>>,
    /// The name of a queue in restage's own store.
    local: Option<Text<LocalQueue>>,
    /// The region of AWS; default that of the URL, or of AWS's own configuration.
    region: Option<Text<AwsRegion>>,
    /// Another address than AWS's own.
    endpoint: Option<Text<AwsEndpoint>>,
}

impl SqsName {
    /// Reads a name or a URL, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let is_url = text.starts_with("https://") || text.starts_with("http://");
        let name = if is_url { text.rsplit('/').next().unwrap_or_default() } else { text };
        let plain = name.strip_suffix(FIFO).unwrap_or(name);
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if plain.is_empty() || name.len() > MAX_SQS_NAME_CHARS || !plain.chars().all(fits) {
            return Err(format!("`{text}` is neither the name nor the URL of a queue in Amazon SQS"));
        }
        Ok(if is_url { Self::Url(text.to_owned()) } else { Self::Name(text.to_owned()) })
    }

    /// The name alone.
    pub fn name(&self) -> &str {
        match self {
            Self::Name(name) => name,
            Self::Url(url) => url.rsplit('/').next().unwrap_or(url),
        }
    }

    /// Whether it is a FIFO queue.
    pub fn is_fifo(&self) -> bool {
        self.name().ends_with(FIFO)
    }

    /// What the URL says of where it is: AWS's own hosts name the region, others are the endpoint themselves.
    fn place(&self) -> AwsPlace {
        let Self::Url(url) = self else { return AwsPlace::default() };
        let Some((scheme, rest)) = url.split_once("://") else { return AwsPlace::default() };
        let host = rest.split('/').next().unwrap_or_default();
        let of_aws = host.strip_prefix("sqs.").and_then(|rest| rest.split_once(".amazonaws.com"));
        match of_aws {
            Some((region, _)) => AwsPlace { region: AwsRegion::parse(region).ok(), endpoint: None },
            None => AwsPlace { region: None, endpoint: AwsEndpoint::parse(&format!("{scheme}://{host}")).ok() },
        }
    }
}

impl SqsQueue {
    /// The queue of that name; what `place` does not say, its URL may.
    pub fn new(name: SqsName, place: AwsPlace) -> Self {
        let told = name.place();
        let place = AwsPlace { region: place.region.or(told.region), endpoint: place.endpoint.or(told.endpoint) };
        Self { name, place }
    }
}

impl LocalQueue {
    /// Reads the name, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        match SqsName::parse(text) {
            Ok(SqsName::Name(name)) => Ok(Self(name)),
            _ => Err(format!("`{text}` cannot name a queue: use 1 to {MAX_SQS_NAME_CHARS} of a-z, A-Z, 0-9, `-` and `_`")),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl WrittenQueue {
    pub(crate) fn read(&self, at: At<'_>, findings: &mut Findings) -> Option<Queue> {
        let place = AwsPlace::read(self.region.as_ref(), self.endpoint.as_ref(), at, findings);
        match (&self.sqs, &self.local) {
            (Some(name), None) => {
                let name = findings.parse(at.key("sqs"), name)?;
                Some(Queue::Sqs(SqsQueue::new(name, place?)))
            }
            (None, Some(name)) => {
                for key in ["region", "endpoint"].into_iter().filter(|key| at.has(key)) {
                    findings.at(at.key(key), format!("a local queue has no `{key}`")).help("remove it, or name a queue of `sqs`");
                }
                findings.parse(at.key("local"), name).map(Queue::Local)
            }
            (Some(_), Some(_)) => {
                findings.add(at.key("local").heading(), "the queue is both `sqs` and `local`").help("keep one of them");
                None
            }
            (None, None) => {
                if !at.is_doubtful() {
                    findings.at(at, "the queue is neither `sqs` nor `local`").help("add one: `{ sqs: NAME }` or `{ local: NAME }`");
                }
                None
            }
        }
    }
}

impl FromText for SqsName {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
}

impl FromText for LocalQueue {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
}

impl TryFrom<String> for SqsName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<SqsName> for String {
    fn from(name: SqsName) -> Self {
        match name {
            SqsName::Name(text) | SqsName::Url(text) => text,
        }
    }
}

impl TryFrom<String> for LocalQueue {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<LocalQueue> for String {
    fn from(name: LocalQueue) -> Self {
        name.0
    }
}

impl fmt::Display for Queue {
    /// The name by which people know it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqs(queue) => queue.name.name(),
            Self::Local(queue) => queue.as_str(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{self, Source};

    fn read(text: &str) -> Result<Queue, String> {
        let source = Source { name: "queue.yaml".into(), text: text.into() };
        let mut findings = Findings::new(&source);
        let queue = document::read(&source, &mut findings).and_then(|mut root| {
            let written = document::deserialize::<WrittenQueue>(&mut root, &mut findings)?;
            written.read(At::root(&root), &mut findings)
        });
        let messages: Vec<String> = findings.into_problems().into_iter().map(|problem| problem.message).collect();
        if messages.is_empty() { Ok(queue.expect("no problem")) } else { Err(messages.join("; ")) }
    }

    #[test]
    fn queues_are_read_as_users_write_them() {
        let region = |name: &str| Some(AwsRegion::parse(name).unwrap());
        let Ok(Queue::Sqs(plain)) = read("{ sqs: app-test-migrator.fifo, region: us-east-1 }") else { panic!("it is good") };
        assert_eq!(
            (plain.name.name(), plain.name.is_fifo(), plain.place.region),
            ("app-test-migrator.fifo", true, region("us-east-1"))
        );
        let Ok(Queue::Sqs(by_url)) = read("sqs: https://sqs.eu-west-2.amazonaws.com/123456789012/q") else { panic!("it is good") };
        assert_eq!((by_url.name.name(), by_url.place.region, by_url.place.endpoint), ("q", region("eu-west-2"), None));
        let Ok(Queue::Sqs(elsewhere)) = read("sqs: http://127.0.0.1:5000/123456789012/q") else { panic!("it is good") };
        assert_eq!(elsewhere.place.endpoint.unwrap().as_str(), "http://127.0.0.1:5000");
        assert_eq!(read("local: q").unwrap().to_string(), "q");
    }

    #[test]
    fn what_is_no_queue_is_said() {
        for (text, wanted) in [
            ("{ sqs: a, local: b }", "both `sqs` and `local`"),
            ("region: us-east-1", "neither `sqs` nor `local`"),
            ("{ local: q, region: us-east-1 }", "a local queue has no `region`"),
            ("sqs: two words", "neither the name nor the URL"),
            ("{ sqs: q, region: here }", "not a region of AWS"),
            ("local: https://sqs/q", "cannot name a queue"),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.contains(wanted), "{text}: {said}");
        }
    }
}
