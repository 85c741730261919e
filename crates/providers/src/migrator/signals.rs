//! What a migrator tells a queue of itself: every stage, a heartbeat, and how it ended.
//!
//! Messages are made at once and sent aside, several at a time, so that no queue holds a migration up; their numbers say in which
//! order they were made. The last one is sent alone when all others have had their chance.

mod door;

use super::Audience;
use door::Door;
use futures::StreamExt as _;
use restage_core::provider::queue::{Outgoing, Queue};
use restage_core::provider::{Clock, Queues};
use restage_core::signal::{ExitStatus, Format, HeartbeatSeconds, MigratorId, Progress, Signal, Writer};
use restage_core::{Code, Result};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How often a migrator is heard of unless it is told otherwise.
pub const DEFAULT_HEARTBEAT: HeartbeatSeconds = HeartbeatSeconds(30);
/// Messages that wait to be sent; beyond that, stages are left out.
const MAX_WAITING: usize = 10_000;
/// Messages that are sent at the same time.
const MAX_AT_ONCE: usize = 8;
/// How long messages may still be sent once the migrator has ended, before the last one.
const REST_LIMIT: Duration = Duration::from_secs(10);
/// How long the last message is tried.
const LAST_LIMIT: Duration = Duration::from_secs(30);

/// Where a migrator tells of itself, and how.
#[derive(Clone)]
pub struct Telling {
    /// What reaches the queue.
    pub queues: Arc<dyn Queues>,
    /// The queue.
    pub queue: Queue,
    /// How messages are written.
    pub format: Format,
    /// The time between two signs of life; without one, silence says nothing.
    pub heartbeat: Option<HeartbeatSeconds>,
}

/// How long sending may take once a migrator has ended.
#[derive(Clone, Copy)]
struct Limits {
    rest: Duration,
    last: Duration,
}

/// The messages of one migrator.
pub(crate) struct Signals {
    pen: Arc<Pen>,
    door: Arc<Door>,
    waiting: Mutex<mpsc::Receiver<Item>>,
    heartbeat: Option<HeartbeatSeconds>,
    limits: Limits,
    delivery: Mutex<Option<JoinHandle<()>>>,
    beating: Mutex<Option<JoinHandle<()>>>,
}

/// What is made of progress, and when.
struct Pen {
    writer: Mutex<Writer>,
    migrator: MigratorId,
    clock: Arc<dyn Clock>,
    outbox: mpsc::Sender<Item>,
    left_out: AtomicU64,
}

/// A message, or that none follows.
type Item = Option<Outgoing>;

impl Signals {
    pub(crate) fn new(telling: &Telling, migrator: &MigratorId, clock: Arc<dyn Clock>, audience: Arc<dyn Audience>) -> Self {
        let (outbox, waiting) = mpsc::channel(MAX_WAITING);
        let writer = Mutex::new(Writer::new(migrator.clone(), telling.format, telling.heartbeat));
        let door = Door::new(telling.queues.clone(), telling.queue.clone(), clock.clone(), audience);
        let pen = Pen { writer, migrator: migrator.clone(), clock, outbox, left_out: AtomicU64::new(0) };
        Self {
            pen: Arc::new(pen),
            door: Arc::new(door),
            waiting: Mutex::new(waiting),
            heartbeat: telling.heartbeat,
            limits: Limits { rest: REST_LIMIT, last: LAST_LIMIT },
            delivery: Mutex::default(),
            beating: Mutex::default(),
        }
    }

    /// Sends the first message, waits until the queue has it, and lets the others follow.
    pub(crate) async fn begin(&self) -> Result<()> {
        if let Some(first) = self.pen.write(|writer, now| writer.progress(Progress::Started, now)) {
            self.door.attempt(&first).await?;
        }
        let (_, nobody) = mpsc::channel(1);
        let waiting = std::mem::replace(&mut *lock(&self.waiting), nobody);
        *lock(&self.delivery) = Some(tokio::spawn(deliver(self.door.clone(), waiting)));
        if let Some(period) = self.heartbeat {
            *lock(&self.beating) = Some(tokio::spawn(beat(self.pen.clone(), period)));
        }
        Ok(())
    }

    /// Tells of progress, and waits for nothing.
    pub(crate) fn tell(&self, progress: Progress) {
        self.pen.put(|writer, now| writer.progress(progress, now));
    }

    /// Tells how the migrator ended, when what was told before is sent or has had its time.
    pub(crate) async fn end(&self, status: ExitStatus) {
        let beating = lock(&self.beating).take();
        beating.inspect(JoinHandle::abort);
        let delivery = lock(&self.delivery).take();
        if let Some(delivery) = delivery {
            self.end_delivery(delivery).await;
        }
        let left_out = self.pen.left_out.load(Ordering::Relaxed);
        if left_out > 0 {
            let told = format!("messages about stages that were not sent to `{}`: {left_out}", self.door.queue());
            self.door.tell(&Code::QueueUnreachable.error(told));
        }
        let Some(last) = self.pen.write(|writer, now| writer.end(status, now)) else { return };
        if let Err(error) = self.door.deliver_last(&last, self.limits.last).await {
            let told = format!(
                "the last message, of exit status {}, was not sent to `{}`: {}",
                status.number(),
                self.door.queue(),
                error.message
            );
            let help = "whoever waits for it hears nothing more of this migrator; tell them, or purge the queue";
            self.door.tell(&error.code.error(told).help(help));
        }
    }

    async fn end_delivery(&self, mut delivery: JoinHandle<()>) {
        let all = async {
            // Nobody listens any more only if the delivery itself has broken off.
            let _ = self.pen.outbox.send(None).await;
            (&mut delivery).await
        };
        match tokio::time::timeout(self.limits.rest, all).await {
            Ok(Ok(())) => {}
            Ok(Err(panic)) => self.door.tell(&Code::QueueUnreachable.error("sending messages broke off").because(panic)),
            Err(_) => {
                delivery.abort();
                let waiting = MAX_WAITING - self.pen.outbox.capacity();
                self.pen.left_out.fetch_add(waiting.max(1) as u64, Ordering::Relaxed);
            }
        }
    }
}

impl Pen {
    /// The message that `make` makes now, if it makes one.
    fn write(&self, make: impl FnOnce(&mut Writer, jiff::Timestamp) -> Option<Signal>) -> Option<Outgoing> {
        let now = self.clock.now();
        let signal = make(&mut lock(&self.writer), now)?;
        Some(Outgoing::of(&signal, &self.migrator, now))
    }

    fn put(&self, make: impl FnOnce(&mut Writer, jiff::Timestamp) -> Option<Signal>) {
        if let Some(message) = self.write(make)
            && self.outbox.try_send(Some(message)).is_err()
        {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Sends what comes, until nothing follows.
async fn deliver(door: Arc<Door>, waiting: mpsc::Receiver<Item>) {
    let door = &door;
    let messages = futures::stream::unfold(waiting, |mut waiting| async {
        let message = waiting.recv().await.flatten()?;
        Some((message, waiting))
    });
    messages.for_each_concurrent(MAX_AT_ONCE, |message| async move { door.deliver(&message).await }).await;
}

/// Gives signs of life until it is ended.
async fn beat(pen: Arc<Pen>, period: HeartbeatSeconds) {
    loop {
        pen.clock.sleep(period.period()).await;
        pen.put(Writer::heartbeat);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
