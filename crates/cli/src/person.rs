//! Who types, and where: recorded with runs, requests and approvals.

use restage_core::run::Person;
use restage_store::{Holder, Host};
use std::fs;

/// The person: `RESTAGE_USER` for systems that act for somebody, else the login name of the process.
///
/// It is as trustworthy as access to the store: whoever can write there can write any name.
pub(crate) fn person() -> Person {
    Person(std::env::var("RESTAGE_USER").ok().filter(|name| !name.trim().is_empty()).unwrap_or_else(login))
}

fn login() -> String {
    let uid = rustix::process::getuid().as_raw().to_string();
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, id) = (fields.next()?, fields.nth(1)?);
        (id == uid).then(|| name.to_owned())
    });
    named.unwrap_or_else(|| format!("uid {uid}"))
}

/// This machine.
pub(crate) fn host() -> Host {
    Host(rustix::system::uname().nodename().to_string_lossy().into_owned())
}

/// This process.
pub(crate) fn holder() -> Holder {
    Holder { host: host(), pid: std::process::id(), user: login() }
}
