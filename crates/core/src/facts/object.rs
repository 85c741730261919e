//! The objects of a database, as `pg_dump` lists them.

use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;

macro_rules! object_kinds {
    ($($kind:ident = $word:literal,)*) => {
        /// What an object is, by `pg_dump`'s words.
        #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum ObjectKind {
            $(
                #[doc = concat!("`", $word, "`")]
                $kind,
            )*
            /// A word that restage has no rule for; such an object is copied like any other.
            Other(String),
        }

        impl ObjectKind {
            /// `pg_dump`'s word, such as `FUNCTION`.
            pub fn word(&self) -> &str {
                match self {
                    $(Self::$kind => $word,)*
                    Self::Other(word) => word,
                }
            }
        }

        impl From<String> for ObjectKind {
            fn from(word: String) -> Self {
                match word.as_str() {
                    $($word => Self::$kind,)*
                    _ => Self::Other(word),
                }
            }
        }
    };
}

object_kinds! {
    AccessMethod = "ACCESS METHOD",
    Acl = "ACL",
    Aggregate = "AGGREGATE",
    Cast = "CAST",
    CheckConstraint = "CHECK CONSTRAINT",
    Collation = "COLLATION",
    Comment = "COMMENT",
    Constraint = "CONSTRAINT",
    Conversion = "CONVERSION",
    Database = "DATABASE",
    DatabaseProperties = "DATABASE PROPERTIES",
    Default = "DEFAULT",
    DefaultAcl = "DEFAULT ACL",
    Domain = "DOMAIN",
    Encoding = "ENCODING",
    EventTrigger = "EVENT TRIGGER",
    Extension = "EXTENSION",
    ForeignKey = "FK CONSTRAINT",
    ForeignDataWrapper = "FOREIGN DATA WRAPPER",
    ForeignTable = "FOREIGN TABLE",
    Function = "FUNCTION",
    Index = "INDEX",
    IndexAttach = "INDEX ATTACH",
    MaterializedView = "MATERIALIZED VIEW",
    Operator = "OPERATOR",
    OperatorClass = "OPERATOR CLASS",
    OperatorFamily = "OPERATOR FAMILY",
    Policy = "POLICY",
    ProceduralLanguage = "PROCEDURAL LANGUAGE",
    Procedure = "PROCEDURE",
    Publication = "PUBLICATION",
    PublicationTable = "PUBLICATION TABLE",
    PublicationTablesInSchema = "PUBLICATION TABLES IN SCHEMA",
    RowSecurity = "ROW SECURITY",
    Rule = "RULE",
    Schema = "SCHEMA",
    SearchPath = "SEARCHPATH",
    SecurityLabel = "SECURITY LABEL",
    Sequence = "SEQUENCE",
    SequenceOwnedBy = "SEQUENCE OWNED BY",
    Server = "SERVER",
    ShellType = "SHELL TYPE",
    Statistics = "STATISTICS",
    StandardStrings = "STDSTRINGS",
    Subscription = "SUBSCRIPTION",
    SubscriptionTable = "SUBSCRIPTION TABLE",
    Table = "TABLE",
    TableAttach = "TABLE ATTACH",
    TextSearchConfiguration = "TEXT SEARCH CONFIGURATION",
    TextSearchDictionary = "TEXT SEARCH DICTIONARY",
    TextSearchParser = "TEXT SEARCH PARSER",
    TextSearchTemplate = "TEXT SEARCH TEMPLATE",
    Transform = "TRANSFORM",
    Trigger = "TRIGGER",
    Type = "TYPE",
    UserMapping = "USER MAPPING",
    View = "VIEW",
}

impl ObjectKind {
    /// Whether it is what others are named after: a table or a view of any sort.
    pub fn is_relation(&self) -> bool {
        matches!(self, Self::Table | Self::ForeignTable | Self::View | Self::MaterializedView)
    }

    /// Whether it says something about another object.
    pub fn is_remark(&self) -> bool {
        matches!(self, Self::Comment | Self::SecurityLabel)
    }

    /// Whether it belongs to logical replication.
    pub fn is_replication(&self) -> bool {
        matches!(
            self,
            Self::Publication
                | Self::PublicationTable
                | Self::PublicationTablesInSchema
                | Self::Subscription
                | Self::SubscriptionTable
        )
    }

    /// Whether `ALTER … OWNER TO` gives it away.
    pub fn can_be_given(&self) -> bool {
        matches!(
            self,
            Self::Aggregate
                | Self::Collation
                | Self::Conversion
                | Self::Domain
                | Self::EventTrigger
                | Self::ForeignDataWrapper
                | Self::ForeignTable
                | Self::Function
                | Self::MaterializedView
                | Self::Operator
                | Self::OperatorClass
                | Self::OperatorFamily
                | Self::ProceduralLanguage
                | Self::Procedure
                | Self::Publication
                | Self::Schema
                | Self::Sequence
                | Self::Server
                | Self::Statistics
                | Self::Subscription
                | Self::Table
                | Self::TextSearchConfiguration
                | Self::TextSearchDictionary
                | Self::Type
                | Self::View
        )
    }
}

impl From<&str> for ObjectKind {
    fn from(word: &str) -> Self {
        word.to_owned().into()
    }
}

impl From<ObjectKind> for String {
    fn from(kind: ObjectKind) -> Self {
        kind.word().to_owned()
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// By their words, so that an order, and a digest made in it, outlives new variants.
impl Ord for ObjectKind {
    fn cmp(&self, other: &Self) -> Ordering {
        self.word().cmp(other.word())
    }
}

impl PartialOrd for ObjectKind {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// An object as `pg_dump` lists it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectName {
    /// What it is.
    pub kind: ObjectKind,
    /// The schema; empty for none.
    pub schema: String,
    /// The name, with arguments or table where `pg_dump` has them.
    pub name: String,
}

impl TryFrom<String> for ObjectName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let mut parts = text.splitn(3, '\u{1f}').map(str::to_owned);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(kind), Some(schema), Some(name)) => Ok(Self { kind: kind.into(), schema, name }),
            _ => Err(format!("`{text}` is not an object's name")),
        }
    }
}

impl From<ObjectName> for String {
    fn from(object: ObjectName) -> Self {
        format!("{}\u{1f}{}\u{1f}{}", object.kind, object.schema, object.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_as_it_was_written() {
        for word in ["FK CONSTRAINT", "PUBLICATION TABLES IN SCHEMA", "SOMETHING NEW"] {
            assert_eq!(ObjectKind::from(word).word(), word);
        }
        assert_eq!(ObjectKind::from("FK CONSTRAINT"), ObjectKind::ForeignKey);
        assert!(ObjectKind::Index < ObjectKind::from("JOB") && ObjectKind::from("JOB") < ObjectKind::Table);
    }
}
