//! Asking the migrator's host whether it lives.

use crate::postgres::Servers;
use crate::probes::command::{run_within, too_long};
use restage_core::Result;
use restage_core::diagnosis::{HostSeen, Standing};
use restage_core::provider::CommandSpec;
use std::process::ExitStatus;
use std::time::Duration;

/// How long the host may take to answer: `ssh` has to reach it first.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// What the shell says where the command cannot be run, and `ssh` where the host cannot be reached.
const NO_ANSWER: [i32; 3] = [126, 127, 255];
/// What `systemctl is-active` says of a service that is not up and has processes nonetheless: it fails for these, too.
const AT_WORK: [&str; 3] = ["activating", "deactivating", "reloading"];

pub(super) async fn ask(spec: &CommandSpec, servers: &Servers) -> Result<HostSeen> {
    let command = spec.command.to_string();
    Ok(match run_within(spec, servers, ANSWER_LIMIT).await? {
        None => HostSeen { command, standing: Standing::Unknown, said: too_long(ANSWER_LIMIT) },
        Some((status, said)) => {
            let standing = standing(status, &said);
            let said = if said.is_empty() { status.to_string() } else { format!("{status}: {said}") };
            HostSeen { command, standing, said }
        }
    })
}

fn standing(status: ExitStatus, said: &str) -> Standing {
    match status.code() {
        Some(0) => Standing::Alive,
        Some(_) if AT_WORK.contains(&said.trim()) => Standing::Alive,
        Some(code) if !NO_ANSWER.contains(&code) => Standing::Gone,
        _ => Standing::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use restage_core::scenario::run::Command;

    async fn asked(script: &str) -> HostSeen {
        let command = Command::Shell(script.into());
        let spec = CommandSpec { command, env: [].into(), directory: ".".into(), database: None };
        ask(&spec, &Servers::default()).await.unwrap()
    }

    #[tokio::test]
    async fn a_host_that_cannot_be_asked_says_nothing_of_its_migrator() {
        for (script, standing) in [
            ("echo active", Standing::Alive),
            ("echo inactive; exit 3", Standing::Gone),
            ("echo activating; exit 3", Standing::Alive),
            ("exit 255", Standing::Unknown),
            ("restage-no-such-program", Standing::Unknown),
            ("kill -9 $$", Standing::Unknown),
        ] {
            assert_eq!(asked(script).await.standing, standing, "{script}");
        }
        assert_eq!(asked("echo inactive; exit 3").await.said, "exit status: 3: inactive");
    }
}
