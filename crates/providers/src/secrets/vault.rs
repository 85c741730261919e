//! Secrets in HashiCorp Vault's key-value engine, versions 1 and 2.

use super::{MAX_SECRET_BYTES, Variables, unavailable};
use crate::http;
use reqwest::{Certificate, Client, StatusCode};
use restage_core::environment::{SecretRef, VaultField};
use restage_core::{Error, Result};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

/// How long Vault may take to answer.
const VAULT_LIMIT: Duration = Duration::from_secs(10);
/// The file below the home folder in which `vault login` leaves its token.
const TOKEN_FILE: &str = ".vault-token";

/// Asks Vault for one field of one secret.
pub(super) async fn fetch(reference: &SecretRef, wanted: &VaultField, variables: &Variables) -> Result<SecretString> {
    let variable = |name: &str| variables(name).and_then(|value| value.into_string().ok()).filter(|value| !value.is_empty());
    let address = variable("VAULT_ADDR").ok_or_else(|| {
        unavailable(reference, "cannot be had: `VAULT_ADDR` is not set").help("set `VAULT_ADDR` to Vault's address")
    })?;
    let token = match variable("VAULT_TOKEN") {
        Some(token) => SecretString::from(token),
        None => token_file(reference, variable("HOME")).await?,
    };
    let client = client(reference, variable("VAULT_CACERT").map(PathBuf::from)).await?;
    let path = wanted.path.trim_matches('/').trim_start_matches("v1/");
    let mut request = client.get(format!("{}/v1/{path}", address.trim_end_matches('/')));
    request = request.header("X-Vault-Token", sensitive(reference, &token)?).header("X-Vault-Request", "true");
    if let Some(namespace) = variable("VAULT_NAMESPACE") {
        request = request.header("X-Vault-Namespace", namespace);
    }
    let silent = |error: reqwest::Error| {
        let help = format!("check that Vault answers at {address}");
        let passing = error.is_timeout() || error.is_connect();
        let told = unavailable(reference, &format!("cannot be had: {}", http::reason(error))).help(help);
        if passing { told.passing() } else { told }
    };
    let mut answer = request.send().await.map_err(silent)?;
    let status = answer.status();
    if status != StatusCode::OK {
        return Err(refusal(reference, status));
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(silent)? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_SECRET_BYTES {
            return Err(unavailable(reference, "is too large to be a secret"));
        }
    }
    field(&body, &wanted.field).ok_or_else(|| {
        let why = format!("has no field `{}` with text", wanted.field);
        unavailable(reference, &why).help("check the field's name; for version 2 of the engine the path has `data` after the mount")
    })
}

async fn token_file(reference: &SecretRef, home: Option<String>) -> Result<SecretString> {
    let missing = || {
        let error = unavailable(reference, "cannot be had: there is no token for Vault");
        error.help("set `VAULT_TOKEN`, or run `vault login`")
    };
    let path = PathBuf::from(home.ok_or_else(missing)?).join(TOKEN_FILE);
    let token = tokio::fs::read_to_string(path).await.map_err(|cause| missing().because(cause))?;
    Ok(token.trim().into())
}

async fn client(reference: &SecretRef, authority: Option<PathBuf>) -> Result<Client> {
    let Some(path) = authority else { return http::client(VAULT_LIMIT, vec![]) };
    let unusable = |cause: Box<dyn std::error::Error + Send + Sync>| {
        let why = format!("cannot be had: `VAULT_CACERT` ({}) is not a file of certificates", path.display());
        unavailable(reference, &why).help("name a file of certificates in PEM format").because(cause)
    };
    let pem = tokio::fs::read(&path).await.map_err(|cause| unusable(cause.into()))?;
    http::client(VAULT_LIMIT, Certificate::from_pem_bundle(&pem).map_err(|cause| unusable(cause.into()))?)
}

