//! How fast rows may be read.

use restage_core::size::ByteSize;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A rate that all workers keep together.
#[derive(Debug)]
pub(super) struct Pace {
    bytes_per_second: Option<u64>,
    /// When what was read so far would have been read at the rate.
    due: Mutex<Instant>,
}

impl Pace {
    pub(super) fn new(per_second: Option<ByteSize>) -> Self {
        Self { bytes_per_second: per_second.map(ByteSize::bytes), due: Mutex::new(Instant::now()) }
    }

    /// Waits until so many bytes more may have been read; the server waits, too, once the connection is full.
    pub(super) async fn keep(&self, bytes: usize) {
        let Some(rate) = self.bytes_per_second else { return };
        #[expect(clippy::cast_precision_loss, reason = "less than a byte in petabytes")]
        let lasts = Duration::from_secs_f64(bytes as f64 / rate as f64);
        let due = {
            let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
            // What was not used is lost, so that no pause is made up for at once.
            *due = (*due).max(Instant::now()) + lasts;
            *due
        };
        tokio::time::sleep_until(due).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn all_together_keep_the_rate() {
        let pace = Pace::new(Some(ByteSize::parse("1MB").unwrap()));
        let started = Instant::now();
        let reading = || async {
            for _ in 0..8 {
                pace.keep(256 << 10).await;
            }
        };
        tokio::join!(reading(), reading());
        assert_eq!(started.elapsed().as_millis(), 4_000);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_nobody_waits() {
        let started = Instant::now();
        Pace::new(None).keep(usize::MAX).await;
        assert_eq!(started.elapsed(), Duration::ZERO);
    }
}
