//! Where a database is in a given run.

use crate::environment::{DatabaseAddress, ServerDatabase};
use crate::name::RunId;
use serde::{Deserialize, Serialize};

/// A database as a plan names it; the run's id makes the real name, so a plan's digest does not depend on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "place", content = "of", rename_all = "kebab-case")]
pub enum Place {
    /// The database itself.
    Live(DatabaseAddress),
    /// The shadow being made beside that target.
    Shadow(DatabaseAddress),
    /// What that target was before the swap.
    Old(DatabaseAddress),
}

/// PostgreSQL's limit on names, in bytes.
const MAX_SERVER_NAME_BYTES: usize = 63;

impl DatabaseAddress {
    /// Another database of the same server, reached the same way.
    #[must_use]
    pub fn named(&self, database: ServerDatabase) -> Self {
        Self { database, ..self.clone() }
    }
}

impl Place {
    /// Where that is in a given run.
    pub fn address(&self, run: &RunId) -> DatabaseAddress {
        match self {
            Self::Live(address) => address.clone(),
            Self::Shadow(target) => target.named(beside(&target.database, "restage", run)),
            Self::Old(target) => target.named(beside(&target.database, "before", run)),
        }
    }
}

/// `app_restage_<run>`, with the database's name cut where the server would cut it.
fn beside(database: &ServerDatabase, word: &str, run: &RunId) -> ServerDatabase {
    let suffix = format!("_{word}_{run}");
    let name = database.as_str();
    let room = MAX_SERVER_NAME_BYTES.saturating_sub(suffix.len());
    let cut = (0..=room.min(name.len())).rev().find(|at| name.is_char_boundary(*at)).unwrap_or(0);
    ServerDatabase::parse(&format!("{}{suffix}", &name[..cut])).expect("the suffix is short and the rest was cut to fit")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> ServerDatabase {
        ServerDatabase::parse(name).unwrap()
    }

    #[test]
    fn names_beside_fit_the_server() {
        let run = RunId::parse("0123456789").unwrap();
        assert_eq!(beside(&named("app"), "restage", &run).as_str(), "app_restage_0123456789");
        let name = beside(&named(&"ü".repeat(31)), "restage", &run);
        assert!(name.as_str().len() <= MAX_SERVER_NAME_BYTES && name.as_str().ends_with("_restage_0123456789"));
    }
}
