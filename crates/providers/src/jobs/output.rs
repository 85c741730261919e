//! What commands say, on its way to the run's log.

use restage_core::Result;
use restage_core::name::{RunId, StepId};

/// Takes what commands say.
#[async_trait::async_trait]
pub trait Output: Send + Sync {
    /// Takes whole lines, in order, without their ends. After an error the same lines come again.
    async fn lines(&self, run: &RunId, step: StepId, lines: Vec<String>) -> Result<()>;
}

/// Throws everything away.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoOutput;

#[async_trait::async_trait]
impl Output for NoOutput {
    async fn lines(&self, _: &RunId, _: StepId, _: Vec<String>) -> Result<()> {
        Ok(())
    }
}
