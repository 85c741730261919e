//! The queue that a migrator tells of itself.

use super::asked::{place, wrong};
use crate::args::Common;
use crate::args::migrate::{RunMigrations, SignalFormat};
use crate::desk::folder;
use restage_core::Result;
use restage_core::duration::Duration;
use restage_core::provider::Queues;
use restage_core::provider::queue::{LocalQueue, Queue, SqsName, SqsQueue};
use restage_core::signal::{Format, HeartbeatSeconds};
use restage_providers::aws::Aws;
use restage_providers::clock::SystemClock;
use restage_providers::migrator::Telling;
use restage_providers::queues::SqsQueues;
use restage_store::Store;
use std::sync::Arc;

/// The longest time between two signs of life.
const MAX_HEARTBEAT: Duration = Duration::from_hours(1);

/// Where and how a migrator tells of itself, if it was asked to.
pub(super) async fn telling(common: &Common, args: &RunMigrations, aws: &Aws) -> Result<Option<Telling>> {
    let heartbeat = heartbeat(&args.heartbeat)?;
    let Some(text) = &args.signals else { return Ok(None) };
    let format = match args.signal_format {
        SignalFormat::Current => Format::Current,
        SignalFormat::Older => Format::Older,
    };
    let (queue, queues): (Queue, Arc<dyn Queues>) = match text.split_once(':') {
        Some(("sqs", name)) => {
            let name = SqsName::parse(name).map_err(wrong)?;
            (Queue::Sqs(SqsQueue::new(name, place(&args.which)?)), Arc::new(SqsQueues::new(aws.clone())))
        }
        Some(("local", name)) => {
            let name = LocalQueue::parse(name).map_err(wrong)?;
            let store = Store::open(folder::store(common)?).await?;
            (Queue::Local(name), Arc::new(store.queues(Arc::new(SystemClock))))
        }
        _ => return Err(wrong(format!("`--signals {text}` names no queue: write `sqs:NAME`, `sqs:URL` or `local:NAME`"))),
    };
    Ok(Some(Telling { queues, queue, format, heartbeat }))
}

fn heartbeat(text: &str) -> Result<Option<HeartbeatSeconds>> {
    let duration = Duration::parse(text).map_err(wrong)?;
    let (whole, rest) = (duration.as_millis() / 1_000, duration.as_millis() % 1_000);
    if rest != 0 || duration > MAX_HEARTBEAT {
        return Err(wrong(format!("`--heartbeat {text}` is not a number of whole seconds up to {MAX_HEARTBEAT}")));
    }
    Ok(u32::try_from(whole).ok().filter(|seconds| *seconds > 0).map(HeartbeatSeconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_is_whole_seconds_or_none() {
        assert_eq!(heartbeat("30s").unwrap(), Some(HeartbeatSeconds(30)));
        assert_eq!(heartbeat("1m30s").unwrap(), Some(HeartbeatSeconds(90)));
        assert_eq!(heartbeat("0s").unwrap(), None);
        for text in ["500ms", "2h", "30", ""] {
            assert!(heartbeat(text).is_err(), "{text}");
        }
    }
}
