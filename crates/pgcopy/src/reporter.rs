//! Progress, told to whoever wants to show it; the engine itself never prints.

use restage_core::provider::Progress;

/// Hears how far long work has come; calls are frequent and must return at once.
pub trait Reporter: Send + Sync {
    /// Takes the present state; it may be dropped.
    fn progress(&self, progress: Progress);
}

/// A reporter that nobody listens to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn progress(&self, _: Progress) {}
}
