//! `restage run`

use super::agreed;
use super::plan::make;
use crate::args::{Common, Run as Args};
use crate::desk::Desk;
use crate::fault::{Fault, exit};
use crate::person::person;
use crate::render;
use crate::screen::Screen;
use restage_core::Code;
use restage_core::plan::Plan;

pub(crate) async fn run(common: &Common, args: &Args, screen: Screen) -> Result<u8, Fault> {
    let desk = Desk::open(common, screen).await?;
    let plan = make(&desk, common, &args.scenario).await?;
    screen.talk(&render::plan(&plan, screen));
    screen.talk("");
    if let Some(wanted) = &args.plan {
        expect_digest(&plan, wanted)?;
    }
    if !agreed(screen, "Do it?", args.yes)? {
        return Ok(exit::REFUSED);
    }
    let run = desk.save(plan, &person()).await?;
    screen.talk(&format!("run {run}"));
    desk.drive(&run).await
}

/// A digest's first characters are enough, if they are not too few to mean anything.
fn expect_digest(plan: &Plan, wanted: &str) -> Result<(), Fault> {
    const LEAST_CHARS: usize = 8;
    if wanted.len() >= LEAST_CHARS && plan.digest().starts_with(wanted) {
        return Ok(());
    }
    let error = Code::PlanStale
        .error(format!("the plan is now {}, not `{wanted}`", &plan.digest()[..12]))
        .help("read the plan above; the world or the scenario has changed since the other one was made");
    Err(error.into())
}
