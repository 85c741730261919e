//! `restage retire`

use crate::args::{Common, Format, Retire as Args};
use crate::desk::Desk;
use crate::fault::{Fault, exit};
use crate::render::plural;
use crate::screen::Screen;
use restage_core::name::RunId;
use restage_core::provider::Stay;
use restage_core::run::Due;

pub(crate) async fn run(common: &Common, args: &Args, screen: Screen) -> Result<u8, Fault> {
    let desk = Desk::open(common, screen).await?;
    let due = if args.now { Due::Now } else { Due::Expired };
    let runs = match &args.run {
        Some(run) => vec![desk.find(run).await?],
        None => desk.all().await?,
    };
    let mut retired: Vec<(RunId, usize)> = Vec::new();
    for run in runs {
        let steps = desk.retire(&run, due, Stay::ToTheEnd).await?.len();
        if steps > 0 {
            retired.push((run, steps));
        }
    }
    match screen.format() {
        Format::Json => screen.json(&retired),
        Format::Text => {
            let count = retired.iter().map(|(_, steps)| *steps as u64).sum();
            screen.data(&format!("{} retired", plural(count, "old database")));
        }
    }
    Ok(exit::DONE)
}
