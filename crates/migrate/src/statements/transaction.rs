//! Which statements a server refuses within a transaction.

/// The first major version that adds a value to an enum within a transaction.
const ENUM_VALUES_IN_TRANSACTIONS: u32 = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transaction {
    Allowed,
    Refused,
    RefusedBefore(u32),
}

impl Transaction {
    pub(super) fn is_refused_by(self, server_major: u32) -> bool {
        match self {
            Self::Allowed => false,
            Self::Refused => true,
            Self::RefusedBefore(version) => server_major < version,
        }
    }

    /// What the first keywords of a statement say. Flyway knows these rules, except for the two whose names say `CONCURRENTLY` last:
    /// there it lets the server refuse the statement.
    pub(super) fn of(keywords: &[&str]) -> Self {
        let word = |index: usize, choices: &[&str]| {
            keywords.get(index).is_some_and(|word| choices.iter().any(|choice| choice.eq_ignore_ascii_case(word)))
        };
        let pair = |first: &str, second: &str| {
            (2..keywords.len().saturating_sub(1)).find(|index| word(*index, &[first]) && word(index + 1, &[second]))
        };
        let create_or_drop = word(0, &["CREATE", "DROP"]);
        let indexes = if word(1, &["UNIQUE"]) { 2 } else { 1 };
        let reindexed = if word(1, &["VERBOSE"]) { 2 } else { 1 };
        let refused = (create_or_drop && word(1, &["DATABASE", "TABLESPACE", "SUBSCRIPTION"]))
            || (create_or_drop && word(indexes, &["INDEX"]) && word(indexes + 1, &["CONCURRENTLY"]))
            || (word(0, &["ALTER"]) && word(1, &["SYSTEM"]))
            || (word(0, &["REINDEX"]) && word(reindexed, &["SCHEMA", "DATABASE", "SYSTEM"]))
            || word(0, &["VACUUM"])
            || (word(0, &["DISCARD"]) && word(1, &["ALL"]))
            || (word(0, &["REINDEX"]) && word(1, &["TABLE", "INDEX"]) && word(2, &["CONCURRENTLY"]))
            || (word(0, &["ALTER"])
                && word(1, &["TABLE"])
                && pair("DETACH", "PARTITION").is_some_and(|at| (at + 2..at + 4).any(|index| word(index, &["CONCURRENTLY"]))));
        if refused {
            Self::Refused
        } else if word(0, &["ALTER"]) && word(1, &["TYPE"]) && pair("ADD", "VALUE").is_some() {
            Self::RefusedBefore(ENUM_VALUES_IN_TRANSACTIONS)
        } else {
            Self::Allowed
        }
    }
}
