//! `restage runs`

use crate::args::{Common, Format, Runs as Args};
use crate::desk::Desk;
use crate::fault::{Fault, exit};
use crate::render;
use crate::screen::Screen;

pub(crate) async fn run(common: &Common, args: &Args, screen: Screen) -> Result<u8, Fault> {
    let desk = Desk::open(common, screen).await?;
    let reports = desk.reports(args.limit).await?;
    match screen.format() {
        Format::Text => screen.data(&render::runs(&reports, screen)),
        Format::Json => screen.json(&reports),
    }
    Ok(exit::DONE)
}
