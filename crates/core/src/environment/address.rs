//! Addresses of PostgreSQL databases, written as connection URLs.

mod url;

use super::SecretRef;
use crate::document::{At, Findings};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// The longest name of a database on a server, in bytes.
const MAX_SERVER_NAME_BYTES: usize = 63;
/// The database that is connected to for creating and renaming others.
const MAINTENANCE_DATABASE: &str = "postgres";
/// The one for a database that is itself called so.
const OTHER_MAINTENANCE_DATABASE: &str = "template1";

/// How to reach a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseAddress {
    /// The server.
    pub endpoint: Endpoint,
    /// What the server calls the database.
    pub database: ServerDatabase,
    /// The role to connect as.
    pub user: String,
    /// How the connection is encrypted and the server is known.
    pub ssl: SslMode,
    /// What a server's certificate is checked against.
    pub root_certificate: RootCertificate,
    /// Where the password is kept; nothing where the server asks for none.
    pub password: Option<SecretRef>,
    /// The database to connect to for creating and renaming others.
    pub maintenance_database: ServerDatabase,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Endpoint {
    /// A TCP port.
    Tcp {
        /// A name or an IP address, without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// A socket `.s.PGSQL.<port>` in a directory of this machine.
    Socket {
        /// The directory.
        directory: PathBuf,
        /// The number in the socket's name.
        port: u16,
    },
}

/// The name of a database on its server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServerDatabase(String);

/// How a connection is encrypted and how the server is known; the values of libpq's `sslmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SslMode {
    /// Not encrypted.
    Disable,
    /// Encrypted where the server can.
    Prefer,
    /// Encrypted; the server may be anyone.
    Require,
    /// Encrypted; the server's certificate is signed by a known authority.
    VerifyCa,
    /// Encrypted; the certificate is also for the host's name.
    VerifyFull,
}

/// What a server's certificate is checked against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RootCertificate {
    /// The authorities that this machine trusts.
    System,
    /// The authorities in a PEM file.
    File(PathBuf),
}

impl DatabaseAddress {
    /// Whether both addresses say the same server and database. Different texts may still be the same place.
    pub fn is_same_place(&self, other: &Self) -> bool {
        self.endpoint == other.endpoint && self.database == other.database
    }
}

impl ServerDatabase {
    /// Reads the name, or says what is wrong with it.
    pub fn parse(name: &str) -> Result<Self, String> {
        if name.is_empty() || name.len() > MAX_SERVER_NAME_BYTES || name.contains('\0') {
            return Err(format!("the name of a database has 1 to {MAX_SERVER_NAME_BYTES} bytes"));
        }
        Ok(Self(name.to_owned()))
    }
    /// The name as text, unquoted.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ServerDatabase {
    type Error = String;
    fn try_from(name: String) -> Result<Self, String> {
        Self::parse(&name)
    }
}

impl From<ServerDatabase> for String {
    fn from(name: ServerDatabase) -> Self {
        name.0
    }
}

impl fmt::Display for ServerDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Socket { directory, port } => write!(f, "{}/.s.PGSQL.{port}", directory.display()),
        }
    }
}

impl fmt::Display for DatabaseAddress {
    /// The address for people: `user@host:port/database`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}/{}", self.user, self.endpoint, self.database)
    }
}

/// A PostgreSQL database.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "database")]
pub(super) struct WrittenDatabase {
    /// The address as `postgresql://user@host:5432/name?sslmode=require`, without a password. The port is 5432 unless
    /// given. `?host=/directory` instead of a host is a Unix socket. `sslmode` is disable, prefer (default), require,
    /// verify-ca or verify-full; `sslrootcert` is a PEM file or `system` (default).
    url: String,
    /// Where the password is kept; default none, for servers that ask for none.
    password: Option<SecretRef>,
    /// The database on the same server that restage connects to for creating and renaming databases; default
    /// `postgres`, or `template1` for a database that is itself called `postgres`.
    maintenance_database: Option<String>,
}

impl WrittenDatabase {
    pub(super) fn read(&self, at: At<'_>, findings: &mut Findings) -> Option<DatabaseAddress> {
        if let Some(secret) = &self.password {
            secret.verify(at.key("password"), findings);
        }
        let maintenance = self.maintenance_database.as_deref();
        let maintenance = maintenance.map(|name| findings.parse_str::<ServerDatabase>(at.key("maintenance-database"), name));
        let url_at = at.key("url");
        if url_at.is_doubtful() {
            return None;
        }
        let address = match url::parse(&self.url) {
            Ok(address) => address,
            Err(wrong) => {
                findings.at(url_at, wrong.message).help(wrong.help);
                return None;
            }
        };
        let usual =
            if address.database.as_str() == MAINTENANCE_DATABASE { OTHER_MAINTENANCE_DATABASE } else { MAINTENANCE_DATABASE };
        let maintenance_database = maintenance.unwrap_or_else(|| ServerDatabase::parse(usual).ok())?;
        if maintenance_database == address.database {
            let message = format!("`{maintenance_database}` is both the database and its maintenance database");
            let finding = findings.at(at.key("maintenance-database"), message);
            finding.help("name another database of the server; a database cannot be renamed from inside");
            return None;
        }
        Some(DatabaseAddress {
            endpoint: address.endpoint,
            database: address.database,
            user: address.user,
            ssl: address.ssl,
            root_certificate: address.root_certificate,
            password: self.password.clone(),
            maintenance_database,
        })
    }
}
