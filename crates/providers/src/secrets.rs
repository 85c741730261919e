//! Secrets: fetched from where a reference says at the moment they are needed, and kept nowhere but in memory.

mod exec;
mod vault;

use restage_core::environment::{SecretRef, VaultField};
use restage_core::{Code, Error, Result};
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// The largest secret that is taken, in bytes.
const MAX_SECRET_BYTES: usize = 64 << 10;
/// Shorter secrets are not looked for in output: they would be found everywhere.
const MIN_REDACTED_BYTES: usize = 5;

type Variables = Arc<dyn Fn(&str) -> Option<OsString> + Send + Sync>;

/// Fetches secrets, each once per process.
#[derive(Clone)]
pub struct Secrets {
    variables: Variables,
    known: Arc<Mutex<BTreeMap<Key, SecretString>>>,
}

/// A reference as text, by which a fetched secret is found again.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key(String);

impl Default for Secrets {
    fn default() -> Self {
        Self::with_variables(|name| std::env::var_os(name))
    }
}

impl Secrets {
    /// Takes environment variables from a function instead of the process.
    pub fn with_variables(variables: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static) -> Self {
        Self { variables: Arc::new(variables), known: Arc::default() }
    }

    /// The secret that the reference leads to; [`Code::SecretUnavailable`] names the reference and never the value.
    pub async fn resolve(&self, reference: &SecretRef) -> Result<SecretString> {
        let key = Key::of(reference);
        if let Some(known) = self.lock().get(&key) {
            return Ok(known.clone());
        }
        let secret = self.fetch(reference).await?;
        if secret.expose_secret().is_empty() {
            return Err(unavailable(reference, "is empty").help("put the secret where the reference leads"));
        }
        self.lock().insert(key, secret.clone());
        Ok(secret)
    }

    /// Forgets a secret, so that it is fetched anew: after a login was refused it may have been replaced.
    pub fn forget(&self, reference: &SecretRef) {
        self.lock().remove(&Key::of(reference));
    }

    /// Hides a secret that came another way, by the name it has there.
    pub(crate) fn hide(&self, name: &str, secret: &SecretString) {
        self.lock().insert(Key(name.to_owned()), secret.clone());
    }

    /// The text with every secret that this process has fetched replaced.
    pub fn redact(&self, text: &str) -> String {
        let known = self.lock();
        let secrets = known.values().map(ExposeSecret::expose_secret).filter(|secret| secret.len() >= MIN_REDACTED_BYTES);
        let mut present: Vec<&str> = secrets.filter(|secret| text.contains(*secret)).collect();
        // One that holds another goes first, or its rest would stay.
        present.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        present.into_iter().fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }

    async fn fetch(&self, reference: &SecretRef) -> Result<SecretString> {
        match reference {
            SecretRef::Env(name) => self.variable(reference, name),
            SecretRef::File(path) => file(reference, path).await,
            SecretRef::Exec(words) => exec::fetch(reference, words).await,
            SecretRef::Vault(field) => vault::fetch(reference, field, &self.variables).await,
        }
    }

    fn variable(&self, reference: &SecretRef, name: &str) -> Result<SecretString> {
        let value = (self.variables)(name)
            .ok_or_else(|| unavailable(reference, "is not set").help(format!("export `{name}` before starting restage")))?;
        let value = value.into_string().map_err(|_| unavailable(reference, "is not text"))?;
        Ok(value.into())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Key, SecretString>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

impl Key {
    fn of(reference: &SecretRef) -> Self {
        Self(serde_json::to_string(reference).expect("references are plain data"))
    }
}

async fn file(reference: &SecretRef, path: &Path) -> Result<SecretString> {
    let unreadable = |cause: std::io::Error| {
        let help = "check that the file exists and that restage's user may read it";
        unavailable(reference, "cannot be read").help(help).because(cause)
    };
    let size = tokio::fs::metadata(path).await.map_err(unreadable)?.len();
    if size > MAX_SECRET_BYTES as u64 {
        return Err(unavailable(reference, "is too large to be a secret").help("name the file that holds only the secret"));
    }
    let bytes = tokio::fs::read(path).await.map_err(unreadable)?;
    text(reference, bytes)
}

/// Bytes as a secret: without the newline at their end.
fn text(reference: &SecretRef, bytes: Vec<u8>) -> Result<SecretString> {
    // The cause would quote the bytes.
    let text = String::from_utf8(bytes).map_err(|_| unavailable(reference, "is not text in UTF-8"))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).into())
}

