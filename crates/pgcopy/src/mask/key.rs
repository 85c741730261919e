//! The secret that masks are keyed with.

use super::permutation::Permutation;
use super::siphash::SipKey;
use crate::{Kind, Result};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::sync::Arc;

/// Goes into every derived key: fakes of another version of the masks are other fakes.
const VERSION: &str = "restage masks 1";

/// The key of all masks of a copy; the same secret gives the same fakes on every machine and in every release.
///
/// It is cheap to clone, and prints nothing of itself.
#[derive(Clone)]
pub struct MaskKey {
    pub(super) keys: Arc<Keys>,
}

/// One key per kind of fake, so that fakes of different kinds cannot be matched with each other.
pub(super) struct Keys {
    pub hash: SipKey,
    /// First names, last names and e-mail addresses, so that they agree within a template.
    pub person: SipKey,
    pub address: SipKey,
    pub uuid: SipKey,
    pub letters: SipKey,
    pub date: SipKey,
    pub noise: SipKey,
    pub permutation: Permutation,
}

impl MaskKey {
    /// Derives the key from a secret, which should be at least 16 random characters; an empty one is refused.
    pub fn new(secret: &[u8]) -> Result<Self> {
        if secret.is_empty() {
            return Err(Kind::MaskUnfit
                .error("the secret of the masks is empty")
                .help("give `mask-secret` at least 16 random characters"));
        }
        let key = |label: &str| SipKey::new(derived(secret, label));
        let keys = Keys {
            hash: key("hash"),
            person: key("person"),
            address: key("address"),
            uuid: key("uuid"),
            letters: key("letters"),
            date: key("date"),
            noise: key("noise"),
            permutation: Permutation::new(key("permutation")),
        };
        Ok(Self { keys: Arc::new(keys) })
    }

    /// Tells whether another key is this one; nothing of the secret can be had from it.
    pub(crate) fn fingerprint(&self) -> String {
        format!("{:?}", self.keys.hash.hash(b"fingerprint").bytes())
    }
}

/// The first 16 bytes of HMAC-SHA-256 of the label under the secret.
fn derived(secret: &[u8], label: &str) -> [u8; 16] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(VERSION.as_bytes());
    mac.update(b": ");
    mac.update(label.as_bytes());
    let whole: [u8; 32] = mac.finalize().into_bytes().into();
    let ([first, _], _) = whole.as_chunks::<16>() else { unreachable!("32 bytes are two times 16") };
    *first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_secret_is_refused() {
        assert_eq!(MaskKey::new(b"").err().map(|error| error.kind), Some(Kind::MaskUnfit));
    }

    #[test]
    fn every_kind_of_fake_has_a_key_of_its_own() {
        let keys = MaskKey::new(b"example").unwrap().keys;
        let all = [&keys.hash, &keys.person, &keys.address, &keys.uuid, &keys.letters, &keys.date, &keys.noise];
        let digests: std::collections::BTreeSet<_> = all.iter().map(|key| key.hash(b"value").bytes()).collect();
        assert_eq!(digests.len(), all.len());
    }
}
