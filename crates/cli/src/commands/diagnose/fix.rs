//! Doing what is safe, one thing after the other: shown, agreed to, looked at once more, written down, done, written down.

use super::Consulting;
use crate::args::{Diagnose as Args, Format};
use crate::fault::{self, Fault};
use crate::person::{host, person};
use crate::screen::Screen;
use restage_core::diagnosis::{Diagnosis, Finding, Fix};
use restage_core::error::Failure;
use restage_core::provider::Clock;
use restage_core::{Code, Result};
use restage_providers::clock::SystemClock;
use restage_store::{FixNumber, FixOutcome, NewFix};
use serde::Serialize;

/// Fixes that are made in one go; what is not well after so many needs a person.
const MAX_FIXES: usize = 20;

/// A fix that was made, or tried.
#[derive(Serialize)]
pub(super) struct Fixed {
    number: FixNumber,
    fix: Fix,
    #[serde(flatten)]
    outcome: FixOutcome,
}

pub(super) async fn fix(consulting: &Consulting<'_>, first: Diagnosis, args: &Args, screen: Screen) -> Result<Vec<Fixed>, Fault> {
    let (mut seen, mut settled, mut fixes) = (first, Vec::new(), Vec::new());
    while settled.len() < MAX_FIXES {
        let Some((finding, fix)) = next(&seen, &settled) else { break };
        settled.push(fix.clone());
        if agreed(finding, &fix, args, screen)? {
            fixes.extend(make(consulting, &fix, screen).await?);
        }
        seen = consulting.look().await;
    }
    if settled.is_empty() {
        screen.talk("There is nothing that can be fixed safely; the findings say what to do.");
    }
    Ok(fixes)
}

fn next<'a>(seen: &'a Diagnosis, settled: &[Fix]) -> Option<(&'a Finding, Fix)> {
    let fixes = seen.findings.iter().filter_map(|finding| Some((finding, finding.fix.clone()?)));
    fixes.into_iter().find(|(_, fix)| !settled.contains(fix))
}

fn agreed(finding: &Finding, fix: &Fix, args: &Args, screen: Screen) -> Result<bool, Fault> {
    if args.fixing.yes {
        return Ok(true);
    }
    if !screen.has_person() {
        return Err(Code::WrongMoment.error("there is nobody to ask").help("add `--yes` to fix without asking").into());
    }
    screen.talk("");
    screen.talk_folded(&finding.finding, 0, 2);
    finding.evidence.iter().for_each(|evidence| screen.talk_folded(evidence, 2, 2));
    let agrees = screen.agrees(&format!("Shall I {fix}?"));
    screen.talk("");
    Ok(agrees)
}

/// Makes a fix, if what was agreed to is still so.
async fn make(consulting: &Consulting<'_>, fix: &Fix, screen: Screen) -> Result<Option<Fixed>> {
    let seen = consulting.look().await;
    let Some(finding) = seen.findings.iter().find(|finding| finding.fix.as_ref() == Some(fix)) else {
        screen.talk(&format!("It has changed meanwhile, so I do not {fix}."));
        return Ok(None);
    };
    let store = consulting.desk.store();
    let told = |text: &String| consulting.desk.world().redact(text);
    let begun = NewFix {
        at: SystemClock.now(),
        by: person(),
        subject: told(&consulting.asked.command),
        finding: told(&finding.finding),
        evidence: finding.evidence.iter().map(told).collect(),
        fix: fix.clone(),
    };
    let number = store.begin_fix(begun).await?;
    let outcome = match apply(consulting, fix).await {
        Ok(()) => {
            if screen.format() == Format::Text {
                screen.talk(&format!("Done: {fix}."));
            }
            FixOutcome::Done
        }
        Err(error) => {
            fault::show(&error, screen);
            FixOutcome::Failed { failure: Failure::from(&error) }
        }
    };
    store.end_fix(number, SystemClock.now(), outcome.clone()).await?;
    Ok(Some(Fixed { number, fix: fix.clone(), outcome }))
}

async fn apply(consulting: &Consulting<'_>, fix: &Fix) -> Result<()> {
    match (fix, consulting.target()) {
        (Fix::ReleaseLease { run }, Some(target)) => {
            consulting.desk.store().release_dead(&target, run, &host(), SystemClock.now()).await
        }
        _ => consulting.examiner.apply(&consulting.asked, fix).await,
    }
}
