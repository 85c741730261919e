//! `restage check`

use crate::args::{Common, Format};
use crate::fault::{Fault, exit};
use crate::project::Project;
use crate::render::plural;
use crate::screen::Screen;

pub(crate) fn run(common: &Common, screen: Screen) -> Result<u8, Fault> {
    let scenarios = Project::read(&common.directory)?.check()?;
    match screen.format() {
        Format::Text => screen.data(&format!("{} and the environments read well", plural(scenarios as u64, "scenario"))),
        Format::Json => screen.json(&serde_json::json!({ "problems": [], "scenarios": scenarios })),
    }
    Ok(exit::DONE)
}
