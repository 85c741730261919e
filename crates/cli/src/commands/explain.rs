//! `restage explain`

use crate::args::{Explain as Args, Format};
use crate::fault::{Fault, exit};
use crate::render;
use crate::screen::{Screen, width};
use restage_core::Code;
use restage_core::signal::ExitStatus;
use std::io::IsTerminal;

pub(crate) fn run(args: &Args, screen: Screen) -> Result<u8, Fault> {
    let Some(id) = &args.code else {
        list(screen);
        return Ok(exit::DONE);
    };
    let code = Code::find(id).map(|code| (code.id(), code.page()));
    let found = code.or_else(|| ExitStatus::find(id).map(|status| (status.id(), status.page())));
    let (id, page) = found.ok_or_else(|| {
        Code::UnknownCode.error(format!("there is no error code `{id}`")).help("`restage explain` lists all of them")
    })?;
    match screen.format() {
        Format::Text if std::io::stdout().is_terminal() => screen.data(&render::reflow(page, width())),
        Format::Text => screen.data(page),
        Format::Json => screen.json(&serde_json::json!({ "code": id, "page": page })),
    }
    Ok(exit::DONE)
}

fn list(screen: Screen) {
    let codes = Code::ALL.iter().map(|code| (code.id(), code.page()));
    let statuses = ExitStatus::ALL.into_iter().map(|status| (status.id(), status.page()));
    let title = |page: &str| page.lines().next().unwrap_or_default().trim_start_matches("# ").to_owned();
    let all = codes.chain(statuses).map(|(id, page)| (id, title(page)));
    match screen.format() {
        Format::Text => all.for_each(|(_, title)| screen.data(&title)),
        Format::Json => screen.json(&all.collect::<Vec<_>>()),
    }
}
