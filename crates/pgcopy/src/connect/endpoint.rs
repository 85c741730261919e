//! Where a database is.

use secrecy::{ExposeSecret, SecretString};
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

/// A database on a server, with the login to reach it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// A host name, an address, or the folder of a Unix socket.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The role to log in as.
    pub user: String,
    /// Its password.
    pub password: Option<SecretString>,
    /// The database.
    pub database: String,
    /// Encryption.
    pub tls: Tls,
}

/// How a connection is encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// What is demanded.
    pub mode: TlsMode,
    /// A file with the certificates to trust; the system's if absent.
    pub root_certificate: Option<PathBuf>,
}

/// What is demanded of a connection, with the meaning that libpq's `sslmode` has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsMode {
    /// No encryption.
    Disable,
    /// Encryption if the server offers it, whoever the server is.
    #[default]
    Prefer,
    /// Encryption, whoever the server is; with a root certificate, as `VerifyCa`.
    Require,
    /// Encryption, by a server with a certificate that is trusted.
    VerifyCa,
    /// Encryption, by a server with a trusted certificate of that host.
    VerifyFull,
}

impl TlsMode {
    /// The word that libpq has for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
    /// The mode of that word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Disable, Self::Prefer, Self::Require, Self::VerifyCa, Self::VerifyFull].into_iter().find(|mode| mode.word() == word)
    }
}

impl Endpoint {
    /// Another database of the same server.
    #[must_use]
    pub fn named(&self, database: &str) -> Self {
        Self { database: database.to_owned(), ..self.clone() }
    }

    /// Whether the address is one of this machine; what listens there may still lead elsewhere.
    pub fn is_local(&self) -> bool {
        let is_loopback = |host: &str| host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        self.host.starts_with('/') || self.host == "localhost" || is_loopback(&self.host)
    }

    /// The Unix socket, if that is how the server is reached.
    pub fn socket(&self) -> Option<PathBuf> {
        self.host.starts_with('/').then(|| Path::new(&self.host).join(format!(".s.PGSQL.{}", self.port)))
    }

    /// What PostgreSQL's own programs take from their environment to connect here; the password is nowhere else.
    pub fn environment(&self) -> Vec<(&'static str, OsString)> {
        let mut environment: Vec<(&'static str, OsString)> = vec![
            ("PGHOST", self.host.clone().into()),
            ("PGPORT", self.port.to_string().into()),
            ("PGUSER", self.user.clone().into()),
            ("PGDATABASE", self.database.clone().into()),
            ("PGSSLMODE", self.tls.mode.word().into()),
            ("PGCONNECT_TIMEOUT", super::CONNECT_LIMIT.as_secs().to_string().into()),
            ("PGAPPNAME", super::APPLICATION_NAME.into()),
        ];
        if let Some(file) = &self.tls.root_certificate {
            environment.push(("PGSSLROOTCERT", file.into()));
        }
        if let Some(password) = &self.password {
            environment.push(("PGPASSWORD", password.expose_secret().into()));
        }
        environment
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` at `{}:{}`", self.database, self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_text_nor_debug_output_shows_the_password() {
        let endpoint = Endpoint {
            host: "db".into(),
            port: 5432,
            user: "reader".into(),
            password: Some("s3cret-word".into()),
            database: "app".into(),
            tls: Tls::default(),
        };
        assert_eq!(endpoint.to_string(), "`app` at `db:5432`");
        assert!(!format!("{endpoint:?}").contains("s3cret-word"));
        assert!(endpoint.environment().contains(&("PGPASSWORD", "s3cret-word".into())));
    }
}
