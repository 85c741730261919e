//! Whether what a runbook says of the target is so.

use crate::content::Door;
use crate::invariants::{Held, Shows, require};
use crate::world::State;

/// What runbooks say of a target, and what must then be so.
const SENTENCES: [(&str, Claim); 3] = [
    ("has not been touched", Claim::Untouched),
    ("shows its old data again", Claim::In(Shows::Old)),
    ("shows the refreshed data", Claim::In(Shows::New)),
];

#[derive(Clone, Copy)]
enum Claim {
    Untouched,
    In(Shows),
}

/// Each part of the sentence is about the target it names, or about every target if it names none.
pub(crate) fn of_target(sentence: &str, state: &State) -> Held {
    for part in sentence.split("; ") {
        let named: Vec<_> = state.scene.targets.keys().filter(|spot| part.contains(&spot.to_string())).collect();
        for (spot, target) in state.scene.targets.iter().filter(|(spot, _)| named.is_empty() || named.contains(spot)) {
            for (words, claim) in SENTENCES.iter().filter(|(words, _)| part.contains(words)) {
                let database = &state.databases[spot];
                let holds = match claim {
                    Claim::Untouched => state.before.get(spot) == Some(database),
                    Claim::In(wanted) => state.shows(spot, target)? == *wanted && database.door == Door::Open,
                };
                require(holds, || format!("its runbook says that the target {words}, and {spot} is {database:?}"))?;
            }
        }
    }
    Ok(())
}
