//! From addresses to sessions.

use super::trouble::told;
use crate::secrets::Secrets;
use restage_core::environment::{self, DatabaseAddress, RootCertificate, SslMode};
use restage_core::name::{JobName, RunId};
use restage_core::schema::quote_literal;
use restage_core::{Code, Result};
use restage_pgcopy::archive::Archives;
use restage_pgcopy::connect::{self, Endpoint, SourceClient, TargetClient, Tls, TlsMode};
use std::fmt;

/// Opens sessions, fetching passwords at the moment of connecting.
#[derive(Clone, Debug, Default)]
pub struct Servers {
    secrets: Secrets,
    archives: Archives,
}

/// For whom a session works, as `pg_stat_activity` shows it: `restage 0123456789-3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller(String);

impl Caller {
    /// A run itself.
    pub fn run(run: &RunId) -> Self {
        Self(format!("{} {run}", connect::APPLICATION_NAME))
    }
    /// One of a run's jobs.
    pub fn job(job: &JobName) -> Self {
        Self(format!("{} {job}", connect::APPLICATION_NAME))
    }
    /// Nobody in particular: somebody who looks.
    pub fn looking() -> Self {
        Self(connect::APPLICATION_NAME.to_owned())
    }
    /// The name as sessions carry it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Servers {
    /// Fetches passwords through these secrets.
    pub fn new(secrets: Secrets) -> Self {
        Self { secrets, archives: Archives::default() }
    }
    /// The structures that were read.
    pub fn archives(&self) -> &Archives {
        &self.archives
    }
    /// Where passwords come from.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The address as the copy engine takes it, with its password.
    pub async fn endpoint(&self, address: &DatabaseAddress) -> Result<Endpoint> {
        let (host, port) = match &address.endpoint {
            environment::Endpoint::Tcp { host, port } => (host.clone(), *port),
            environment::Endpoint::Socket { directory, port } => {
                let folder = directory.to_str().filter(|folder| folder.starts_with('/'));
                let folder = folder.ok_or_else(|| {
                    Code::CannotConnect
                        .error(format!("`{}` cannot be the folder of a socket", directory.display()))
                        .help("write the whole path of the folder in the environments file")
                })?;
                (folder.to_owned(), *port)
            }
        };
        let password = match &address.password {
            Some(reference) => Some(self.secrets.resolve(reference).await?),
            None => None,
        };
        Ok(Endpoint {
            host,
            port,
            user: address.user.clone(),
            password,
            database: address.database.as_str().to_owned(),
            tls: tls(address),
        })
    }

    /// A session that can only read.
    pub async fn read(&self, address: &DatabaseAddress) -> Result<SourceClient> {
        let endpoint = self.endpoint(address).await?;
        connect::source(&endpoint).await.map_err(|error| self.refused(address, error))
    }

    /// A session that may write, whatever the database's or the role's default is.
    pub async fn write(&self, address: &DatabaseAddress, caller: &Caller) -> Result<TargetClient> {
        let endpoint = self.endpoint(address).await?;
        let client = connect::target(&endpoint).await.map_err(|error| self.refused(address, error))?;
        let settings =
            format!("SET application_name = {}; SET default_transaction_read_only = off", quote_literal(caller.as_str()));
        client.run("set the session up", &settings).await.map_err(told)?;
        Ok(client)
    }

    /// A session on the server's maintenance database, from which others are created, renamed and dropped.
    pub async fn maintain(&self, address: &DatabaseAddress, caller: &Caller) -> Result<TargetClient> {
        self.write(&address.named(address.maintenance_database.clone()), caller).await
    }

    /// A refused login may mean that the password was replaced.
    fn refused(&self, address: &DatabaseAddress, error: restage_pgcopy::Error) -> restage_core::Error {
        if let (restage_pgcopy::Kind::LoginRefused, Some(reference)) = (error.kind, &address.password) {
            self.secrets.forget(reference);
        }
        told(error)
    }
}

fn tls(address: &DatabaseAddress) -> Tls {
    let mode = match address.ssl {
        SslMode::Disable => TlsMode::Disable,
        SslMode::Prefer => TlsMode::Prefer,
        SslMode::Require => TlsMode::Require,
        SslMode::VerifyCa => TlsMode::VerifyCa,
        SslMode::VerifyFull => TlsMode::VerifyFull,
    };
    let root_certificate = match &address.root_certificate {
        RootCertificate::System => None,
        RootCertificate::File(path) => Some(path.clone()),
    };
    Tls { mode, root_certificate }
}
