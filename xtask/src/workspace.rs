//! Where the workspace is and what it consists of.

use std::fs;
use std::path::Path;

/// Folders that hold what was built or fetched, never what was written.
const NOT_OURS: [&str; 3] = ["target", ".git", ".tools"];

/// The folder of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace")
}

/// A text file of the workspace.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// The path from the root, with `/` between its parts.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    pub(crate) fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == extension)
    }
}

/// Every text file, in order of path.
pub(crate) fn sources() -> Result<Vec<Source>, String> {
    let mut sources = Vec::new();
    collect(root(), &mut sources)?;
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(sources)
}

fn collect(folder: &Path, sources: &mut Vec<Source>) -> Result<(), String> {
    let failed = |error| format!("cannot list `{}`: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(failed)?);
        if kind.is_dir() {
            if !NOT_OURS.iter().any(|name| path.ends_with(name)) {
                collect(&path, sources)?;
            }
        } else if kind.is_file() {
            sources.extend(read(&path)?);
        }
    }
    Ok(())
}

/// A file's text, unless it is not text.
fn read(path: &Path) -> Result<Option<Source>, String> {
    let bytes = fs::read(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
    let relative = path.strip_prefix(root()).unwrap_or(path).to_string_lossy().into_owned();
    Ok(String::from_utf8(bytes).ok().map(|text| Source { path: relative, text }))
}
