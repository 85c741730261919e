//! A run is the fold of its events: recovery and ordinary progress are the same code.

mod advance;
mod control;
mod event;
mod limits;
mod retire;
mod rules;
mod state;

pub use advance::{Drive, advance};
pub use control::{Asked, Cancel, Journal, Lease, Observer, Request, RequestId, Requests, Seq};
pub use event::{Event, Person, What};
pub use limits::Limits;
pub use retire::{Due, retirable, retire};
pub use rules::{Believe, Rules, Sound};
pub use state::{Direction, Next, Outcome, Park, Run, StepState, StepTimes};
