//! Which certificates are trusted, in each of libpq's modes.

use super::{Tls, TlsMode};
use crate::{Error, Kind, Result};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::path::Path;
use std::sync::Arc;

/// The client side of TLS as the mode demands it.
pub(super) fn client_config(tls: &Tls) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone());
    let builder = builder.with_safe_default_protocol_versions().map_err(unusable)?;
    let trust = match (tls.mode, &tls.root_certificate) {
        (TlsMode::Disable | TlsMode::Prefer, _) | (TlsMode::Require, None) => None,
        (TlsMode::Require | TlsMode::VerifyCa, file) => Some((Names::Any, file)),
        (TlsMode::VerifyFull, file) => Some((Names::Host, file)),
    };
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        None => Arc::new(Unverified(provider)),
        Some((names, file)) => {
            let roots = Arc::new(roots(file.as_deref())?);
            let inner = WebPkiServerVerifier::builder_with_provider(roots, provider).build().map_err(unusable)?;
            match names {
                Names::Host => inner,
                Names::Any => Arc::new(AnyName(inner)),
            }
        }
    };
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

enum Names {
    Any,
    Host,
}

fn unusable(cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Kind::CannotConnect.error("encryption cannot be set up").because(cause)
}

fn roots(file: Option<&Path>) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = file {
        let unreadable = |cause| {
            Kind::CannotConnect
                .error(format!("the root certificates in `{}` cannot be read", file.display()))
                .help("name a file of certificates in PEM format")
                .because(cause)
        };
        for certificate in CertificateDer::pem_file_iter(file).map_err(unreadable)? {
            roots.add(certificate.map_err(unreadable)?).map_err(unusable)?;
        }
    } else {
        // Some systems' stores hold a few certificates that cannot be used; the others count.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if roots.is_empty() {
        let error = Kind::CannotConnect.error("there are no root certificates to trust");
        return Err(error.help("install the system's root certificates, or name a file with them"));
    }
    Ok(roots)
}

/// Takes every certificate: `prefer` and `require` encrypt, and do not ask who the server is.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Takes a trusted certificate of whatever host: `verify-ca`.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        // The name is looked at last, after the chain was found good.
        match self.0.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
