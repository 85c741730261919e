//! `restage keep-snapshot`: the process that keeps the snapshot of a copy. Nobody types this.

use crate::args::KeepSnapshot as Args;
use crate::fault::{Fault, exit};

/// The words that a copy calls it with, before the folder.
pub(crate) const WORDS: [&str; 1] = ["keep-snapshot"];

pub(crate) async fn run(args: &Args) -> Result<u8, Fault> {
    restage_providers::jobs::keep_snapshot(&args.folder).await?;
    Ok(exit::DONE)
}
