//! `restage undo`

use crate::args::{Common, OneRun};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::screen::Screen;
use restage_core::run::Request;

pub(crate) async fn run(common: &Common, args: &OneRun, screen: Screen) -> Result<u8, Fault> {
    let desk = Desk::open(common, screen).await?;
    let run = desk.find(&args.run).await?;
    desk.ask(&run, &[Request::Undo]).await
}
