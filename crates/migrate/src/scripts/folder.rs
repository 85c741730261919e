//! All files of a folder and of the folders in it.

use std::fs;
use std::path::{Path, PathBuf};

use super::limits::FOLDER_DEPTH_LIMIT;
use crate::{Error, Kind, Result};

/// A file below a folder.
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// Its path in the folder, part by part.
    pub(super) parts: Vec<String>,
}

/// All files in order of their paths; hidden folders are left out, as Flyway does for the sake of Kubernetes' mounts.
pub(super) fn files(root: &Path) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    // (folder, its parts, the entries to come)
    let mut open = vec![(root.to_owned(), Vec::new())];
    while let Some((folder, parts)) = open.pop() {
        if parts.len() > FOLDER_DEPTH_LIMIT {
            return Err(Kind::LimitPassed
                .error(format_args!("folders in `{}` go deeper than {FOLDER_DEPTH_LIMIT}", root.display()))
                .help("look for a link that leads back into its own folder")
                .at(&folder, None));
        }
        for entry in fs::read_dir(&folder).map_err(|error| unreadable(&folder, error))? {
            let entry = entry.map_err(|error| unreadable(&folder, error))?;
            let path = entry.path();
            // A file whose name is no text cannot have a script's name.
            let Ok(name) = entry.file_name().into_string() else { continue };
            let mut inner: Vec<String> = parts.clone();
            let hidden = name.starts_with('.');
            inner.push(name);
            let kind = entry.file_type().map_err(|error| unreadable(&path, error))?;
            let is_folder = if kind.is_symlink() { path.is_dir() } else { kind.is_dir() };
            match (is_folder, hidden) {
                (true, true) => {}
                (true, false) => open.push((path, inner)),
                (false, _) => found.push(Found { path, parts: inner }),
            }
        }
    }
    found.sort_unstable_by(|left, right| left.parts.cmp(&right.parts));
    Ok(found)
}

pub(super) fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Kind::Unreadable
        .error(format_args!("`{}` cannot be read", path.display()))
        .help("let the user who runs this read it")
        .at(path, None)
        .because(error)
}
