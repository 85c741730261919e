//! Scenarios and observations in; plans, refusals and findings out, as golden files to be reviewed as prose.

/// The simulation's made-up observations; it builds its samples on the same file.
#[cfg(test)]
#[path = "../../sim/src/samples/facts.rs"]
mod facts;

#[cfg(test)]
mod golden {
    mod case;
    mod text;

    mod plans;
    mod refusals;
    mod deployments;
    mod findings;
    mod digests;
    mod diagnoses;
}
