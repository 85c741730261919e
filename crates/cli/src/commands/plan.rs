//! `restage plan`

use crate::args::{Chosen, Common, Format, Plan as Args};
use crate::desk::Desk;
use crate::fault::{Fault, exit};
use crate::project::{Prepared, Project};
use crate::render;
use crate::screen::Screen;
use restage_core::Result;
use restage_core::facts::Facts;
use restage_core::plan::{self, Plan};

pub(crate) async fn run(common: &Common, args: &Args, screen: Screen) -> Result<u8, Fault> {
    let desk = Desk::open(common, screen).await?;
    let plan = make(&desk, common, &args.scenario).await?;
    match screen.format() {
        Format::Text => screen.data(&render::plan(&plan, screen)),
        Format::Json => screen.json(&serde_json::json!({ "digest": plan.digest(), "plan": plan })),
    }
    Ok(exit::DONE)
}

/// Reads the files, looks at the world, and decides.
pub(crate) async fn make(desk: &Desk, common: &Common, chosen: &Chosen) -> Result<Plan, Fault> {
    let prepared = Project::read(&common.directory)?.prepare(&chosen.scenario, &chosen.answers)?;
    let facts = look(desk, &prepared).await?;
    decide(&prepared, &facts)
}

/// Looks at the world.
pub(crate) async fn look(desk: &Desk, prepared: &Prepared) -> Result<Facts> {
    desk.world().gather(&prepared.family.root, &prepared.family.nested, &prepared.environments, &prepared.folder).await
}

/// Decides what is to be done.
pub(crate) fn decide(prepared: &Prepared, facts: &Facts) -> Result<Plan, Fault> {
    let asked = plan::Asked {
        family: &prepared.family,
        environments: &prepared.environments,
        files: &prepared.files,
        folder: &prepared.folder,
    };
    Ok(plan::plan(asked, facts)?)
}
