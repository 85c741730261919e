//! Time, as far as a run waits and writes down when it began.

use std::time::Duration;

use futures::future::BoxFuture;

/// Waits, and says what time it is.
pub trait Clock: Send + Sync {
    /// Returns when so much time has passed.
    fn wait(&self, time: Duration) -> BoxFuture<'_, ()>;
    /// The present as `yyyy-MM-dd HH:mm:ss` in local time.
    fn timestamp(&self) -> String;
}

/// The clock of the system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn wait(&self, time: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(time))
    }

    fn timestamp(&self) -> String {
        jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S").to_string()
    }
}
