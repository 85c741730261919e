//! What a copy may ask of both servers.

use crate::document::{At, Text};
use crate::scenario::reading::Reading;
use crate::size::ByteSize;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU16;

/// What a copy may ask of both servers, so that production does not feel it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CopyLimits {
    /// Sessions on the source at a time; one of them only keeps the snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_connections: Option<NonZeroU16>,
    /// Rows read from the source per second, in bytes, by all sessions together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_rate: Option<ByteSize>,
    /// Memory on the target for indexes that are made at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index_memory: Option<ByteSize>,
}

impl CopyLimits {
    /// Whether there are none.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// What a copy may ask of both servers.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "copy-limits")]
pub(super) struct WrittenLimits {
    /// Sessions on the source at a time, 2 or more: one keeps the snapshot, the others read; default no limit but the
    /// number of workers.
    #[schemars(range(min = 2))]
    source_connections: Option<NonZeroU16>,
    /// Rows read from the source per second by all sessions together, as in `50MB`; default no limit.
    source_rate: Option<Text<ByteSize>>,
    /// Memory on the target for all indexes that are made at the same time, as in `2GB`; default the target's
    /// `shared_buffers`, or its `maintenance_work_mem` for each worker if that is more.
    index_memory: Option<Text<ByteSize>>,
}

impl WrittenLimits {
    pub(super) fn read(&self, at: At<'_>, reading: &mut Reading<'_>) -> CopyLimits {
        let mut size = |key: &str, written: &Option<Text<ByteSize>>| {
            written.as_ref().and_then(|size| reading.findings.parse(at.key(key), size))
        };
        let (source_rate, index_memory) = (size("source-rate", &self.source_rate), size("index-memory", &self.index_memory));
        CopyLimits { source_connections: self.source_connections, source_rate, index_memory }
    }
}
