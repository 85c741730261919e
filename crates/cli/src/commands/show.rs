//! `restage show`

use crate::args::{Common, Format, OneRun};
use crate::desk::Desk;
use crate::fault::{Fault, exit};
use crate::render;
use crate::screen::{Screen, width};
use restage_core::report::Status;

pub(crate) async fn run(common: &Common, args: &OneRun, screen: Screen) -> Result<u8, Fault> {
    let desk = Desk::open(common, screen).await?;
    let id = desk.find(&args.run).await?;
    let report = desk.report(&id).await?;
    match screen.format() {
        Format::Json => screen.json(&report),
        Format::Text => {
            screen.data(&render::report(&report, screen));
            let is_driven = desk.is_driven(&id).await?;
            if matches!(report.status, Status::Running | Status::Undoing) {
                let mut standing = desk.driver_line(&id).await?;
                if let Some(target) = report.target.filter(|_| !is_driven) {
                    standing += &format!(" As far as its journal goes, {target}.");
                }
                screen.data(&format!("\n{}", render::fold(&standing, 0, 0, width())));
            }
        }
    }
    Ok(exit::DONE)
}
