//! Live progress of a run: lines that stay for what is durable, and a picture of what is at work, redrawn in place.

use super::{bytes, count, hang, rate, seconds};
use crate::args::Format;
use crate::screen::{Screen, Style, width};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use restage_core::name::StepId;
use restage_core::plan::Plan;
use restage_core::provider::{self, ItemProgress};
use restage_core::run::{Event, Observer, What};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often plain progress lines are written where nothing can be redrawn.
const PLAIN_EVERY: Duration = Duration::from_secs(10);
/// Items drawn below a step at work.
const ITEMS_SHOWN: usize = 6;

/// Where what is said of a step begins.
const DETAIL_COLUMN: usize = 12;
/// Where a step's title begins, after its state and time.
const TITLE_COLUMN: usize = 21;

/// Draws what it hears of a run.
pub(crate) struct Progress {
    plan: Plan,
    screen: Screen,
    live: Option<MultiProgress>,
    steps: Mutex<BTreeMap<StepId, AtWork>>,
}

/// A step at work.
struct AtWork {
    since: Instant,
    bars: Vec<ProgressBar>,
    last_line: Instant,
}

impl Progress {
    pub(crate) fn new(plan: &Plan, screen: Screen) -> Self {
        let live = screen.is_live().then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(8)));
        Self { plan: plan.clone(), screen, live, steps: Mutex::default() }
    }

    fn say(&self, text: &str) {
        self.aside(|screen| screen.talk(text));
    }

    /// Says something above what is drawn over itself.
    fn aside(&self, say: impl FnOnce(Screen)) {
        match &self.live {
            Some(live) => live.suspend(|| say(self.screen)),
            None => say(self.screen),
        }
    }

    fn began(&self, step: StepId, verb: &str) {
        let now = Instant::now();
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        let bars = self.live.iter().map(|live| live.add(bar(&format!("{verb} {}. {}", step.0 + 1, self.title(step))))).collect();
        if let Some(before) = steps.insert(step, AtWork { since: now, bars, last_line: now }) {
            before.clear();
        }
    }

    fn ended(&self, step: StepId, style: Style, word: &str) {
        let at_work = self.steps.lock().unwrap_or_else(PoisonError::into_inner).remove(&step);
        let took = at_work.as_ref().map(|at_work| at_work.since.elapsed().as_secs_f64());
        if let Some(at_work) = at_work {
            at_work.clear();
        }
        let took = took.map_or_else(String::new, seconds);
        let title = hang(&format!("{:>2}. {}", step.0 + 1, self.title(step)), TITLE_COLUMN, 4, width());
        self.say(&format!("{} {took:>9}  {title}", self.screen.paint(style, &format!("{word:<9}"))));
    }

    fn title(&self, step: StepId) -> &str {
        &self.plan.step(step).title
    }

    fn draw(&self, step: StepId, at_work: &mut AtWork, progress: &provider::Progress) {
        let Some(live) = &self.live else {
            if at_work.last_line.elapsed() >= PLAIN_EVERY {
                at_work.last_line = Instant::now();
                self.screen.talk(&format!("            {:>2}. {}", step.0 + 1, line(progress, at_work.since.elapsed())));
            }
            return;
        };
        let wanted = 2 + progress.items.len().min(ITEMS_SHOWN);
        while at_work.bars.len() < wanted {
            let last = &at_work.bars[at_work.bars.len() - 1];
            at_work.bars.push(live.insert_after(last, bar("")));
        }
        while at_work.bars.len() > wanted {
            at_work.bars.pop().expect("there are more bars than wanted").finish_and_clear();
        }
        at_work.bars[1].set_message(cut(&format!("    {}", line(progress, at_work.since.elapsed()))));
        for (bar, item) in at_work.bars[2..].iter().zip(&progress.items) {
            bar.set_message(cut(&format!("      {}", item_line(item))));
        }
    }
}

impl AtWork {
    fn clear(self) {
        self.bars.into_iter().rev().for_each(|bar| bar.finish_and_clear());
    }
}

fn bar(message: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg}").expect("the template is constant and valid");
    ProgressBar::new_spinner().with_style(style).with_message(cut(message))
}

/// A live line must not wrap, or it cannot be drawn over.
fn cut(line: &str) -> String {
    line.chars().take(width().saturating_sub(1)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "shown to whole seconds and percent")]
fn line(progress: &provider::Progress, since: Duration) -> String {
    let elapsed = since.as_secs_f64();
    let mut parts = vec![];
    if let Some(total) = progress.bytes_total.filter(|total| *total > 0 && progress.bytes > 0) {
        let part = (progress.bytes as f64 / total as f64).min(1.0);
        parts.push(format!("{:.0} %", part * 100.0));
        parts.push(format!("{} of about {}", bytes(progress.bytes), bytes(total)));
        parts.push(rate(progress.bytes, elapsed));
        if part < 1.0 && elapsed > 2.0 {
            parts.push(format!("{} left", seconds(elapsed / part - elapsed)));
        }
    } else if progress.bytes > 0 {
        parts.push(format!("{}, {}", bytes(progress.bytes), rate(progress.bytes, elapsed)));
    }
    if progress.rows > 0 {
        parts.push(format!("{} rows", count(progress.rows)));
    }
    if !progress.doing.is_empty() {
        parts.insert(0, progress.doing.clone());
    }
    parts.join(", ")
}

fn item_line(item: &ItemProgress) -> String {
    let total = item.bytes_total.map(|total| format!(" of about {}", bytes(total))).unwrap_or_default();
    format!("{}  {} rows, {}{total}", item.name, count(item.rows), bytes(item.bytes))
}

impl Observer for Progress {
    fn event(&self, event: &Event) {
        if self.screen.format() == Format::Json {
            self.screen.json_line(event);
        }
        match &event.what {
            What::StepStarted { step } => self.began(*step, "doing"),
            What::UndoStarted { step } => self.began(*step, "undoing"),
            What::StepDone { step, .. } => self.ended(*step, Style::Green, "done"),
            What::UndoDone { step } => self.ended(*step, Style::Yellow, "undone"),
            What::StepFailed { step, failure, again } | What::UndoFailed { step, failure, again } => {
                let word = if *again { "trying again" } else { "failed" };
                self.ended(*step, Style::Red, word);
                self.aside(|screen| screen.talk_folded(&format!("{} [{}]", failure.message, failure.code.id()), DETAIL_COLUMN, 0));
            }
            What::Approved { by, step } => self.say(&format!("approved   {:>2}. by {by}", step.0 + 1)),
            What::ResumeAsked { by } => self.say(&format!("resumed by {by}")),
            What::UndoAsked { by } => self.say(&format!("undo asked by {by}")),
            What::CancelAsked { by } => self.say(&format!("cancelled by {by}")),
            What::RetireDone { step } => self.say(&format!("retired    {:>2}. {}", step.0 + 1, self.title(*step))),
            What::RunStarted { .. } | What::DriverStarted { .. } | What::RetireStarted { .. } => {}
        }
    }
    fn progress(&self, step: StepId, progress: &provider::Progress) {
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at_work) = steps.get_mut(&step) {
            self.draw(step, at_work, progress);
        }
    }
}
