//! The plan: what is read, changed and destroyed, the steps, the estimates, the point of no return.

use super::{bytes, count, fold, seconds};
use crate::screen::{Screen, Style, width};
use restage_core::name::StepId;
use restage_core::plan::{How, Level, Plan, Reversal, StepOutlook};

/// Digits of a digest that are shown where people read.
const DIGEST_CHARS: usize = 12;

/// The plan as text.
pub(crate) fn plan(plan: &Plan, screen: Screen) -> String {
    let mut lines = vec![
        screen.paint(Style::Bold, &plan.title),
        format!("{} → {}   scenario {}   plan {}", plan.from, plan.to, plan.scenario, &plan.digest()[..DIGEST_CHARS]),
    ];
    effects(plan, screen, &mut lines);
    steps(plan, screen, &mut lines);
    totals(plan, &mut lines);
    findings(plan, screen, &mut lines);
    lines.join("\n")
}

fn effects(plan: &Plan, screen: Screen, lines: &mut Vec<String>) {
    let headings = [(How::Reads, "reads"), (How::Creates, "creates"), (How::Changes, "changes"), (How::Destroys, "destroys")];
    for (how, heading) in headings {
        let mut things: Vec<&str> = plan
            .steps
            .iter()
            .flat_map(|step| &step.effects)
            .filter(|effect| effect.how == how)
            .map(|effect| effect.what.as_str())
            .collect();
        things.sort_unstable();
        things.dedup();
        if things.is_empty() {
            continue;
        }
        lines.push(String::new());
        let style = if how == How::Destroys { Style::Red } else { Style::Bold };
        lines.push(screen.paint(style, heading));
        lines.extend(things.iter().map(|thing| fold(thing, 2, 2, width())));
    }
}

fn steps(plan: &Plan, screen: Screen, lines: &mut Vec<String>) {
    lines.push(String::new());
    lines.push(screen.paint(Style::Bold, "steps"));
    let no_return = plan.point_of_no_return();
    let mut stage = "";
    for id in plan.ids() {
        let step = plan.step(id);
        if step.stage != stage {
            stage = &step.stage;
            lines.push(format!("  {stage}"));
        }
        let outlook = plan.outlook.steps.get(&id).map(|outlook| format!(" ({})", expected(outlook))).unwrap_or_default();
        let beside = if comes_after_previous(plan, id) { "" } else { " (beside the step above)" };
        lines.push(fold(&format!("{:>2}. {}{outlook}{beside}", id.0 + 1, step.title), 2, 4, width()));
        if let Reversal::Leaves(what) = &step.reversal {
            lines.push(fold(&format!("undo leaves {what}"), 6, 2, width()));
        }
        if no_return == Some(id) {
            lines.push(screen.paint(Style::Red, "      ── point of no return: undo cannot bring the old state back after this ──"));
        }
    }
    if no_return.is_none() {
        let leaves = plan.ids().any(|id| matches!(plan.step(id).reversal, Reversal::Leaves(_)));
        let text = if leaves {
            "No point of no return: all but what undo leaves can be taken back, for as long as what was there before is kept."
        } else {
            "No point of no return: every step can be taken back for as long as the old database is kept."
        };
        lines.push(fold(text, 2, 0, width()));
    }
}

fn comes_after_previous(plan: &Plan, id: StepId) -> bool {
    id.0 == 0 || plan.step(id).needs.contains(&StepId(id.0 - 1))
}

fn expected(outlook: &StepOutlook) -> String {
    format!("about {} rows, {}, {}", count(outlook.rows), bytes(outlook.bytes), seconds(outlook.seconds))
}

fn totals(plan: &Plan, lines: &mut Vec<String>) {
    let total = plan.outlook.steps.values().fold(StepOutlook::default(), |sum, step| StepOutlook {
        rows: sum.rows + step.rows,
        bytes: sum.bytes + step.bytes,
        seconds: sum.seconds + step.seconds,
    });
    if total.bytes > 0 {
        lines.push(String::new());
        let text = format!("In all {}. Real servers differ from the estimate by a factor of three either way.", expected(&total));
        lines.push(fold(&text, 0, 0, width()));
    }
}

fn findings(plan: &Plan, screen: Screen, lines: &mut Vec<String>) {
    for (level, heading, style) in [(Level::Note, "notes", Style::Bold), (Level::Warning, "warnings", Style::Yellow)] {
        let found: Vec<_> = plan.outlook.findings.iter().filter(|finding| finding.level == level).collect();
        if found.is_empty() {
            continue;
        }
        lines.push(String::new());
        lines.push(screen.paint(style, heading));
        for finding in found {
            lines.push(fold(&format!("- {}", finding.message), 2, 2, width()));
            if let Some(help) = &finding.help {
                lines.push(fold(help, 4, 0, width()));
            }
        }
    }
}
