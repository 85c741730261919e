//! `restage explain`

use crate::args::{Explain as Args, Format};
use crate::fault::{Fault, exit};
use crate::screen::Screen;
use restage_core::Code;

pub(crate) fn run(args: &Args, screen: Screen) -> Result<u8, Fault> {
    let Some(id) = &args.code else {
        list(screen);
        return Ok(exit::DONE);
    };
    let code = Code::find(id).ok_or_else(|| {
        Code::UnknownCode.error(format!("there is no error code `{id}`")).help("`restage explain` lists all of them")
    })?;
    match screen.format() {
        Format::Text => screen.data(code.page()),
        Format::Json => screen.json(&serde_json::json!({ "code": code.id(), "page": code.page() })),
    }
    Ok(exit::DONE)
}

fn list(screen: Screen) {
    let title = |code: &Code| code.page().lines().next().unwrap_or_default().trim_start_matches("# ").to_owned();
    match screen.format() {
        Format::Text => Code::ALL.iter().for_each(|code| screen.data(&title(code))),
        Format::Json => screen.json(&Code::ALL.iter().map(|code| (code.id(), title(code))).collect::<Vec<_>>()),
    }
}
