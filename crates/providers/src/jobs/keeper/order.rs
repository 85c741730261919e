//! What a keeper is told, and what it answers.

use jiff::Timestamp;
use restage_core::error::Failure;
use restage_core::provider::FillSpec;
use restage_core::schema::TableName;
use restage_pgcopy::connect::{Endpoint, Tls, TlsMode};
use restage_pgcopy::copy::Snapshot;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io::{self, BufRead};
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::process::Child;

/// What a keeper is told on its standard input, in one line; the password follows it to the end.
#[derive(Serialize, Deserialize)]
pub(super) struct Order {
    host: String,
    port: u16,
    user: String,
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
            database: source.database.clone(),
            tls: source.tls.mode.word().to_owned(),
            root_certificate: source.tls.root_certificate.as_ref().map(whole),
            tables: spec.carried.tables.keys().cloned().collect(),
            deadline: spec.deadline,
            outlives,
        }
    }

    /// Tells a keeper.
    pub(super) async fn tell(&self, password: Option<&SecretString>, keeper: &mut Child) -> io::Result<()> {
        let Some(mut input) = keeper.stdin.take() else { return Ok(()) };
        self.write(password, &mut input).await
    }

    /// Writes it to the end.
    async fn write(&self, password: Option<&SecretString>, input: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        let mut line = serde_json::to_vec(self).expect("an order is plain data");
        line.push(b'\n');
        input.write_all(&line).await?;
        if let Some(password) = password {
            input.write_all(password.expose_secret().as_bytes()).await?;
        }
        input.shutdown().await
    }

    /// What a keeper was told: the order, and what it is to read.
    pub(super) fn hear(mut input: impl BufRead) -> Option<(Self, Endpoint)> {
        let (mut line, mut password) = (String::new(), String::new());
        input.read_line(&mut line).ok()?;
        let order: Self = serde_json::from_str(&line).ok()?;
        input.read_to_string(&mut password).ok()?;
        let password = (!password.is_empty()).then(|| password.into());
        let source = order.source(password);
        Some((order, source))
    }

    fn source(&self, password: Option<SecretString>) -> Endpoint {
        Endpoint {
            host: self.host.clone(),
            port: self.port,
            user: self.user.clone(),
            password,
            database: self.database.clone(),
            tls: Tls { mode: TlsMode::parse(&self.tls).unwrap_or_default(), root_certificate: self.root_certificate.clone() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> Order {
        Order {
            host: "db".into(),
            port: 5433,
            user: "reader".into(),
            database: "app".into(),
            tls: TlsMode::VerifyFull.word().into(),
            root_certificate: Some("/ca.pem".into()),
            tables: [TableName::new("public", "one\ntable")].into(),
            deadline: Timestamp::UNIX_EPOCH,
            outlives: Duration::from_secs(7),
        }
    }

    #[tokio::test]
    async fn an_order_is_heard_as_it_was_told_and_the_password_is_no_part_of_it() {
        for password in ["", "p\"\n{}\u{e4}"] {
            let secret = SecretString::from(password);
            let mut told = vec![];
            order().write(Some(&secret).filter(|_| !password.is_empty()), &mut told).await.unwrap();
            let line = serde_json::to_vec(&order()).unwrap();
            assert_eq!(told, [&line, &b"\n"[..], password.as_bytes()].concat());
            let (heard, source) = Order::hear(&told[..]).unwrap();
            assert_eq!(serde_json::to_vec(&heard).unwrap(), line);
            assert_eq!(source.password.map_or(String::new(), |heard| heard.expose_secret().to_owned()), password);
            assert_eq!((source.host.as_str(), source.port, source.tls.mode), ("db", 5433, TlsMode::VerifyFull));
        }
    }

    #[test]
    fn what_is_no_order_is_not_heard() {
        assert!(Order::hear(&b""[..]).is_none() && Order::hear(&b"{}\nsecret"[..]).is_none());
    }
}
