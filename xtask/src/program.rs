//! The binary of restage, and commands that must succeed.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::workspace;

/// The binary that `--program FILE` names, so that two builds can be compared; where nothing is named, one that is built now.
pub(crate) fn find(named: &Path) -> Result<PathBuf, String> {
    if named.as_os_str().is_empty() {
        return build(Profile::Release);
    }
    fs::canonicalize(named).map_err(|error| format!("cannot use `{}`: {error}", named.display()))
}

/// How a program is built.
#[derive(Clone, Copy)]
pub(crate) enum Profile {
    /// As the tests have it.
    Debug,
    /// As users have it.
    Release,
}

/// Builds `restage`, and names the file.
pub(crate) fn build(profile: Profile) -> Result<PathBuf, String> {
    let (options, folder): (&[&str], _) = match profile {
        Profile::Debug => (&[], "debug"),
        Profile::Release => (&["--release"], "release"),
    };
    let mut command = Command::new("cargo");
    command.args(["build", "--locked", "--quiet", "--package", "restage"]).args(options).current_dir(workspace::root());
    let status = command.status().map_err(|error| format!("cannot start cargo: {error}"))?;
    if !status.success() {
        return Err(format!("`{}`: {status}", line(&command)));
    }
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace::root().join("target"), PathBuf::from);
    Ok(target.join(folder).join("restage"))
}

/// Runs a command to its end and gives what it printed; fails with what it said if it did not succeed.
pub(crate) fn must(mut command: Command) -> Result<String, String> {
    let line = line(&command);
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("cannot start `{line}`: {error}"))?;
    judge(&line, output)
}

/// The standard output of a command that succeeded.
pub(crate) fn judge(line: &str, output: Output) -> Result<String, String> {
    if output.status.success() {
        return String::from_utf8(output.stdout).map_err(|_| format!("`{line}` printed something that is not text"));
    }
    let said = [output.stderr, output.stdout].map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    Err(format!("`{line}`: {}\n{}", output.status, said.join("\n")))
}

/// The words of a command, for messages.
pub(crate) fn line(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args()).map(|word| word.to_string_lossy());
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_fails_says_what_it_was_and_what_it_said() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo why >&2; exit 3"]);
        let error = must(command).unwrap_err();
        assert!(error.contains("`sh -c echo why") && error.contains("exit status: 3") && error.contains("\nwhy"), "{error}");
    }
}
