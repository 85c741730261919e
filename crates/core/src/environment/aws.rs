//! Where something in Amazon Web Services is.

use crate::document::{At, Findings, FromText, Text};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest text that names something in AWS; parameters have the longest names.
const MAX_TEXT_CHARS: usize = 1_011;

/// Where AWS is asked. What is not given comes from where AWS's own tools take it: variables, `~/.aws/config`, the instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AwsPlace {
    /// The region.
    pub region: Option<AwsRegion>,
    /// Another address than AWS's own, such as one inside a private network.
    pub endpoint: Option<AwsEndpoint>,
}

impl AwsPlace {
    /// What stands under the keys `region` and `endpoint`; nothing where one of them is wrong.
    pub(crate) fn read(
        region: Option<&Text<AwsRegion>>,
        endpoint: Option<&Text<AwsEndpoint>>,
        at: At<'_>,
        findings: &mut Findings,
    ) -> Option<Self> {
        let region = region.map(|region| findings.parse(at.key("region"), region));
        let endpoint = endpoint.map(|endpoint| findings.parse(at.key("endpoint"), endpoint));
        let is_wrong = matches!(region, Some(None)) || matches!(endpoint, Some(None));
        (!is_wrong).then(|| Self { region: region.flatten(), endpoint: endpoint.flatten() })
    }
}

fn has_only(text: &str, others: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_TEXT_CHARS && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
}

fn region(text: &str) -> Result<(), String> {
    let fits = has_only(text, "-") && text.contains('-');
    if fits { Ok(()) } else { Err(format!("`{text}` is not a region of AWS, such as `us-east-1`")) }
}

fn endpoint(text: &str) -> Result<(), String> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let fits = host.is_some_and(|host| !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || "@?#".contains(c)));
    if fits { Ok(()) } else { Err(format!("`{text}` is not the address of an endpoint, such as `https://sqs.internal`")) }
}

fn parameter(text: &str) -> Result<(), String> {
    if has_only(text, "_.-/") {
        return Ok(());
    }
    Err(format!("`{text}` is not a name in SSM's parameter store: use a-z, A-Z, 0-9, `_`, `.`, `-` and `/`"))
}

fn path(text: &str) -> Result<(), String> {
    if text.starts_with('/') { parameter(text) } else { Err(format!("`{text}` is not a path of parameters: it starts with `/`")) }
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident by $check:ident;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);
        impl $name {
            /// Reads it, or says what is wrong with it.
            pub fn parse(text: &str) -> Result<Self, String> {
                $check(text).map(|()| Self(text.to_owned()))
            }
            /// Its text.
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
        impl FromText for $name {
            fn from_text(text: &str) -> Result<Self, String> { Self::parse(text) }
        }
    )* };
}

texts! {
    /// A region, such as `us-east-1`.
    AwsRegion by region;
    /// The address of an endpoint, without credentials.
    AwsEndpoint by endpoint;
    /// The full name of a parameter in SSM's parameter store.
    ParameterName by parameter;
    /// A path in SSM's parameter store; all parameters below it are meant.
    ParameterPath by path;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_cannot_be_meant_are_refused() {
        for (good, text) in [
            (AwsRegion::parse("us-gov-west-1").is_ok(), "us-gov-west-1"),
            (AwsEndpoint::parse("http://127.0.0.1:5000").is_ok(), "http://127.0.0.1:5000"),
            (ParameterPath::parse("/app/test/common/nonsensitive").is_ok(), "/app/test/common/nonsensitive"),
            (ParameterName::parse("schema-version").is_ok(), "schema-version"),
            (AwsRegion::parse("virginia").is_err(), "virginia"),
            (AwsEndpoint::parse("sqs.internal").is_err(), "sqs.internal"),
            (AwsEndpoint::parse("https://user:word@sqs.internal").is_err(), "https://user:word@sqs.internal"),
            (ParameterPath::parse("app/test").is_err(), "app/test"),
            (ParameterName::parse("/app/{{ env }}").is_err(), "/app/{{ env }}"),
            (ParameterName::parse("").is_err(), ""),
        ] {
            assert!(good, "{text}");
        }
    }
}
