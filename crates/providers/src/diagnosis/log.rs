//! Reading the end of a log.

use crate::secrets::Secrets;
use restage_core::diagnosis::LogSeen;
use restage_core::{Code, Result};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// The part of a log that is read, from its end, in bytes.
const LOG_TAIL_BYTES: u64 = 1 << 20;

pub(super) async fn read(path: &Path, secrets: &Secrets) -> Result<LogSeen> {
    let (name, file) = (path.display().to_string(), path.to_owned());
    let read = tokio::task::spawn_blocking(move || tail(&file)).await;
    let text = read.map_err(io::Error::other).and_then(|read| read).map_err(|cause| {
        let error = Code::FileUnreadable.error(format!("cannot read `{}`", path.display()));
        error.help("name the migrator's log on this machine, or copy it here").because(cause)
    })?;
    Ok(LogSeen::read(name, &secrets.redact(&text)))
}

fn tail(path: &Path) -> io::Result<String> {
    // Reading a pipe may never end.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut file = std::fs::File::open(path)?;
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(LOG_TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
