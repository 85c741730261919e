//! What a job's name says: its run and its step.

use restage_core::name::{JobName, RunId, StepId};
use restage_core::{Code, Result};

/// A job's run and step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct JobParts {
    pub(super) run: RunId,
    pub(super) step: StepId,
}

impl JobParts {
    /// Takes `<run>-<step>` and `<run>-<step>-undo` apart.
    pub(super) fn of(name: &JobName) -> Result<Self> {
        let text = name.as_str().strip_suffix("-undo").unwrap_or(name.as_str());
        let parts = text.rsplit_once('-').and_then(|(run, step)| Some((RunId::parse(run).ok()?, step.parse().ok()?)));
        let (run, step) = parts.ok_or_else(|| {
            Code::JournalCorrupt.error(format!("`{name}` is not the name of a job")).help("report this as a bug of restage")
        })?;
        Ok(Self { run, step: StepId(step) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_steps_and_of_their_undoing_are_taken_apart() {
        let (run, step) = (RunId::parse("012-456789").unwrap(), StepId(12));
        for name in [JobName::of(&run, step), JobName::undoing(&run, step)] {
            assert_eq!(JobParts::of(&name).unwrap(), JobParts { run: run.clone(), step });
        }
    }
}
