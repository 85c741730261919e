//! The commands, one file each. Each returns its exit code.

pub(crate) mod approve;
pub(crate) mod cancel;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod copy;
pub(crate) mod demo;
pub(crate) mod explain;
pub(crate) mod init;
pub(crate) mod keep_snapshot;
pub(crate) mod logs;
pub(crate) mod migrate;
pub(crate) mod plan;
pub(crate) mod resume;
pub(crate) mod retire;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod schema;
pub(crate) mod show;
pub(crate) mod undo;

use crate::fault::Fault;
use crate::screen::Screen;
use restage_core::Code;

/// Whether to go on: as `--yes` says, or whoever sits at the terminal.
pub(crate) fn agreed(screen: Screen, question: &str, yes: bool) -> Result<bool, Fault> {
    if yes {
        return Ok(true);
    }
    if !screen.has_person() {
        return Err(Code::WrongMoment.error("there is nobody to ask").help("add `--yes` to start without asking").into());
    }
    let agrees = screen.agrees(question);
    if !agrees {
        screen.talk("Not started; nothing was touched.");
    }
    Ok(agrees)
}
