//! What a keeper is told, and what it answers.

use jiff::Timestamp;
use restage_core::error::Failure;
use restage_core::provider::FillSpec;
use restage_core::schema::TableName;
use restage_pgcopy::connect::{Endpoint, Tls, TlsMode};
use restage_pgcopy::copy::Snapshot;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

/// What a keeper is told on its standard input, and nowhere else: it has the password.
#[derive(Serialize, Deserialize)]
pub(super) struct Order {
    host: String,
    port: u16,
    user: String,
    password: Option<String>,
    database: String,
    tls: String,
    root_certificate: Option<PathBuf>,
    /// What is locked against changes.
    pub(super) tables: BTreeSet<TableName>,
    /// When it ends at the latest.
    pub(super) deadline: Timestamp,
    /// How long it outlives its copier.
    pub(super) outlives: Duration,
}

/// What a keeper answers.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Answer {
    /// What it keeps.
    Kept(Snapshot),
    /// Why it cannot.
    Failed {
        failure: Failure,
        /// Whether the same may well succeed a little later.
        retry: bool,
    },
}

impl Order {
    pub(super) fn new(source: &Endpoint, spec: &FillSpec, outlives: Duration) -> Self {
        // The keeper works in no folder of anybody's.
        let whole = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        Self {
            host: source.host.clone(),
            port: source.port,
            user: source.user.clone(),
            password: source.password.as_ref().map(|password| password.expose_secret().to_owned()),
            database: source.database.clone(),
            tls: source.tls.mode.word().to_owned(),
            root_certificate: source.tls.root_certificate.as_ref().map(whole),
            tables: spec.carried.tables.keys().cloned().collect(),
            deadline: spec.deadline,
            outlives,
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an order is plain data")
    }

    pub(super) fn source(&self) -> Endpoint {
        Endpoint {
            host: self.host.clone(),
            port: self.port,
            user: self.user.clone(),
            password: self.password.clone().map(Into::into),
            database: self.database.clone(),
            tls: Tls { mode: TlsMode::parse(&self.tls).unwrap_or_default(), root_certificate: self.root_certificate.clone() },
        }
    }
}
