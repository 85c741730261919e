//! Queues of messages in the store, for migrations that need no queue elsewhere.
//!
//! A look at one shows everything that is there, what others have received included.

use crate::store::Store;
use crate::trouble::{self, Trouble};
use jiff::Timestamp;
use restage_core::provider::queue::{Count, Delivered, LocalQueue, Outgoing, Peeked, Queue, QueuedId, QueuedMessage, Receipt};
use restage_core::provider::{Clock, Queues};
use restage_core::{Code, Result};
use rusqlite::{Connection, Row, params};
use std::sync::Arc;
use std::time::Duration;

/// How long a message that was received is hidden from others unless it is deleted.
pub const HIDDEN_FOR: Duration = Duration::from_secs(30);
/// The messages of one queue; the oldest go first.
pub const MAX_MESSAGES: u32 = 10_000;
/// The most messages that are received at once, as elsewhere.
const MAX_RECEIVED: u32 = 10;
/// How long receiving waits between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The queues of a store.
#[derive(Clone)]
pub struct LocalQueues {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl Store {
    /// The queues of this store; a queue is there once something is sent to it.
    pub fn queues(&self, clock: Arc<dyn Clock>) -> LocalQueues {
        LocalQueues { store: self.clone(), clock }
    }
}

#[async_trait::async_trait]
impl Queues for LocalQueues {
    async fn send(&self, queue: &Queue, message: &Outgoing) -> Result<()> {
        let (queue, message, now) = (local(queue)?, message.clone(), self.clock.now());
        self.store.write(move |transaction| Ok(send(transaction, &queue, &message, now)?)).await
    }

    async fn peek(&self, queue: &Queue) -> Result<Peeked> {
        let (queue, now_ms) = (local(queue)?, self.now_ms());
        self.store
            .read(move |transaction| {
                let query = "SELECT number, text, sent_at FROM queue_messages WHERE queue = ? ORDER BY number";
                let mut statement = transaction.prepare_cached(query)?;
                let mut rows = statement.query([queue.as_str()])?;
                let mut messages = Vec::new();
                while let Some(row) = rows.next()? {
                    messages.push(message(row)?);
                }
                Ok(Peeked { messages, count: count(transaction, &queue, now_ms)? })
            })
            .await
    }

    async fn receive(&self, queue: &Queue, wait: Duration) -> Result<Vec<Delivered>> {
        let until = self.clock.now().saturating_add(wait).unwrap_or(Timestamp::MAX);
        loop {
            let (queue, now_ms) = (local(queue)?, self.now_ms());
            let received = self.store.write(move |transaction| receive(transaction, &queue, now_ms)).await?;
            if !received.is_empty() || self.clock.now() >= until {
                return Ok(received);
            }
            self.clock.sleep(LOOK_EVERY).await;
        }
    }

    async fn delete(&self, queue: &Queue, receipt: &Receipt) -> Result<()> {
        let (queue, receipt) = (local(queue)?, receipt.0.clone());
        self.store
            .write(move |transaction| {
                let delete = "DELETE FROM queue_messages WHERE queue = ? AND number = CAST(? AS INTEGER)";
                transaction.prepare_cached(delete)?.execute(params![queue.as_str(), receipt])?;
                Ok(())
            })
            .await
    }

    async fn purge(&self, queue: &Queue) -> Result<()> {
        let queue = local(queue)?;
        self.store
            .write(move |transaction| {
                transaction.execute("DELETE FROM queue_messages WHERE queue = ?", [queue.as_str()])?;
                Ok(())
            })
            .await
    }

    async fn count(&self, queue: &Queue) -> Result<Count> {
        let (queue, now_ms) = (local(queue)?, self.now_ms());
        self.store.read(move |transaction| count(transaction, &queue, now_ms)).await
    }
}

impl LocalQueues {
    fn now_ms(&self) -> i64 {
        self.clock.now().as_millisecond()
    }
}

fn local(queue: &Queue) -> Result<LocalQueue> {
    match queue {
        Queue::Local(queue) => Ok(queue.clone()),
        Queue::Sqs(_) => Err(Code::QueueMissing.error(format!("`{queue}` is a queue of Amazon SQS, not of restage's store"))),
    }
}

fn send(connection: &Connection, queue: &LocalQueue, message: &Outgoing, now: Timestamp) -> rusqlite::Result<()> {
    let insert = "INSERT INTO queue_messages (queue, send_id, text, sent_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";
    let values = params![queue.as_str(), message.id.as_str(), message.text, now.to_string()];
    connection.prepare_cached(insert)?.execute(values)?;
    let oldest = "DELETE FROM queue_messages WHERE queue = ?1 AND number <= (
                      SELECT number FROM queue_messages WHERE queue = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)";
    connection.prepare_cached(oldest)?.execute(params![queue.as_str(), MAX_MESSAGES])?;
    Ok(())
}

fn receive(connection: &Connection, queue: &LocalQueue, now_ms: i64) -> Result<Vec<Delivered>, Trouble> {
    let query = "SELECT number, text, sent_at FROM queue_messages WHERE queue = ? AND hidden_until_ms <= ? ORDER BY number LIMIT ?";
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query(params![queue.as_str(), now_ms, MAX_RECEIVED])?;
    let mut received = Vec::new();
    while let Some(row) = rows.next()? {
        let message = message(row)?;
        received.push(Delivered { receipt: Receipt(message.id.0.clone()), message });
    }
    let hidden_until_ms = now_ms.saturating_add(i64::try_from(HIDDEN_FOR.as_millis()).unwrap_or(i64::MAX));
    let mut hide = connection.prepare_cached("UPDATE queue_messages SET hidden_until_ms = ? WHERE number = CAST(? AS INTEGER)")?;
    for delivered in &received {
        hide.execute(params![hidden_until_ms, delivered.receipt.0])?;
    }
    Ok(received)
}

fn count(connection: &Connection, queue: &LocalQueue, now_ms: i64) -> Result<Count, Trouble> {
    let query = "SELECT count(*) FILTER (WHERE hidden_until_ms <= ?2), count(*) FILTER (WHERE hidden_until_ms > ?2)
                 FROM queue_messages WHERE queue = ?1";
    let mut statement = connection.prepare_cached(query)?;
    let values = params![queue.as_str(), now_ms];
    Ok(statement.query_row(values, |row| Ok(Count { waiting: row.get(0)?, in_flight: row.get(1)?, delayed: 0 }))?)
}

fn message(row: &Row<'_>) -> Result<QueuedMessage, Trouble> {
    let (number, text, sent): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let damaged = |error: jiff::Error| trouble::damaged(format!("message {number} of a queue has no moment")).because(error);
    let sent = sent.parse().map_err(damaged)?;
    Ok(QueuedMessage { id: QueuedId(number.to_string()), text, sent })
}
