//! The HTTP client that probes and secrets use.

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client};
use restage_core::{Code, Result};
use std::time::Duration;

/// How long reaching an HTTP server may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// A client that trusts what the machine trusts and `extra` besides, follows no redirects, and gives up after `limit`.
pub(crate) fn client(limit: Duration, extra: Vec<Certificate>) -> Result<Client> {
    // Whoever comes first installs it for the whole process; that it is there already is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder().redirect(Policy::none()).connect_timeout(CONNECT_LIMIT).timeout(limit);
    let builder = builder.user_agent(concat!("restage/", env!("CARGO_PKG_VERSION")));
    builder.tls_certs_merge(extra).build().map_err(|cause| {
        Code::CannotConnect
            .error("encryption for HTTP cannot be set up")
            .help("install the system's root certificates, such as Debian's package `ca-certificates`")
            .because(cause)
    })
}

/// What went wrong with a request, without the address, which may hold a secret.
pub(crate) fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let first: &dyn std::error::Error = &error;
    let causes = std::iter::successors(Some(first), |cause| cause.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
