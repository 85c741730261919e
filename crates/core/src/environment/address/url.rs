//! Reads connection URLs. Messages never quote the URL, which may hold a password.

use super::{Endpoint, RootCertificate, ServerDatabase, SslMode};
use crate::document::did_you_mean;
use std::path::PathBuf;

const PARAMETERS: [&str; 6] = ["host", "port", "user", "dbname", "sslmode", "sslrootcert"];
const SSL_MODES: [&str; 5] = ["disable", "prefer", "require", "verify-ca", "verify-full"];
const PORT: u16 = 5432;

/// What a URL says.
#[derive(Debug, PartialEq)]
pub(super) struct Address {
    pub(super) endpoint: Endpoint,
    pub(super) database: ServerDatabase,
    pub(super) user: String,
    pub(super) ssl: SslMode,
    pub(super) root_certificate: RootCertificate,
}

/// What is wrong with a URL.
#[derive(Debug, PartialEq)]
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) help: String,
}

fn wrong(message: impl Into<String>, help: impl Into<String>) -> Wrong {
    Wrong { message: message.into(), help: help.into() }
}

/// The parts of a URL as they are collected; parameters overrule what comes before the `?`.
#[derive(Default)]
struct Parts {
    host: Option<String>,
    port: Option<String>,
    user: Option<String>,
    database: Option<String>,
    ssl: Option<SslMode>,
    root_certificate: Option<RootCertificate>,
}

pub(super) fn parse(url: &str) -> Result<Address, Wrong> {
    let example = "write `postgresql://user@host:5432/name`";
    let rest = url.strip_prefix("postgresql://").or_else(|| url.strip_prefix("postgres://"));
    let rest = rest.ok_or_else(|| wrong("this is not a PostgreSQL URL", example))?;
    if rest.contains(char::is_whitespace) || rest.contains('#') {
        return Err(wrong("the URL contains a space or a `#`", "write a space as `%20` and `#` as `%23`"));
    }
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = place.split_once('/').unwrap_or((place, ""));
    let mut parts = Parts::default();
    if !database.is_empty() {
        parts.database = Some(decode(database)?);
    }
    authority_into(authority, &mut parts)?;
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        parameter_into(parameter, &mut parts)?;
    }
    parts.finish()
}

fn authority_into(authority: &str, parts: &mut Parts) -> Result<(), Wrong> {
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    if let Some(user) = user {
        if user.contains(':') {
            return Err(password_in_url());
        }
        parts.user = Some(decode(user)?).filter(|user| !user.is_empty());
    }
    if host.contains(',') {
        return Err(several_hosts());
    }
    let (host, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let unclosed = || wrong("the IPv6 address has no `]`", "write `[::1]:5432`");
            let (host, after) = rest.split_once(']').ok_or_else(unclosed)?;
            (host, after.strip_prefix(':').unwrap_or(after))
        }
        None => host.split_once(':').unwrap_or((host, "")),
    };
    parts.host = Some(decode(host)?).filter(|host| !host.is_empty());
    parts.port = Some(port.to_owned()).filter(|port| !port.is_empty());
    Ok(())
}

fn parameter_into(parameter: &str, parts: &mut Parts) -> Result<(), Wrong> {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    let value = decode(value)?;
    match name {
        "host" => parts.host = Some(value),
        "port" => parts.port = Some(value),
        "user" => parts.user = Some(value),
        "dbname" => parts.database = Some(value),
        "sslmode" => parts.ssl = Some(ssl_mode(&value)?),
        "sslrootcert" if value == "system" => parts.root_certificate = Some(RootCertificate::System),
        "sslrootcert" => parts.root_certificate = Some(RootCertificate::File(PathBuf::from(value))),
        "password" | "passfile" | "sslpassword" => return Err(password_in_url()),
        _ => {
            let help = did_you_mean(name, "the parameters that restage knows", PARAMETERS).unwrap_or_default();
            return Err(wrong("the URL has a parameter that restage does not know", help));
        }
    }
    Ok(())
}

fn ssl_mode(value: &str) -> Result<SslMode, Wrong> {
    Ok(match value {
        "disable" => SslMode::Disable,
        "prefer" => SslMode::Prefer,
        "require" => SslMode::Require,
        "verify-ca" => SslMode::VerifyCa,
        "verify-full" => SslMode::VerifyFull,
        "allow" => return Err(wrong("`sslmode=allow` is not supported", "write `sslmode=prefer` or `sslmode=require`")),
        _ => {
            let help = did_you_mean(value, "the values", SSL_MODES).unwrap_or_default();
            return Err(wrong("the URL has an `sslmode` that does not exist", help));
        }
    })
}

