//! Versions of schemas: what histories have, and what files and parameters say of them.

use crate::migrator::Access;
use crate::postgres::observed;
use restage_core::provider::{MigrateSpec, Migrated, Record, Versions};
use restage_core::signal::SchemaVersion;
use restage_core::{Code, Error, Result};
use std::io;
use std::path::Path;
use tokio::fs;
use tokio::io::AsyncWriteExt;

/// The longest version that is believed, in bytes; as long as a history's column.
const MAX_VERSION_BYTES: usize = 50;

/// Histories on servers, and records in files and in AWS.
#[derive(Clone, Debug)]
pub struct AllVersions {
    access: Access,
}

impl AllVersions {
    /// Reads histories and parameters through this.
    pub fn new(access: Access) -> Self {
        Self { access }
    }
}

#[async_trait::async_trait]
impl Versions for AllVersions {
    async fn observed(&self, spec: &MigrateSpec) -> Result<Migrated> {
        observed(&self.access, spec).await
    }

    async fn recorded(&self, record: &Record) -> Result<Option<SchemaVersion>> {
        let text = match record {
            Record::File(path) => read(path).await?,
            Record::Parameter { name, place } => {
                self.access.parameters.read(place, name).await?.map(|value| value.expose().to_owned())
            }
        };
        text.map(|text| version(&text, record)).transpose()
    }

    async fn record(&self, record: &Record, version: Option<&SchemaVersion>) -> Result<()> {
        match (record, version) {
            (Record::File(path), Some(version)) => write(path, version).await,
            (Record::File(path), None) => remove(path).await,
            (Record::Parameter { name, place }, Some(version)) => self.access.parameters.write(place, name, &version.0).await,
            (Record::Parameter { name, place }, None) => self.access.parameters.remove(place, name).await,
        }
    }
}

/// What is no version may be a secret, so it is not quoted.
fn version(text: &str, record: &Record) -> Result<SchemaVersion> {
    let text = text.trim();
    let fits = text.len() <= MAX_VERSION_BYTES && text.split(['.', '_']).all(is_number);
    if fits {
        return Ok(SchemaVersion(text.to_owned()));
    }
    let error = Code::InvalidFile.error(format!("{record} holds something else than a version"));
    Err(error.help("make it hold numbers with dots or underscores between them, such as `1.2`, or name another record"))
}

fn is_number(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
}

async fn read(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path).await {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(path, "read", error)),
    }
}

/// Written beside and put in its place: a crash leaves the former version or the new one.
async fn write(path: &Path, version: &SchemaVersion) -> Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let written = async {
        let mut file = fs::File::create(&beside).await?;
        file.write_all(format!("{version}\n").as_bytes()).await?;
        file.sync_all().await?;
        fs::rename(&beside, path).await
    };
    written.await.map_err(|error| unusable(path, "write", error))
}

async fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unusable(path, "remove", error)),
        _ => Ok(()),
    }
}

fn unusable(path: &Path, action: &str, cause: io::Error) -> Error {
    let error = Code::FileUnreadable.error(format!("cannot {action} the version in `{}`", path.display()));
    error.help("make its folder, and let restage's user read and write there").because(cause)
}
