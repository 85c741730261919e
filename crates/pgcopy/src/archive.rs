//! Structure, as `pg_dump` writes it: each object with its exact statements, its owner and what it needs.
//!
//! `pg_dump -Fc --schema-only` writes a table of contents that holds every statement, so nothing has to be cut out of SQL text.

mod archives;
mod dump;
mod entry;
mod reader;
mod toc;

pub use archives::Archives;
pub use dump::{dump, dump_without};
pub use entry::{Entry, EntryId, Section};
pub use toc::read;

#[cfg(test)]
pub(crate) use entry::tests::entry;

use restage_core::facts::ObjectName;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

/// Everything `pg_dump` lists of one database, in an order in which it can be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// The server that was dumped, as it names its version, such as `15.17`.
    pub server_version: String,
    /// The entries.
    pub entries: Vec<Entry>,
}

impl Archive {
    /// Every object with the digest of its definition, owners and grants left out: what two databases are compared by.
    ///
    /// Two objects that `pg_dump` gives one name, such as the comments on two constraints, share one digest of both.
    pub fn objects(&self) -> BTreeMap<ObjectName, String> {
        let mut definitions: BTreeMap<ObjectName, Vec<&str>> = BTreeMap::new();
        for entry in self.entries.iter().filter(|entry| entry.is_object()) {
            let name = ObjectName { kind: entry.kind.clone(), schema: entry.schema.clone(), name: entry.name.clone() };
            definitions.entry(name).or_default().push(&entry.sql);
        }
        definitions.into_iter().map(|(name, texts)| (name, digest(texts))).collect()
    }

    /// The entries by their ids, which dependencies name.
    pub fn by_id(&self) -> HashMap<EntryId, &Entry> {
        self.entries.iter().map(|entry| (entry.id, entry)).collect()
    }
}

fn digest(mut texts: Vec<&str>) -> String {
    texts.sort_unstable();
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    hash.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // writing to a string cannot fail
        text
    })
}
