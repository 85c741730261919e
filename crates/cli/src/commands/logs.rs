//! `restage logs`

use crate::args::{Common, Format, Logs as Args};
use crate::desk::Desk;
use crate::fault::{Fault, exit};
use crate::screen::Screen;
use jiff::tz::TimeZone;
use restage_store::{LineNumber, LogLine};
use std::time::Duration;

/// Lines read at once.
const PAGE: usize = 500;
/// How often new lines are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(300);

pub(crate) async fn run(common: &Common, args: &Args, screen: Screen) -> Result<u8, Fault> {
    let desk = Desk::open(common, screen).await?;
    let id = desk.find(&args.run.run).await?;
    let mut from = LineNumber::default();
    loop {
        let driven = desk.is_driven(&id).await?;
        let page = desk.store().log(&id, from, PAGE).await?;
        if page.dropped > 0 {
            screen.talk(&format!("({} older lines were dropped)", page.dropped));
        }
        for (_, line) in &page.lines {
            show(line, screen);
        }
        from = page.next;
        if page.lines.is_empty() {
            // The last look came after the driver was gone, so nothing can have been missed.
            if !args.follow || !driven {
                return Ok(exit::DONE);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

fn show(line: &LogLine, screen: Screen) {
    match screen.format() {
        Format::Json => screen.json_line(line),
        Format::Text => {
            let at = line.at.to_zoned(TimeZone::system()).strftime("%F %T");
            let step = line.step.map_or_else(|| "  ".into(), |step| format!("{:>2}", step.0 + 1));
            screen.data(&format!("{at} {step} {}", line.text));
        }
    }
}
