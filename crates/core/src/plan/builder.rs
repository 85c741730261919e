//! Adds steps to a plan under way.

use super::{Finding, Level, Outlook, PlannedStep, Refusals, StepOutlook};
use crate::duration::Duration;
use crate::error::Error;
use crate::name::StepId;
use crate::steps::{Action, ReceiptOf, Step};
use std::collections::BTreeMap;

/// A plan under way: steps, findings and refusals gather here, stage by stage.
#[derive(Debug, Default)]
pub struct Builder {
    steps: Vec<PlannedStep>,
    findings: Vec<Finding>,
    refusals: Vec<Error>,
    outlooks: BTreeMap<StepId, StepOutlook>,
    stage: String,
    /// What every new step comes after.
    after: Vec<StepId>,
}

impl Builder {
    /// Steps added from here on belong to that stage.
    pub fn begin_stage(&mut self, stage: impl Into<String>) {
        self.stage = stage.into();
    }
    /// The present stage's title.
    pub fn stage(&self) -> &str {
        &self.stage
    }
    /// The steps that every new step comes after.
    pub fn after(&self) -> &[StepId] {
        &self.after
    }
    /// From here on, new steps come after these.
    pub fn continue_after(&mut self, after: Vec<StepId>) {
        self.after = after;
    }
    /// Adds a step; later ones come after it. Returns the promise of its receipt.
    pub fn then<A: Action>(&mut self, action: A, within: Duration) -> ReceiptOf<A>
    where
        Step: From<A>,
    {
        let receipt = self.add(action, within);
        self.after = vec![receipt.step];
        receipt
    }
    /// Adds a step beside those that follow: it comes after what came before, and nothing waits for it by itself.
    pub fn add<A: Action>(&mut self, action: A, within: Duration) -> ReceiptOf<A>
    where
        Step: From<A>,
    {
        let id = StepId(u32::try_from(self.steps.len()).expect("a plan has fewer than 2^32 steps"));
        let about = action.about();
        let mut needs = action.needs();
        needs.extend(self.after.iter().copied());
        needs.sort_unstable();
        needs.dedup();
        self.steps.push(PlannedStep {
            stage: self.stage.clone(),
            title: about.title,
            reversal: about.reversal,
            effects: about.effects,
            step: action.into(),
            needs,
            within,
        });
        ReceiptOf::new(id)
    }
    /// Notes that there can be no plan, and why.
    pub fn refuse(&mut self, error: Error) {
        self.refusals.push(error);
    }
    /// Notes what people should know.
    pub fn find(&mut self, level: Level, message: impl Into<String>, help: Option<&str>) {
        let (stage, message) = (self.stage.clone(), message.into());
        self.findings.push(Finding { level, stage, message, help: help.map(str::to_owned) });
    }
    /// Notes what is expected of a step.
    pub fn expect(&mut self, step: StepId, outlook: StepOutlook) {
        self.outlooks.insert(step, outlook);
    }
    /// The steps, and what is expected of them; or every reason why there can be no plan.
    pub fn finish(self) -> Result<(Vec<PlannedStep>, Outlook), Refusals> {
        if !self.refusals.is_empty() {
            return Err(Refusals(self.refusals));
        }
        Ok((self.steps, Outlook { findings: self.findings, steps: self.outlooks }))
    }
}
