//! Amazon Web Services: who asks, and whether parameters may be read.

use super::symptoms::{Access, Observed};
use super::{Finding, Notes, Severity, next};
use crate::error::Code;

pub(super) fn look(notes: &mut Notes<'_>) {
    let access = match &notes.symptoms.access {
        Observed::NotAsked => return,
        Observed::Failed(failure) => return notes.unchecked("aws", "AWS could not be asked".into(), failure),
        Observed::Seen(access) => access,
    };
    match &access.caller {
        Observed::NotAsked => {}
        Observed::Failed(failure) => {
            notes.unchecked("identity", "AWS does not say who asks: every other answer of AWS is in doubt".into(), failure);
        }
        Observed::Seen(caller) => notes.check("identity", caller.clone()),
    }
    parameters(access, notes);
}

fn parameters(access: &Access, notes: &mut Notes<'_>) {
    let (wanted, troubles) = match &access.parameters {
        Observed::NotAsked => return,
        Observed::Failed(failure) => return notes.unchecked("parameters", "parameters could not be looked at".into(), failure),
        Observed::Seen((wanted, troubles)) => (*wanted, troubles),
    };
    if troubles.is_empty() {
        return notes.check("parameters", "all that were asked for are there and may be read");
    }
    notes.check("parameters", format!("{} of {wanted} cannot be had", troubles.len()));
    for trouble in troubles {
        let failure = &trouble.failure;
        let could_be_asked = matches!(failure.code, Code::ParameterMissing | Code::ParameterForbidden);
        let severity = if could_be_asked { Severity::Blocking } else { Severity::Unchecked };
        let mut evidence = failure.causes.clone();
        evidence.extend(access.caller.seen().map(|caller| format!("AWS was asked by {caller}")));
        let mut finding = failure.message.clone();
        if could_be_asked {
            finding += ": a migrator would end with exit status 1";
        }
        let does = failure.help.clone().unwrap_or_else(|| "explains the error".into());
        let next = vec![next(&trouble.command, does), next(format!("restage explain {}", failure.code.id()), "tells the causes")];
        notes.find(Finding { severity, finding, evidence, next, fix: None });
    }
}
