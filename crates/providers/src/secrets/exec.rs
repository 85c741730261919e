//! Secrets that a command prints.

use super::{MAX_SECRET_BYTES, text, unavailable};
use restage_core::Result;
use restage_core::environment::SecretRef;
use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::SecretString;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

/// How long a command that prints a secret may take.
const EXEC_LIMIT: Duration = Duration::from_secs(30);

/// Runs the command without a shell and takes what it prints to its standard output; what it says otherwise is thrown away,
/// for it might quote the secret.
pub(super) async fn fetch(reference: &SecretRef, words: &[String]) -> Result<SecretString> {
    fetch_within(reference, words, EXEC_LIMIT).await
}

async fn fetch_within(reference: &SecretRef, words: &[String], limit: Duration) -> Result<SecretString> {
    let (program, arguments) = words.split_first().ok_or_else(|| unavailable(reference, "has no program"))?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0).kill_on_drop(true);
    let mut child = command.spawn().map_err(|cause| {
        unavailable(reference, "cannot be started").help(format!("install `{program}`, or give its whole path")).because(cause)
    })?;
    if let Ok(done) = tokio::time::timeout(limit, output(reference, &mut child)).await {
        return done;
    }
    end(&mut child).await;
    let why = format!("did not answer within {} s", limit.as_secs());
    Err(unavailable(reference, &why).help(format!("run `{program}` by hand; it must not ask questions")))
}

async fn output(reference: &SecretRef, child: &mut Child) -> Result<SecretString> {
    let failed = |cause: std::io::Error| unavailable(reference, "cannot be read").because(cause);
    let mut bytes = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(MAX_SECRET_BYTES as u64 + 1).read_to_end(&mut bytes).await.map_err(failed)?;
    }
    if bytes.len() > MAX_SECRET_BYTES {
        end(child).await;
        return Err(unavailable(reference, "printed too much to be a secret").help("make the command print only the secret"));
    }
    let status = child.wait().await.map_err(failed)?;
    if !status.success() {
        return Err(unavailable(reference, &format!("failed: {status}")).help("run the command by hand to see why"));
    }
    text(reference, bytes)
}

/// Ends the command and what it started.
async fn end(child: &mut Child) {
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(group) = group {
        // Gone already is as good as killed.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait().await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;
    use std::time::Instant;

    fn words(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).into()
    }

    async fn run(script: &str, limit: Duration) -> Result<SecretString> {
        let words = words(script);
        fetch_within(&SecretRef::Exec(words.clone()), &words, limit).await
    }

    #[tokio::test]
    async fn what_a_command_prints_is_the_secret() {
        let secret = run("echo s3cret-word; echo noise >&2", EXEC_LIMIT).await.unwrap();
        assert_eq!(secret.expose_secret(), "s3cret-word");
    }

    #[tokio::test]
    async fn a_command_that_fails_is_told_without_what_it_printed() {
        let failed = run("echo s3cret-word; echo s3cret-word >&2; exit 3", EXEC_LIMIT).await.unwrap_err();
        assert_eq!(failed.message, "the secret `exec: sh` failed: exit status: 3");
        assert!(!format!("{failed:?}").contains("s3cret-word"));
        let missing = ["restage-no-such-program".to_owned()];
        let missing = fetch(&SecretRef::Exec(missing.to_vec()), &missing).await.unwrap_err();
        assert_eq!(missing.message, "the secret `exec: restage-no-such-program` cannot be started");
    }

    #[tokio::test]
    async fn a_command_that_hangs_is_ended_with_all_it_started() {
        let began = Instant::now();
        let late = run("sleep 600 & sleep 600; echo late", Duration::from_millis(200)).await.unwrap_err();
        assert!(late.message.contains("did not answer"), "{}", late.message);
        assert!(began.elapsed() < Duration::from_secs(20));
    }

    #[tokio::test]
    async fn endless_output_is_refused() {
        let error = run("yes", EXEC_LIMIT).await.unwrap_err();
        assert!(error.message.ends_with("printed too much to be a secret"), "{}", error.message);
    }
}
