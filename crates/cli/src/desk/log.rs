//! Carries what commands say into the store's log.

use jiff::Timestamp;
use restage_core::Result;
use restage_core::name::{RunId, StepId};
use restage_providers::jobs::Output;
use restage_store::{LogLine, Store, Stream};

/// The logs of every run of a store.
pub(super) struct Log {
    store: Store,
}

impl Log {
    pub(super) fn new(store: Store) -> Self {
        Self { store }
    }
}

#[async_trait::async_trait]
impl Output for Log {
    async fn lines(&self, run: &RunId, step: StepId, lines: Vec<String>) -> Result<()> {
        let at = Timestamp::now();
        let lines = lines.into_iter().map(|text| LogLine { at, step: Some(step), stream: Stream::Out, text });
        self.store.append_log(run, lines.collect()).await
    }
}
