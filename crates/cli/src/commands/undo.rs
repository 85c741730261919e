//! `restage undo`

use super::agreed;
use crate::args::{Common, OneRun};
use crate::desk::Desk;
use crate::fault::{Fault, exit};
use crate::render;
use crate::screen::Screen;
use restage_core::report::Status;
use restage_core::run::Request;

pub(crate) async fn run(common: &Common, args: &OneRun, screen: Screen) -> Result<u8, Fault> {
    let desk = Desk::open(common, screen).await?;
    let run = desk.find(&args.run).await?;
    let report = desk.report(&run).await?;
    // Whoever names no run may have another one in mind.
    if report.status == Status::Refreshed && !args.is_named() && screen.has_person() {
        screen.talk(&format!(
            "The last run is {run}: {} (`{}`), refreshed {}.",
            report.title,
            report.scenario,
            render::time(report.last_event.unwrap_or_default())
        ));
        if !agreed(screen, "Take it back?", false)? {
            return Ok(exit::REFUSED);
        }
    }
    desk.ask(&run, &[Request::Undo]).await
}
