//! Where secrets are kept. The secrets themselves are never in a file that restage reads.

use crate::document::{At, Findings};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Where a secret is kept; it is fetched when it is needed and never stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "secret", extend("x-hint" = "name where the secret is kept: { env: NAME }, { file: PATH }, { exec: [COMMAND, …] } or { vault: { path: …, field: … } }"))]
pub enum SecretRef {
    /// The environment variable of that name.
    Env(String),
    /// The content of the file, without the newline at its end.
    File(PathBuf),
    /// What the command prints to its standard output, without the newline at its end; the first item is the program,
    /// started without a shell.
    Exec(#[schemars(length(min = 1))] Vec<String>),
    /// A field of a HashiCorp Vault key-value secret; `VAULT_ADDR` and `VAULT_TOKEN` say where Vault is and who asks.
    Vault(VaultField),
}

/// A field of a secret in HashiCorp Vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "vault")]
pub struct VaultField {
    /// The path of the API, such as `secret/data/app` for version 2 of the key-value engine.
    #[schemars(length(min = 1))]
    pub path: String,
    /// The field within the secret.
    #[schemars(length(min = 1))]
    pub field: String,
}

impl SecretRef {
    /// Checks what the schema cannot.
    pub(crate) fn verify(&self, at: At<'_>, findings: &mut Findings) {
        match self {
            Self::Env(name) if !is_variable(name) && !at.key("env").is_doubtful() => {
                // The text may well be the secret itself.
                findings.redact(at.key("env").span());
                let finding = findings.at(at.key("env"), "`env` must be the name of an environment variable");
                finding.help("use letters, digits and `_`, as in `PROD_PASSWORD`");
            }
            Self::File(path) if path.as_os_str().is_empty() && !at.key("file").is_doubtful() => {
                findings.at(at, "`file` is empty").help("give the path of the file that holds the secret");
            }
            Self::Exec(words) if words.first().is_some_and(String::is_empty) && !at.key("exec").has_doubts() => {
                findings.at(at, "`exec` has no program").help("give the program and its arguments as a list");
            }
            Self::Env(_) | Self::File(_) | Self::Exec(_) | Self::Vault(_) => {}
        }
    }
}

/// Whether a shell would take the text as the name of a variable.
pub(crate) fn is_variable(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}
