//! Free space where a server keeps a database. PostgreSQL does not tell it; if it is a server of this machine that listens on a
//! Unix socket, and not a tunnel's end, the machine's file system does.

use crate::Result;
use crate::connect::Reader;
use std::fs;
use std::path::{Path, PathBuf};
use tokio::net::UnixStream;

/// How PostgreSQL's process is called.
const SERVER: &str = "postgres";

/// Free bytes, if the role may know where the database is and this process may look there.
pub async fn free_space(reader: Reader<'_>) -> Result<Option<u64>> {
    let Some(socket) = reader.endpoint().socket() else { return Ok(None) };
    let sql = "SELECT coalesce(nullif(pg_tablespace_location(dattablespace), ''), \
                 (SELECT setting || '/base' FROM pg_settings WHERE name = 'data_directory')) \
               FROM pg_database WHERE datname = current_database()";
    let rows = reader.query("look where the server keeps the database", sql, &[]).await?;
    let Some(folder) = rows[0].get::<_, Option<String>>(0) else { return Ok(None) };
    let Some(server) = process_behind(&socket).await else { return Ok(None) };
    let looked = tokio::task::spawn_blocking(move || free_bytes(server, Path::new(&folder))).await;
    Ok(looked.ok().flatten())
}

/// The process that listens there.
async fn process_behind(socket: &Path) -> Option<i32> {
    let process = UnixStream::connect(socket).await.ok()?.peer_cred().ok()?.pid()?;
    let name = tokio::fs::read_to_string(format!("/proc/{process}/comm")).await.ok()?;
    (name.trim_end() == SERVER).then_some(process)
}

/// A server in a container sees other files under the same names, so the folder is looked at as the server sees it; or, where
/// that is not allowed, only if this process sees the same file systems.
fn free_bytes(server: i32, folder: &Path) -> Option<u64> {
    let process = PathBuf::from(format!("/proc/{server}"));
    let as_seen_there = process.join("root").join(folder.strip_prefix("/").ok()?);
    let space = rustix::fs::statvfs(&as_seen_there).or_else(|error| {
        let mounts = |process: &Path| fs::read(process.join("mountinfo")).ok();
        let same = mounts(&process).is_some_and(|there| mounts(Path::new("/proc/self")) == Some(there));
        // What is in the server's folder is often hidden from others, the folder itself is not.
        let here = || rustix::fs::statvfs(folder).or_else(|error| folder.parent().map_or(Err(error), rustix::fs::statvfs));
        if same { here() } else { Err(error) }
    });
    space.ok().map(|space| space.f_bavail.saturating_mul(space.f_frsize))
}
