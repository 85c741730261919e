//! The rules a driver lives by, apart from the driver, so that the suite can break one and see it caught.

use super::control::{Journal, Seq};
use super::event::Event;
use super::state::{Next, Run};
use crate::error::Result;

/// Which rule decides what is next, and when an event is believed.
#[async_trait::async_trait]
pub trait Rules: Send + Sync {
    /// What to do now.
    fn next(&self, run: &Run<'_>) -> Next;
    /// Makes an event durable and believes it.
    async fn believe(&self, believe: Believe<'_, '_>) -> Result<()>;
}

/// An event on its way into a run.
pub struct Believe<'a, 'p> {
    /// The run.
    pub run: &'a mut Run<'p>,
    /// Its journal.
    pub journal: &'a dyn Journal,
    /// What happened.
    pub event: Event,
}

/// The rules of the product.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sound;

#[async_trait::async_trait]
impl Rules for Sound {
    fn next(&self, run: &Run<'_>) -> Next {
        run.next()
    }
    /// Durable first, believed second.
    async fn believe(&self, believe: Believe<'_, '_>) -> Result<()> {
        believe.journal.append(Seq(believe.run.events()), &believe.event).await?;
        believe.run.apply(&believe.event)
    }
}
