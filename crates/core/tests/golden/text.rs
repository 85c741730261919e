//! Plans, findings and refusals as plain text.

use restage_core::name::StepId;
use restage_core::plan::{Finding, How, Level, Plan, PlannedStep, Refusals, Reversal};
use std::fmt::Write;

pub(super) fn plan(plan: &Plan) -> String {
    let mut text = format!("{}: {} → {}\n", plan.title, plan.from, plan.to);
    let limits = &plan.limits;
    let policy = serde_json::to_string(&plan.on_failure).unwrap();
    let _ = writeln!(text, "on failure {policy}; {} steps at a time; within {}", limits.concurrent_steps, limits.run_within);
    for target in &plan.targets {
        let _ = writeln!(text, "changes {target}");
    }
    match plan.point_of_no_return() {
        Some(step) => drop(writeln!(text, "no way back after step {step}")),
        None => text.push_str("every step can be taken back\n"),
    }
    let mut stage = "";
    for id in plan.ids() {
        let planned = plan.step(id);
        if planned.stage != stage {
            stage = &planned.stage;
            let _ = writeln!(text, "\n{stage}");
        }
        text.push_str(&step(plan, id, planned));
    }
    let findings = findings(plan);
    if findings.is_empty() { text } else { format!("{text}\n{findings}") }
}

fn step(plan: &Plan, id: StepId, planned: &PlannedStep) -> String {
    let needs: Vec<String> = planned.needs.iter().map(ToString::to_string).collect();
    let after = if needs.is_empty() { String::new() } else { format!(", after {}", needs.join(", ")) };
    let mut text = format!("  {id}. {} [{}] within {}{after}\n", planned.title, planned.step.kind(), planned.within);
    for effect in &planned.effects {
        let how = match effect.how {
            How::Reads => "reads",
            How::Creates => "creates",
            How::Changes => "changes",
            How::Destroys => "destroys",
        };
        let _ = writeln!(text, "     {how} {}", effect.what);
    }
    match &planned.reversal {
        Reversal::Full => {}
        Reversal::Leaves(what) => drop(writeln!(text, "     undo leaves {what}")),
        Reversal::Never(why) => drop(writeln!(text, "     no undo: {why}")),
    }
    if let Some(outlook) = plan.outlook.steps.get(&id) {
        let _ = writeln!(text, "     about {} rows, {} bytes, {:.1} s", outlook.rows, outlook.bytes, outlook.seconds);
    }
    text
}

/// Warnings first, then notes.
pub(super) fn findings(plan: &Plan) -> String {
    let mut findings: Vec<&Finding> = plan.outlook.findings.iter().collect();
    findings.sort_by_key(|finding| finding.level);
    let mut text = String::new();
    for Finding { level, message, help, .. } in findings {
        let level = match level {
            Level::Warning => "warning",
            Level::Note => "note",
        };
        let _ = writeln!(text, "{level}: {message}");
        if let Some(help) = help {
            let _ = writeln!(text, "  help: {help}");
        }
    }
    text
}

pub(super) fn refusals(refusals: &Refusals) -> String {
    let mut text = String::new();
    for error in &refusals.0 {
        let _ = writeln!(text, "refused [{}]: {}", error.code.id(), error.message);
        if let Some(help) = &error.help {
            let _ = writeln!(text, "  help: {help}");
        }
    }
    text
}
