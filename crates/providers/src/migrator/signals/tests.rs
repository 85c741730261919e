//! What becomes of messages where a queue breaks.

use super::*;
use restage_core::Error;
use restage_core::provider::queue::{Count, Delivered, LocalQueue, Peeked, Receipt};
use restage_core::signal::{HostName, ProcessId};

/// A queue that takes a message only where its plan says so.
struct Moody {
    /// What becomes of the attempts, the first at the end; those behind the plan succeed.
    plan: Mutex<Vec<Mood>>,
    /// What it does once the plan is at its end.
    then: Mood,
    taken: Mutex<Vec<String>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Takes,
    /// It may pass.
    Unreachable,
    Forbids,
}

impl Moody {
    fn new(plan: &[Mood], then: Mood) -> Arc<Self> {
        let plan = plan.iter().rev().copied().collect();
        Arc::new(Self { plan: Mutex::new(plan), then, taken: Mutex::default() })
    }
}

#[async_trait::async_trait]
impl Queues for Moody {
    async fn send(&self, _: &Queue, message: &Outgoing) -> Result<()> {
        tokio::task::yield_now().await;
        match lock(&self.plan).pop().unwrap_or(self.then) {
            Mood::Takes => lock(&self.taken).push(message.text.clone()),
            Mood::Unreachable => return Err(Code::QueueUnreachable.error("gone").passing()),
            Mood::Forbids => return Err(Code::QueueForbidden.error("forbidden")),
        }
        Ok(())
    }
    async fn peek(&self, _: &Queue) -> Result<Peeked> {
        unreachable!("a migrator only sends")
    }
    async fn receive(&self, _: &Queue, _: Duration) -> Result<Vec<Delivered>> {
        unreachable!("a migrator only sends")
    }
    async fn delete(&self, _: &Queue, _: &Receipt) -> Result<()> {
        unreachable!("a migrator only sends")
    }
    async fn purge(&self, _: &Queue) -> Result<()> {
        unreachable!("a migrator only sends")
    }
    async fn count(&self, _: &Queue) -> Result<Count> {
        unreachable!("a migrator only sends")
    }
}

/// A clock that waits for nothing.
struct Hasty;

#[async_trait::async_trait]
impl Clock for Hasty {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }
    async fn sleep(&self, _: Duration) {
        tokio::task::yield_now().await;
    }
}

/// Remembers what it was told.
#[derive(Default)]
struct Ear(Mutex<Vec<String>>);

impl Audience for Ear {
    fn warn(&self, error: &Error) {
        lock(&self.0).push(error.message.clone());
    }
}

fn signals(queues: &Arc<Moody>, ear: &Arc<Ear>) -> Signals {
    let queue = Queue::Local(LocalQueue::parse("q").unwrap());
    let telling = Telling { queues: queues.clone(), queue, format: Format::Current, heartbeat: None };
    let migrator = MigratorId { host: HostName("h".into()), pid: ProcessId(1), started: jiff::Timestamp::UNIX_EPOCH };
    let mut signals = Signals::new(&telling, &migrator, Arc::new(Hasty), ear.clone());
    signals.limits = Limits { rest: Duration::from_millis(50), last: Duration::from_millis(50) };
    signals
}

fn heard(ear: &Ear) -> Vec<String> {
    lock(&ear.0).clone()
}

#[tokio::test]
async fn a_queue_that_breaks_is_told_of_once_and_gets_every_message_with_the_last_one_at_the_end() {
    let (queues, ear) =
        (Moody::new(&[Mood::Takes, Mood::Unreachable, Mood::Unreachable, Mood::Forbids], Mood::Takes), Arc::new(Ear::default()));
    let signals = signals(&queues, &ear);
    signals.begin().await.unwrap();
    signals.tell(Progress::Connected);
    signals.end(ExitStatus::MigrationFailed).await;
    let taken = lock(&queues.taken).clone();
    assert_eq!(taken.len(), 3, "{taken:?}");
    assert!(taken[0].contains("Started") && taken[1].contains("Connected") && taken[2].contains("\"exitCode\":2"), "{taken:?}");
    assert_eq!(heard(&ear), ["messages do not get through, and are tried again: gone"]);
}

#[tokio::test]
async fn a_queue_that_cannot_be_reached_at_first_is_an_error() {
    let (queues, ear) = (Moody::new(&[], Mood::Unreachable), Arc::new(Ear::default()));
    assert_eq!(signals(&queues, &ear).begin().await.unwrap_err().code, Code::QueueUnreachable);
}

#[tokio::test]
async fn what_a_queue_never_takes_is_given_up_at_the_limit_and_counted() {
    let (queues, ear) = (Moody::new(&[Mood::Takes], Mood::Unreachable), Arc::new(Ear::default()));
    let signals = signals(&queues, &ear);
    signals.begin().await.unwrap();
    signals.tell(Progress::Connected);
    signals.end(ExitStatus::Success).await;
    let told = heard(&ear);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[1].contains("messages about stages that were not sent to `q`: 1"), "{told:?}");
    assert!(told[2].contains("the last message, of exit status 0, was not sent to `q`: gone"), "{told:?}");
}

#[tokio::test]
async fn a_last_message_that_is_forbidden_is_not_tried_again() {
    let (queues, ear) = (Moody::new(&[Mood::Takes, Mood::Forbids], Mood::Takes), Arc::new(Ear::default()));
    let signals = signals(&queues, &ear);
    signals.begin().await.unwrap();
    signals.end(ExitStatus::Success).await;
    assert_eq!((lock(&queues.taken).len(), heard(&ear).len()), (1, 1));
}

#[tokio::test]
async fn more_messages_than_may_wait_are_left_out_and_counted_and_the_last_one_is_sent() {
    let (queues, ear) = (Moody::new(&[], Mood::Takes), Arc::new(Ear::default()));
    let mut signals = signals(&queues, &ear);
    // However slow the machine is, all that may wait is sent.
    signals.limits.rest = Duration::from_mins(5);
    signals.begin().await.unwrap();
    // Nothing is sent before this test waits for something.
    (0..=MAX_WAITING).for_each(|_| signals.tell(Progress::Connected));
    signals.end(ExitStatus::Success).await;
    assert!(heard(&ear)[0].ends_with("not sent to `q`: 1"), "{:?}", heard(&ear));
    assert!(lock(&queues.taken).last().unwrap().contains("Finished"));
}
