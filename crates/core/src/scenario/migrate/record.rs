//! Where it is recorded which version a database has.

use crate::document::{At, Text};
use crate::environment::{AwsEndpoint, AwsPlace, AwsRegion, ParameterName};
use crate::scenario::reading::Reading;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What says whether migrations are needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recorded {
    /// The database's own history.
    InHistory,
    /// A file, relative to the scenario's folder.
    InFile(PathBuf),
    /// A parameter of SSM's parameter store.
    InParameter {
        /// Which.
        name: ParameterName,
        /// Where AWS is asked.
        place: AwsPlace,
    },
}

/// When migrations are run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "migrate-when")]
pub enum When {
    /// Where the newest script is above the recorded version.
    #[default]
    Needed,
    /// Whatever is recorded.
    Always,
}

/// `history`, or one of `file` and `parameter`.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum WrittenRecord {
    /// A word.
    Word(WrittenWord),
    /// A place.
    Place(WrittenPlace),
}

/// The database's own history.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum WrittenWord {
    /// The database's own history.
    History,
}

/// Where the version of a database is recorded beside its history. Either `file` or `parameter` says where.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "record")]
pub(super) struct WrittenPlace {
    /// A file that holds the version and nothing else, relative to the scenario's folder.
    #[schemars(length(min = 1))]
    file: Option<String>,
    /// The name of a parameter in SSM's parameter store.
    parameter: Option<Text<ParameterName>>,
    /// The region of AWS; default that of AWS's own configuration.
    region: Option<Text<AwsRegion>>,
    /// Another address than AWS's own.
    endpoint: Option<Text<AwsEndpoint>>,
}

impl WrittenRecord {
    pub(super) fn read(&self, at: At<'_>, reading: &mut Reading<'_>) -> Option<Recorded> {
        match self {
            Self::Word(WrittenWord::History) => Some(Recorded::InHistory),
            Self::Place(place) => place.read(at, reading),
        }
    }
}

impl WrittenPlace {
    fn read(&self, at: At<'_>, reading: &mut Reading<'_>) -> Option<Recorded> {
        let findings = &mut reading.findings;
        let place = AwsPlace::read(self.region.as_ref(), self.endpoint.as_ref(), at, findings);
        match (&self.file, &self.parameter) {
            (Some(file), None) => {
                for key in ["region", "endpoint"].into_iter().filter(|key| at.has(key)) {
                    findings.at(at.key(key), format!("a file has no `{key}`")).help("remove it, or name a `parameter`");
                }
                Some(Recorded::InFile(PathBuf::from(file)))
            }
            (None, Some(name)) => {
                let name = findings.parse(at.key("parameter"), name);
                Some(Recorded::InParameter { name: name?, place: place? })
            }
            (Some(_), Some(_)) => {
                let finding =
                    findings.add(at.key("parameter").heading(), "the version is recorded both in a `file` and a `parameter`");
                finding.help("keep one of them");
                None
            }
            (None, None) => {
                if !at.is_doubtful() {
                    let finding = findings.at(at, "nothing says where the version is recorded");
                    finding.help("write `history`, or one of `{ file: PATH }` and `{ parameter: NAME }`");
                }
                None
            }
        }
    }
}
