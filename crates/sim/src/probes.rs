//! Conditions: each holds after a few looks, unless it never does.

use crate::faults::Trouble;
use crate::world::{Process, State};
use restage_core::Result;
use restage_core::provider::{Condition, Look, Probes};

#[async_trait::async_trait]
impl Probes for Process {
    async fn look(&self, condition: &Condition) -> Result<Look> {
        let name = format!("{condition:?}");
        self.call("look", |state: &mut State, _| Ok(state.look(&name))).await
    }
}

impl State {
    fn look(&mut self, condition: &str) -> Look {
        if self.lasting.get("look") == Some(&Trouble::NeverHolds) {
            return Look::NotYet("nothing".into());
        }
        let left = self.looks_left.entry(condition.to_owned()).or_default();
        if *left == 0 {
            return Look::Holds("what was wanted".into());
        }
        *left -= 1;
        Look::NotYet("not quite".into())
    }
}
