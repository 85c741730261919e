//! `restage init`

use crate::args::{Common, Format, Init as Args};
use crate::fault::{Fault, exit};
use crate::project::{ENVIRONMENTS, SCENARIOS};
use crate::screen::Screen;
use restage_core::{Code, Error};
use std::fs;
use std::io::Write;
use std::path::Path;

const FILES: [(&str, &str); 2] = [
    (ENVIRONMENTS, include_str!("../../examples/environments.yaml")),
    ("scenarios/preprod.yaml", include_str!("../../examples/scenarios/preprod.yaml")),
];

pub(crate) fn run(common: &Common, args: &Args, screen: Screen) -> Result<u8, Fault> {
    let folder = args.folder.as_ref().unwrap_or(&common.directory);
    let existing = FILES.iter().map(|(name, _)| folder.join(name)).find(|path| path.exists());
    if let Some(path) = existing {
        let error = Code::FileUnreadable
            .error(format!("`{}` is there already", path.display()))
            .help("name another folder; nothing was written");
        return Err(error.into());
    }
    let scenarios = folder.join(SCENARIOS);
    fs::create_dir_all(&scenarios).map_err(|cause| unwritable(&scenarios, cause))?;
    for (name, text) in FILES {
        let path = folder.join(name);
        write_new(&path, text).map_err(|cause| unwritable(&path, cause))?;
        screen.talk(&format!("wrote {}", path.display()));
    }
    match screen.format() {
        Format::Json => screen.json(&FILES.map(|(name, _)| folder.join(name))),
        Format::Text => screen.data(&format!(
            "Next: write your addresses into {}, then run `restage check` and `restage plan preprod`.",
            folder.join(ENVIRONMENTS).display()
        )),
    }
    Ok(exit::DONE)
}

/// Never overwrites, even if somebody else writes at the same time.
fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    fs::File::options().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

fn unwritable(path: &Path, cause: std::io::Error) -> Error {
    Code::FileUnreadable
        .error(format!("cannot write `{}`", path.display()))
        .help("choose a folder that you may write to")
        .because(cause)
}