fn unavailable(reference: &SecretRef, why: &str) -> Error {
    Code::SecretUnavailable.error(format!("the secret `{}` {why}", name(reference)))
}

/// The reference in a few words; arguments of a command are left out.
fn name(reference: &SecretRef) -> String {
    match reference {
        SecretRef::Env(name) => format!("env: {name}"),
        SecretRef::File(path) => format!("file: {}", path.display()),
        SecretRef::Exec(words) => format!("exec: {}", words.first().map_or("", String::as_str)),
        SecretRef::Vault(VaultField { path, field }) => format!("vault: {path}, {field}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> Secrets {
        Secrets::with_variables(|name| (name == "APP_PASSWORD").then(|| "s3cret-word".into()))
    }

    fn env(name: &str) -> SecretRef {
        SecretRef::Env(name.into())
    }

    #[tokio::test]
    async fn a_variable_is_taken_as_it_is_and_a_missing_one_is_named() {
        assert_eq!(secrets().resolve(&env("APP_PASSWORD")).await.unwrap().expose_secret(), "s3cret-word");
        let missing = secrets().resolve(&env("OTHER")).await.unwrap_err();
        assert_eq!((missing.code, missing.message.as_str()), (Code::SecretUnavailable, "the secret `env: OTHER` is not set"));
        assert!(missing.help.unwrap().contains("export `OTHER`"));
    }

    #[tokio::test]
    async fn a_file_loses_one_newline_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        for (content, wanted) in [("pass\n", "pass"), ("pass\r\n", "pass"), (" pass \n\n", " pass \n"), ("pass", "pass")] {
            std::fs::write(&path, content).unwrap();
            let secret = secrets().resolve(&SecretRef::File(path.clone())).await.unwrap();
            assert_eq!(secret.expose_secret(), wanted);
        }
        std::fs::write(&path, "\n").unwrap();
        let empty = secrets().resolve(&SecretRef::File(path.clone())).await.unwrap_err();
        assert!(empty.message.ends_with("is empty"), "{}", empty.message);
        std::fs::write(&path, [0x73, 0x33, 0xff]).unwrap();
        let binary = secrets().resolve(&SecretRef::File(path)).await.unwrap_err();
        assert!(std::error::Error::source(&binary).is_none(), "a cause would quote the file");
    }

    #[tokio::test]
    async fn a_fetched_secret_is_kept_until_forgotten_and_hidden_in_output() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "first-one").unwrap();
        let (secrets, reference) = (secrets(), SecretRef::File(path.clone()));
        secrets.resolve(&reference).await.unwrap();
        std::fs::write(&path, "second-one").unwrap();
        assert_eq!(secrets.resolve(&reference).await.unwrap().expose_secret(), "first-one");
        assert_eq!(secrets.redact("PGPASSWORD=first-one psql"), "PGPASSWORD=*** psql");
        secrets.forget(&reference);
        assert_eq!(secrets.resolve(&reference).await.unwrap().expose_secret(), "second-one");
        std::fs::write(&path, "second-one-and-more").unwrap();
        let longer = SecretRef::File(folder.path().join(".").join("password"));
        secrets.resolve(&longer).await.unwrap();
        assert_eq!(secrets.redact("second-one-and-more, second-one"), "***, ***");
        assert!(!format!("{secrets:?}").contains("second-one"));
    }
}
