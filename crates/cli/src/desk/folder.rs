//! Where the store is.

use crate::args::Common;
use restage_core::{Code, Result};
use std::path::PathBuf;

/// The folder that was asked for, else `restage` in the user's state directory (`$XDG_STATE_HOME`, `~/.local/state`).
pub(crate) fn store(common: &Common) -> Result<PathBuf> {
    if let Some(folder) = &common.store {
        return Ok(folder.clone());
    }
    let from = |variable: &str| std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = from("XDG_STATE_HOME").or_else(|| from("HOME").map(|home| home.join(".local/state")));
    state.map(|state| state.join("restage")).ok_or_else(|| {
        Code::StoreUnusable
            .error("there is no folder for the store")
            .help("name one with `--store DIR` or RESTAGE_STORE; HOME is not set")
    })
}
