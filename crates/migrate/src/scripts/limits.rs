//! The limits on what is read from locations.

/// How deep folders may be in each other, so that links which lead back are noticed.
pub const FOLDER_DEPTH_LIMIT: usize = 64;

/// The largest script and sidecar, in bytes: what is read is held in memory once.
pub const SCRIPT_LIMIT_BYTES: u64 = 1024 * 1024 * 1024;
