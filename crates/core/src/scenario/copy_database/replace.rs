//! How the new data takes the place of the old.

use super::WrittenCopyDatabase;
use crate::document::{At, Text};
use crate::duration::Duration;
use crate::scenario::reading::Reading;
use crate::scenario::stage::{ShadowStage, read_shadow};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How long the old database is kept where nothing is given.
pub const DEFAULT_RETAIN: Duration = Duration::from_days(1);
/// The longest time that an old database is kept.
const MAX_RETAIN: Duration = Duration::from_days(90);
/// How long transactions may take to end by themselves where nothing is given.
pub const DEFAULT_DRAIN: Duration = Duration::from_secs(5);
/// The longest time that transactions may take to end by themselves.
const MAX_DRAIN: Duration = Duration::from_hours(1);
/// The deadline for a swap where none is given.
pub const DEFAULT_SWAP_WITHIN: Duration = Duration::from_secs(30);
/// The longest deadline for a swap.
const MAX_SWAP_WITHIN: Duration = Duration::from_hours(1);

/// How the new data takes the place of the old.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Replace {
    /// A new database is made beside the old one and takes its name.
    Swap(Swap),
    /// The old database is emptied and filled in one transaction.
    InPlace,
}

/// How a new database takes the name of the old one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Swap {
    /// What runs on the new database before.
    pub before: Vec<ShadowStage>,
    /// How long transactions of the old database may take to end by themselves.
    pub drain: Duration,
    /// The deadline for ending sessions and renaming.
    pub within: Duration,
    /// How long the old database is kept.
    pub retain: Duration,
}

/// How the new data takes the place of the old.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "replace")]
pub(super) enum WrittenReplace {
    /// A new database is made beside the old one and takes its name within seconds. Needs the right to create databases
    /// and room for both; can be undone for as long as `retain` says.
    #[default]
    Swap,
    /// The old database is emptied and filled in one transaction: others see the old or the new data, never half of it.
    /// Cannot be undone.
    InPlace,
}

/// How the sessions of the target are ended for the swap.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "swap")]
pub(super) struct WrittenSwap {
    /// How long transactions may take to end by themselves before their sessions are ended, 0s to 1h; default 5s.
    drain: Option<Text<Duration>>,
    /// The deadline for ending sessions and renaming, 1s to 1h; default 30s. After it the old database stays in use.
    within: Option<Text<Duration>>,
}

impl WrittenReplace {
    pub(super) fn read(self, stage: &WrittenCopyDatabase, at: At<'_>, reading: &mut Reading<'_>) -> Option<Replace> {
        let nothing = Duration::from_millis(0);
        let retain_at = at.key("retain");
        let retain = reading.duration(retain_at, stage.retain.as_ref(), DEFAULT_RETAIN, nothing..=MAX_RETAIN);
        let swap_at = at.key("swap");
        let drain = stage.swap.as_ref().and_then(|swap| swap.drain.as_ref());
        let drain = reading.duration(swap_at.key("drain"), drain, DEFAULT_DRAIN, nothing..=MAX_DRAIN);
        let within = stage.swap.as_ref().and_then(|swap| swap.within.as_ref());
        let limits = Duration::from_secs(1)..=MAX_SWAP_WITHIN;
        let within = reading.duration(swap_at.key("within"), within, DEFAULT_SWAP_WITHIN, limits);
        let before = read_shadow(&stage.before_swap, at.key("before-swap"), reading);
        match self {
            Self::Swap => Some(Replace::Swap(Swap { before: before?, drain: drain?, within: within?, retain: retain? })),
            Self::InPlace => {
                refuse_keys_of_swap(at, reading);
                Some(Replace::InPlace)
            }
        }
    }
}

fn refuse_keys_of_swap(at: At<'_>, reading: &mut Reading<'_>) {
    if at.key("replace").is_doubtful() {
        return;
    }
    for (key, why) in [
        ("retain", "there is no old database to keep"),
        ("swap", "nothing is swapped"),
        ("before-swap", "no new database is there to run on"),
    ] {
        if at.has(key) {
            let span = at.key(key).heading();
            let finding = reading.findings.add(span, format!("`{key}` does not go with `replace: in-place`: {why}"));
            finding.help(format!("remove `{key}`, or write `replace: swap`"));
        }
    }
    let migrations = at.key("migrations");
    if migrations.has("apply") {
        let why = "`apply` does not go with `replace: in-place`: no new database is there to migrate";
        reading.findings.add(migrations.key("apply").heading(), why).help("remove `apply`, or write `replace: swap`");
    }
}
