//! What a statement does with the transaction that it is in.

/// What a statement does with the transaction that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// A transaction is open behind it, which it has begun.
    Begins,
    /// No transaction is open behind it.
    Ends,
}

impl Control {
    /// What the first keywords of a statement say; comments are none, so that those before and between them hide nothing.
    pub(super) fn of(keywords: &[&str]) -> Option<Self> {
        let is = |place: usize, word: &str| keywords.get(place).is_some_and(|keyword| keyword.eq_ignore_ascii_case(word));
        let first = keywords.first()?.to_ascii_uppercase();
        match first.as_str() {
            "BEGIN" => Some(Self::Begins),
            "START" => is(1, "TRANSACTION").then_some(Self::Begins),
            "COMMIT" | "END" => Self::chained(keywords, is(1, "PREPARED")),
            "ABORT" => Self::chained(keywords, false),
            "ROLLBACK" => {
                let next = if is(1, "WORK") || is(1, "TRANSACTION") { 2 } else { 1 };
                if is(next, "TO") { None } else { Self::chained(keywords, is(1, "PREPARED")) }
            }
            "PREPARE" => is(1, "TRANSACTION").then_some(Self::Ends),
            _ => None,
        }
    }

    /// `AND CHAIN` ends a transaction and begins the next; what is prepared is a transaction of somebody else.
    fn chained(keywords: &[&str], prepared: bool) -> Option<Self> {
        let chains = matches!(keywords, [.., and, chain] if and.eq_ignore_ascii_case("AND") && chain.eq_ignore_ascii_case("CHAIN"));
        (!prepared).then_some(if chains { Self::Begins } else { Self::Ends })
    }
}
