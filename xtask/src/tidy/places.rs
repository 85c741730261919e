//! Nothing in the project names a place that exists on one machine only.

use std::env;
use std::path::{Path, PathBuf};

use super::Finding;
use crate::workspace::{self, Source};

/// Folders that every machine has, where a workspace may stand as well.
const EVERYWHERE: [&str; 8] = ["/home", "/mnt", "/opt", "/root", "/srv", "/tmp", "/usr/src", "/var/tmp"];

/// The folders of this machine that no file may name.
pub(super) struct Machine {
    folders: Vec<String>,
}

impl Machine {
    /// Where the workspace stands, and the home of whoever works on it.
    pub(super) fn this() -> Self {
        let home = env::var_os("HOME").map(PathBuf::from);
        let around = workspace::root().parent().filter(|path| !EVERYWHERE.iter().any(|folder| *path == Path::new(folder)));
        let folders = [Some(workspace::root().to_owned()), around.map(Path::to_owned), home].into_iter().flatten();
        // The root of the file system is a place on every machine.
        Self { folders: folders.filter(|path| path.parent().is_some()).map(|path| format!("{}/", path.display())).collect() }
    }
}

pub(super) fn of_machine(source: &Source, machine: &Machine) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        if let Some(folder) = machine.folders.iter().find(|folder| names(line, folder)) {
            let message = format!("`{folder}` is a place on this machine");
            findings.push(Finding { path: source.path.clone(), line: index + 1, message });
        }
    }
    findings
}

/// Whether the line names the folder, and not one with the same name somewhere else.
fn names(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        !before.is_some_and(|character| character.is_alphanumeric() || "._-/}".contains(character))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absolute_path_of_the_machine_is_found_and_a_similar_one_is_not() {
        let machine = Machine { folders: vec!["/home/ada/".to_owned()] };
        let lines = |text: &str| {
            let source = Source { path: "a.md".to_owned(), text: text.to_owned() };
            of_machine(&source, &machine).len()
        };
        assert_eq!(lines("see /home/ada/notes\n`/home/ada/x`"), 2);
        assert_eq!(lines("target/home/ada/x, ../home/ada/x, /home/adam/x"), 0);
    }
}