impl Parts {
    fn finish(self) -> Result<Address, Wrong> {
        let missing = |what: &str| wrong(format!("the URL names no {what}"), "write `postgresql://user@host/name`");
        let host = self.host.ok_or_else(|| missing("host"))?;
        if host.contains(',') {
            return Err(several_hosts());
        }
        let port = match &self.port {
            Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or_else(|| {
                wrong("the port of the URL is not a number from 1 to 65535", "write the port after the host, as in `host:5432`")
            })?,
            None => PORT,
        };
        let database = self.database.ok_or_else(|| missing("database"))?;
        let database = ServerDatabase::parse(&database).map_err(|message| wrong(message, "shorten the name"))?;
        let user = self.user.filter(|user| !user.is_empty()).ok_or_else(|| missing("user"))?;
        let endpoint = if host.starts_with('/') {
            Endpoint::Socket { directory: PathBuf::from(host), port }
        } else {
            Endpoint::Tcp { host: host.to_lowercase(), port }
        };
        Ok(Address {
            endpoint,
            database,
            user,
            ssl: self.ssl.unwrap_or(SslMode::Prefer),
            root_certificate: self.root_certificate.unwrap_or(RootCertificate::System),
        })
    }
}

fn password_in_url() -> Wrong {
    let help = "take it out, change it, and add `password:` with { env: … }, { file: … }, { exec: […] } or { vault: … }";
    wrong("the URL contains a password", help)
}

fn several_hosts() -> Wrong {
    wrong("the URL names several hosts", "name the one host to use; restage does not choose between servers")
}

/// Undoes percent-encoding.
fn decode(text: &str) -> Result<String, Wrong> {
    let broken = || wrong("the URL has a `%` that is not followed by two hexadecimal digits", "write `%` itself as `%25`");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
            let (high, low) = (digit(rest.next()).ok_or_else(broken)?, digit(rest.next()).ok_or_else(broken)?);
            bytes.extend(u8::try_from(high * 16 + low));
        } else {
            bytes.push(byte);
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| broken())?;
    if text.contains('\0') { Err(broken()) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Endpoint {
        Endpoint::Tcp { host: host.into(), port }
    }

    #[test]
    fn urls_are_read_as_libpq_reads_them() {
        let address = parse("postgresql://reader@prod-db:5433/app?sslmode=verify-full&sslrootcert=/ca.pem").unwrap();
        assert_eq!(address.endpoint, tcp("prod-db", 5433));
        assert_eq!((address.database.as_str(), address.user.as_str()), ("app", "reader"));
        assert_eq!(address.ssl, SslMode::VerifyFull);
        assert_eq!(address.root_certificate, RootCertificate::File("/ca.pem".into()));
        assert_eq!(parse("postgres://u@[::1]/d").unwrap().endpoint, tcp("::1", 5432));
        assert_eq!(parse("postgresql://a%40b@h/my%20db").unwrap().user, "a@b");
        let socket = Endpoint::Socket { directory: "/run/postgresql".into(), port: 5432 };
        assert_eq!(parse("postgresql://u@/d?host=/run/postgresql").unwrap().endpoint, socket);
        assert_eq!(parse("postgresql://u@%2Frun%2Fpostgresql/d").unwrap().endpoint, socket);
        assert_eq!(parse("postgresql:///d?host=h&user=u&port=1").unwrap().endpoint, tcp("h", 1));
    }

    #[test]
    fn a_password_is_refused_wherever_it_stands() {
        for url in ["postgresql://u:p@h/d", "postgresql://u:@h/d", "postgresql://u@h/d?password=p"] {
            assert_eq!(parse(url).unwrap_err(), password_in_url(), "{url}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (url, message) in [
            ("mysql://u@h/d", "this is not a PostgreSQL URL"),
            ("postgresql://u@a,b/d", "the URL names several hosts"),
            ("postgresql://u@h", "the URL names no database"),
            ("postgresql://h/d", "the URL names no user"),
            ("postgresql://u@/d", "the URL names no host"),
            ("postgresql://u@h:x/d", "the port of the URL is not a number from 1 to 65535"),
            ("postgresql://u@h/d?sslmode=on", "the URL has an `sslmode` that does not exist"),
            ("postgresql://u@h/d?ssl=on", "the URL has a parameter that restage does not know"),
            ("postgresql://u@h/d%zz", "the URL has a `%` that is not followed by two hexadecimal digits"),
        ] {
            assert_eq!(parse(url).unwrap_err().message, message, "{url}");
        }
    }
}
