//! Waits until a condition holds.

use super::Cx;
use super::action::{About, Action, Summary};
use crate::duration::Duration;
use crate::error::{Code, Result};
use crate::plan::How;
use crate::provider::{Condition, Look, Progress};
use serde::{Deserialize, Serialize};

/// Looks again and again until the condition holds or the deadline passes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwaitCondition {
    /// The condition.
    pub condition: Condition,
    /// The pause between two looks.
    pub every: Duration,
}

/// The receipt of waiting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Met {
    /// What was seen.
    pub seen: String,
    /// Looks it took.
    pub looks: u64,
}

impl AwaitCondition {
    fn wanted(&self) -> String {
        match &self.condition {
            Condition::Http { url, status, contains, .. } => {
                let text = contains.as_ref().map(|text| format!(" with `{text}`")).unwrap_or_default();
                format!("{url} answers {status}{text}")
            }
            Condition::Sql { query, returns: Some(returns), .. } => format!("`{query}` returns `{returns}`"),
            Condition::Sql { query, returns: None, .. } => format!("`{query}` returns a row"),
            Condition::Tcp { address } => format!("{address} accepts connections"),
            Condition::File { path } => format!("`{}` exists", path.display()),
            Condition::Command(spec) => format!("`{}` succeeds", spec.command),
        }
    }
}

impl Action for AwaitCondition {
    type Receipt = Met;
    fn about(&self) -> About {
        let wanted = self.wanted();
        About::new(format!("wait until {wanted}")).effect(How::Reads, wanted)
    }
    async fn run(&self, cx: &Cx<'_>) -> Result<Met> {
        let mut last = String::from("nothing yet");
        for looks in 1.. {
            if let Err(stop) = cx.go_on() {
                return Err(if stop.code == Code::DeadlinePassed { self.unmet(&last) } else { stop });
            }
            match cx.providers.probes.look(&self.condition).await? {
                Look::Holds(seen) => return Ok(Met { seen, looks }),
                Look::NotYet(seen) => last = seen,
            }
            cx.progress(&Progress { doing: format!("waiting: {last}"), ..Progress::default() });
            if let Err(stop) = cx.pause(self.every.as_std()).await {
                return Err(if stop.code == Code::DeadlinePassed { self.unmet(&last) } else { stop });
            }
        }
        unreachable!("the deadline ends the loop")
    }
    async fn undo(&self, _: &Cx<'_>, _: Option<Met>) -> Result<()> {
        Ok(())
    }
    fn summary(&self, receipt: Met) -> Summary {
        Summary { lines: vec![format!("{} (seen: {})", self.wanted(), receipt.seen)], ..Summary::default() }
    }
}

impl AwaitCondition {
    fn unmet(&self, last: &str) -> crate::Error {
        Code::ConditionUnmet
            .error(format!("waited in vain until {}; last seen: {last}", self.wanted()))
            .help("find out why, then `restage resume`; or give it more time with `within:`")
    }
}
