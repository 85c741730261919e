//! The run's papers: its journal, who holds the lease, and what people ask.

use crate::faults::{Point, Trouble, When};
use crate::variant::Watched;
use crate::world::{Process, State};
use restage_core::name::StepId;
use restage_core::provider::Progress;
use restage_core::run::{Asked, Event, Journal, Lease, Observer, Person, Request, RequestId, Requests, Seq, What};
use restage_core::{Code, Error, Result};

/// Everything durable about the run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Papers {
    /// Events, each written as text and read back, as from a store.
    events: Vec<Event>,
    pub(crate) requests: Vec<Asked>,
    asked: i64,
}

impl Papers {
    /// The journal.
    pub(crate) fn events(&self) -> &[Event] {
        &self.events
    }
    /// The journal, an event a line.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.events.iter().map(|event| serde_json::to_string(event).expect("events are plain data")).collect()
    }
    /// Somebody asks for something.
    pub(crate) fn request(&mut self, by: &str, request: Request) {
        self.asked += 1;
        self.requests.push(Asked { id: RequestId(self.asked), by: Person(by.into()), request });
    }
    fn write(&mut self, event: &Event) {
        let line = serde_json::to_vec(event).expect("events are plain data");
        self.events.push(serde_json::from_slice(&line).expect("what was written can be read"));
    }
}

#[async_trait::async_trait]
impl Journal for Process {
    async fn append(&self, at: Seq, event: &Event) -> Result<()> {
        self.latency().await;
        match self.try_append(at, event) {
            Some(result) => result,
            None => futures::future::pending().await,
        }
    }
    async fn read(&self) -> Result<Vec<Event>> {
        Ok(self.world.lock().papers.events().to_vec())
    }
}

impl Process {
    fn try_append(&self, at: Seq, event: &Event) -> Option<Result<()>> {
        let mut state = self.world.lock();
        if state.crashed {
            return None;
        }
        state.enter(self.id, "append");
        let index = state.extent.appends;
        state.extent.appends += 1;
        Some(match state.schedule.troubles.get(&Point::Append(index)).copied() {
            Some(Trouble::Crash(when)) => {
                if when == When::After {
                    state.append(self.id, at, event).ok();
                }
                state.crashed = true;
                return None;
            }
            Some(Trouble::Fails(when, _)) => {
                if when == When::After {
                    state.append(self.id, at, event).ok();
                }
                Err(state.refuse(self.id, Code::StoreUnusable, "the simulated disk is full"))
            }
            Some(Trouble::Overtaken) => {
                let event = Event { at: state.time.now, what: What::DriverStarted { driver: "another".into() } };
                state.papers.write(&event);
                state.append(self.id, at, &event)
            }
            Some(Trouble::LeaseLost) => {
                state.holder = None;
                state.append(self.id, at, event)
            }
            Some(Trouble::Asks(ask)) => {
                state.ask(ask);
                state.append(self.id, at, event)
            }
            _ => state.append(self.id, at, event),
        })
    }
}

impl State {
    fn append(&mut self, process: u32, at: Seq, event: &Event) -> Result<()> {
        if at.0 != self.papers.events.len() as u64 {
            return Err(self.refuse(process, Code::LeaseLost, "another process wrote to the journal"));
        }
        self.papers.write(event);
        Ok(())
    }

    /// From here on that process knows that it must not go on.
    fn refuse(&mut self, process: u32, code: Code, why: &str) -> Error {
        self.gone.insert(process);
        self.excuse = Some(code);
        code.error(why)
    }
}

#[async_trait::async_trait]
impl Lease for Process {
    async fn renew(&self) -> Result<()> {
        let mut state = self.world.lock();
        if state.holder == Some(self.id) {
            return Ok(());
        }
        Err(state.refuse(self.id, Code::LeaseLost, "another process holds the lease"))
    }
}

#[async_trait::async_trait]
impl Requests for Process {
    async fn open(&self) -> Result<Vec<Asked>> {
        Ok(self.world.lock().papers.requests.clone())
    }
    async fn settle(&self, id: RequestId) -> Result<()> {
        self.world.lock().papers.requests.retain(|asked| asked.id != id);
        Ok(())
    }
}

impl Observer for Process {
    fn event(&self, event: &Event) {
        let mut state = self.world.lock();
        if state.watched == Watched::Closely && state.papers.events().last() != Some(event) {
            state.violate(format!("an event was told before it was durable: {event:?}"));
        }
    }
    fn progress(&self, _: StepId, _: &Progress) {}
}
