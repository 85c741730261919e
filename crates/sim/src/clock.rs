//! Virtual time: it stands still while anything can be done, and then goes on to the next moment anybody waits for.

use crate::world::{Process, State, World};
use jiff::Timestamp;
use restage_core::provider::Clock;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// More waits than any run that comes to an end has.
const MAX_SLEEPS: u64 = 100_000;

/// The present moment, and who waits for which.
#[derive(Clone, Debug)]
pub(crate) struct Time {
    pub(crate) now: Timestamp,
    sleepers: BTreeMap<(Timestamp, u64), Waker>,
    sleeps: u64,
}

impl Time {
    pub(crate) fn new() -> Self {
        let now = Timestamp::from_second(1_790_000_000).expect("a second of the year 2026");
        Self { now, sleepers: BTreeMap::new(), sleeps: 0 }
    }

    pub(crate) fn after(&self, time: Duration) -> Timestamp {
        self.now.saturating_add(time).unwrap_or(Timestamp::MAX)
    }
}

#[async_trait::async_trait]
impl Clock for Process {
    fn now(&self) -> Timestamp {
        self.world.lock().time.now
    }
    async fn sleep(&self, time: Duration) {
        self.world.sleep(time).await;
    }
}

impl World {
    /// Waits for so long.
    pub(crate) fn sleep(&self, time: Duration) -> Sleep {
        let until = self.lock().time.after(time);
        Sleep { world: self.clone(), until, place: None }
    }

    /// Drives a future to its end, or to the moment when its process is killed.
    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(woken.clone());
        let mut cx = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(value) = future.as_mut().poll(&mut cx) {
                return Some(value);
            }
            if self.lock().crashed {
                return None;
            }
            if !woken.0.swap(false, Ordering::AcqRel) && !self.pass_to_next() {
                return None;
            }
        }
    }

    /// Lets time pass, to the next sleeper's moment; false if nobody waits or everybody waits for ever.
    fn pass_to_next(&self) -> bool {
        let mut state = self.lock();
        let Some(((until, _), _)) = state.time.sleepers.first_key_value() else {
            state.violate("everybody waits, and nobody for a moment in time");
            return false;
        };
        let until = *until;
        if state.time.sleeps > MAX_SLEEPS {
            state.violate("the run does not come to an end");
            return false;
        }
        state.pass_until(until);
        let later = state.time.sleepers.split_off(&(until, u64::MAX));
        let due = std::mem::replace(&mut state.time.sleepers, later);
        drop(state);
        due.into_values().for_each(Waker::wake);
        true
    }

    /// Lets time pass while no driver is at work.
    pub(crate) fn pass(&self, time: Duration) {
        let mut state = self.lock();
        let until = state.time.after(time);
        state.pass_until(until);
    }
}

impl State {
    /// Jobs go on meanwhile.
    fn pass_until(&mut self, until: Timestamp) {
        while let Some((due, job)) = self.next_due(until) {
            self.time.now = due;
            self.work_on(&job);
        }
        self.time.now = until;
    }
}

/// A wait for a moment.
pub(crate) struct Sleep {
    world: World,
    until: Timestamp,
    place: Option<u64>,
}

impl Future for Sleep {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let world = self.world.clone();
        let mut state = world.lock();
        if state.time.now >= self.until {
            return Poll::Ready(());
        }
        let place = *self.place.get_or_insert_with(|| {
            state.time.sleeps += 1;
            state.time.sleeps
        });
        state.time.sleepers.insert((self.until, place), cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.world.lock().time.sleepers.remove(&(self.until, place));
        }
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}
