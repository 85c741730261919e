//! All files of a folder and of the folders in it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::limits::FOLDER_DEPTH_LIMIT;
use crate::{Error, Kind, Result};

/// A file below a folder.
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// Its path in the folder, part by part; what is no text in it is replaced.
    pub(super) parts: Vec<String>,
    /// Whether all of that path is text.
    pub(super) is_text: bool,
}

/// All files in order of their paths; hidden folders are left out, as Flyway does for the sake of Kubernetes' mounts.
pub(super) fn files(root: &Path) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    let mut open = vec![Found { path: root.to_owned(), parts: Vec::new(), is_text: true }];
    while let Some(folder) = open.pop() {
        if folder.parts.len() > FOLDER_DEPTH_LIMIT {
            return Err(Kind::LimitPassed
                .error(format_args!("folders in `{}` go deeper than {FOLDER_DEPTH_LIMIT}", root.display()))
                .help("look for a link that leads back into its own folder")
                .at(&folder.path, None));
        }
        for entry in fs::read_dir(&folder.path).map_err(|error| unreadable(&folder.path, error))? {
            let entry = entry.map_err(|error| unreadable(&folder.path, error))?;
            let (path, name) = (entry.path(), entry.file_name());
            let is_text = folder.is_text && name.to_str().is_some();
            let name = name.to_string_lossy().into_owned();
            let hidden = name.starts_with('.');
            let kind = entry.file_type().map_err(|error| unreadable(&path, error))?;
            let is_folder = match (kind.is_symlink(), hidden) {
                (false, _) => kind.is_dir(),
                (true, true) => path.is_dir(),
                (true, false) => leads_to_folder(&path)?,
            };
            let mut parts = folder.parts.clone();
            parts.push(name);
            let inner = Found { path, parts, is_text };
            match (is_folder, hidden) {
                (true, true) => {}
                (true, false) => open.push(inner),
                (false, _) => found.push(inner),
            }
        }
    }
    found.sort_unstable_by(|left, right| left.parts.cmp(&right.parts));
    Ok(found)
}

/// Whether there is a folder at the end of a link. What cannot be looked at might be one, full of scripts.
pub(super) fn leads_to_folder(path: &Path) -> Result<bool> {
    match fs::metadata(path) {
        Ok(at_end) => Ok(at_end.is_dir()),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(false),
        Err(error) => Err(unreadable(path, error)),
    }
}

pub(super) fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Kind::Unreadable
        .error(format_args!("`{}` cannot be read", path.display()))
        .help("let the user who runs this read it")
        .at(path, None)
        .because(error)
}