fn sensitive(reference: &SecretRef, token: &SecretString) -> Result<reqwest::header::HeaderValue> {
    // The cause would quote the token.
    let mut value = reqwest::header::HeaderValue::from_str(token.expose_secret())
        .map_err(|_| unavailable(reference, "cannot be had: the token for Vault is not one").help("run `vault login`"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn refusal(reference: &SecretRef, status: StatusCode) -> Error {
    let (why, help) = match status {
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => {
            ("is refused by Vault", "run `vault login`, or ask for a policy that may read it")
        }
        StatusCode::NOT_FOUND => {
            ("is not in Vault", "check the path; version 2 of the engine has `data` after the mount: `secret/data/app`")
        }
        StatusCode::SERVICE_UNAVAILABLE => ("cannot be had: Vault is sealed", "unseal Vault"),
        status if status.is_redirection() => ("cannot be had: Vault redirects", "set `VAULT_ADDR` to the active node"),
        _ => return unavailable(reference, &format!("cannot be had: Vault answers {status}")).help("look at Vault's log"),
    };
    unavailable(reference, why).help(help)
}

/// The field in the answer of either version: version 2 wraps the secret's data together with its metadata.
fn field(body: &[u8], name: &str) -> Option<SecretString> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let data = body.get("data")?;
    let wrapped = data.get("metadata").is_some_and(Value::is_object).then(|| data.get("data")).flatten();
    match wrapped.unwrap_or(data).get(name)? {
        Value::String(text) => Some(text.as_str().into()),
        Value::Number(number) => Some(number.to_string().into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probes::page::Page;
    use crate::secrets::Secrets;
    use restage_core::Code;

    fn reference(path: &str) -> SecretRef {
        SecretRef::Vault(VaultField { path: path.into(), field: "password".into() })
    }

    fn secrets(page: &Page, token: &'static str) -> Secrets {
        let address = page.url("");
        Secrets::with_variables(move |name| match name {
            "VAULT_ADDR" => Some(address.clone().into()),
            "VAULT_TOKEN" => Some(token.into()),
            _ => None,
        })
    }

    #[tokio::test]
    async fn both_versions_of_the_engine_are_understood_and_the_token_is_sent() {
        for body in [
            r#"{"data":{"password":"s3cret-word","user":"app"}}"#,
            r#"{"data":{"data":{"password":"s3cret-word"},"metadata":{"version":3}}}"#,
        ] {
            let page = Page::serving(200, body).await;
            let secret = secrets(&page, "token-1").resolve(&reference("secret/data/app")).await.unwrap();
            assert_eq!(secret.expose_secret(), "s3cret-word");
            let request = page.request().await.to_lowercase();
            assert!(request.starts_with("get /v1/secret/data/app http/1.1\r\n"), "{request}");
            assert!(request.contains("x-vault-token: token-1\r\n"), "{request}");
        }
    }

    #[tokio::test]
    async fn what_is_wrong_is_told_without_token_or_secret() {
        for (status, body, said) in [
            (403, r#"{"errors":["permission denied for token-1"]}"#, "is refused by Vault"),
            (404, "{}", "is not in Vault"),
            (503, "{}", "is sealed"),
            (200, r#"{"data":{"other":"s3cret-word"}}"#, "has no field `password`"),
            (307, "", "redirects"),
        ] {
            let page = Page::serving(status, body).await;
            let error = secrets(&page, "token-1").resolve(&reference("secret/app")).await.unwrap_err();
            assert_eq!(error.code, Code::SecretUnavailable);
            assert!(error.message.contains(said), "{}", error.message);
            assert!(error.help.is_some());
            let whole = format!("{error:?}");
            assert!(!whole.contains("token-1") && !whole.contains("s3cret-word"), "{whole}");
        }
    }

    #[tokio::test]
    async fn without_an_address_or_a_token_the_variables_are_named() {
        let none = Secrets::with_variables(|_| None).resolve(&reference("secret/app")).await.unwrap_err();
        assert!(none.message.contains("`VAULT_ADDR` is not set"));
        let home = tempfile::tempdir().unwrap();
        let page = Page::serving(200, r#"{"data":{"password":"s3cret-word"}}"#).await;
        let (address, folder) = (page.url(""), home.path().to_owned());
        let secrets = Secrets::with_variables(move |name| match name {
            "VAULT_ADDR" => Some(address.clone().into()),
            "HOME" => Some(folder.clone().into()),
            _ => None,
        });
        let error = secrets.resolve(&reference("secret/app")).await.unwrap_err();
        assert!(error.help.unwrap().contains("VAULT_TOKEN"));
        std::fs::write(home.path().join(TOKEN_FILE), "token-2\n").unwrap();
        assert!(secrets.resolve(&reference("secret/app")).await.is_ok());
        assert!(page.request().await.to_lowercase().contains("x-vault-token: token-2\r\n"));
    }
}
