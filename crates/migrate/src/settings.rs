//! What can be set, with Flyway's names and defaults.
//!
//! [`Settings`] is plain data; [`flyway::read`] fills it from Flyway's own files and variables.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::encoding::Encoding;
use crate::placeholders::Placeholders;
use crate::scripts::Location;
use crate::state::State;
use crate::version::Version;
use crate::{Error, Kind, Result};

pub mod flyway;

/// Everything that can be set; the default of each field is Flyway's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of Flyway's, independent of the others")]
pub struct Settings {
    /// Where scripts are; Flyway's default is on its class path, so there is none here.
    pub locations: Vec<Location>,
    /// The name of the history's table.
    pub table: String,
    /// The schema of the history; without it the first of `schemas`, without these the connection's current one.
    pub default_schema: Option<String>,
    /// The schemas that are migrated, and created where they are missing.
    pub schemas: Vec<String>,
    /// The tablespace of the history's table and its indexes.
    pub tablespace: Option<String>,
    /// Whether missing schemas are created.
    pub create_schemas: bool,
    /// What names of versioned migrations begin with.
    pub sql_migration_prefix: String,
    /// What names of undo migrations begin with.
    pub undo_sql_migration_prefix: String,
    /// What names of baseline migrations begin with.
    pub baseline_migration_prefix: String,
    /// What names of repeatable migrations begin with.
    pub repeatable_sql_migration_prefix: String,
    /// What stands between version and description.
    pub sql_migration_separator: String,
    /// What names of scripts end with, letters' case aside; the first that fits counts.
    pub sql_migration_suffixes: Vec<String>,
    /// The encoding of scripts, by the name Java has for it.
    pub encoding: String,
    /// The values of placeholders by name, without Flyway's own.
    pub placeholders: BTreeMap<String, String>,
    /// Whether placeholders are replaced.
    pub placeholder_replacement: bool,
    /// What a placeholder begins with.
    pub placeholder_prefix: String,
    /// What a placeholder ends with.
    pub placeholder_suffix: String,
    /// What stands between `flyway` and the name in Flyway's own placeholders.
    pub placeholder_separator: String,
    /// Whether a version below one that was applied may still be applied.
    pub out_of_order: bool,
    /// Whether a schema that has objects but no history is baselined by a run.
    pub baseline_on_migrate: bool,
    /// The version of the baseline row.
    pub baseline_version: Version,
    /// The description of the baseline row.
    pub baseline_description: String,
    /// Whether statements that refuse a transaction may stand beside others, without a transaction then.
    pub mixed: bool,
    /// Whether all pending migrations are applied in one transaction.
    pub group: bool,
    /// Whether a run validates first.
    pub validate_on_migrate: bool,
    /// Whether a script whose name says not what it is, is an error; otherwise it is left alone.
    pub validate_migration_naming: bool,
    /// What validation overlooks.
    pub ignore_migration_patterns: Vec<IgnorePattern>,
    /// How far a run goes.
    pub target: Target,
    /// The only migrations to consider, by version or description, in this order; all if it is empty.
    pub cherry_pick: Vec<String>,
    /// Whether a run only writes the history.
    pub skip_executing_migrations: bool,
    /// Who the history says applied a migration; the session's user if nothing is said.
    pub installed_by: Option<String>,
    /// How often the lock is asked for again, once a second; -1 for no end.
    pub lock_retry_count: i32,
    /// Whether the lock is held by a transaction, or by a session.
    pub transactional_lock: bool,
    /// How often connecting is tried again.
    pub connect_retries: u32,
    /// Whether migrations run in transactions unless their statements refuse.
    pub execute_in_transaction: bool,
    /// Whether callbacks found in locations are left alone.
    pub skip_default_callbacks: bool,
    /// Whether a location that does not exist is an error.
    pub fail_on_missing_locations: bool,
    /// Statements that each connection begins with.
    pub init_sql: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        let text = str::to_owned;
        Self {
            locations: Vec::new(),
            table: text("flyway_schema_history"),
            default_schema: None,
            schemas: Vec::new(),
            tablespace: None,
            create_schemas: true,
            sql_migration_prefix: text("V"),
            undo_sql_migration_prefix: text("U"),
            baseline_migration_prefix: text("B"),
            repeatable_sql_migration_prefix: text("R"),
            sql_migration_separator: text("__"),
            sql_migration_suffixes: vec![text(".sql")],
            encoding: text("UTF-8"),
            placeholders: BTreeMap::new(),
            placeholder_replacement: true,
            placeholder_prefix: text("${"),
            placeholder_suffix: text("}"),
            placeholder_separator: text(":"),
            out_of_order: false,
            baseline_on_migrate: false,
            baseline_version: Version::parse("1").expect("`1` is a version"),
            baseline_description: text("<< Flyway Baseline >>"),
            mixed: false,
            group: false,
            validate_on_migrate: true,
            validate_migration_naming: false,
            ignore_migration_patterns: vec![IgnorePattern::FUTURE],
            target: Target::Latest,
            cherry_pick: Vec::new(),
            skip_executing_migrations: false,
            installed_by: None,
            lock_retry_count: 50,
            transactional_lock: true,
            connect_retries: 0,
            execute_in_transaction: true,
            skip_default_callbacks: false,
            fail_on_missing_locations: false,
            init_sql: None,
        }
    }
}

impl Settings {
    /// The schema of the history as far as settings say it; otherwise it is the connection's current one.
    pub fn history_schema(&self) -> Option<&str> {
        self.default_schema.as_deref().or_else(|| self.schemas.first().map(String::as_str))
    }

    /// The encoding of scripts that have none of their own.
    pub fn encoding(&self) -> Result<Encoding> {
        Encoding::named(&self.encoding)
    }

    /// How placeholders look, and the values set for them; Flyway's own values are for the caller to add.
    pub fn placeholders(&self) -> Result<Placeholders> {
        let mut placeholders = Placeholders::new(&self.placeholder_prefix, &self.placeholder_suffix, &self.placeholder_separator)?;
        for (name, value) in &self.placeholders {
            placeholders.insert(name, value);
        }
        Ok(placeholders)
    }
}

/// How far a run goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Target {
    /// To the end.
    #[default]
    Latest,
    /// To the version applied last.
    Current,
    /// One versioned migration further.
    Next,
    /// To this version.
    Version(Version, MissingTarget),
}

/// What a target that neither scripts nor history have is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingTarget {
    /// An error.
    Refused,
    /// No error, for which the version is written with `?` behind it.
    Allowed,
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        // Flyway writes the largest number of its language for `latest`.
        match text.to_ascii_lowercase().as_str() {
            "" | "latest" | "9223372036854775807" => Ok(Self::Latest),
            "current" => Ok(Self::Current),
            "next" => Ok(Self::Next),
            _ => {
                let (version, missing) = match text.strip_suffix('?') {
                    Some(version) => (version, MissingTarget::Allowed),
                    None => (text, MissingTarget::Refused),
                };
                let version = Version::parse(version).map_err(|_| {
                    Kind::Setting
                        .error(format_args!("`{text}` is no target"))
                        .help("write a version, one with `?` behind it, `latest`, `current` or `next`")
                })?;
                Ok(Self::Version(version, missing))
            }
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => formatter.write_str("latest"),
            Self::Current => formatter.write_str("current"),
            Self::Next => formatter.write_str("next"),
            Self::Version(version, MissingTarget::Refused) => version.fmt(formatter),
            Self::Version(version, MissingTarget::Allowed) => write!(formatter, "{version}?"),
        }
    }
}

/// Migrations that validation overlooks, written as `type:state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IgnorePattern {
    /// Which migrations, all if nothing is said.
    pub migrations: Option<Migrations>,
    /// In which state, every one if nothing is said.
    pub state: Option<State>,
}

/// The migrations of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Migrations {
    /// Those with a version.
    Versioned,
    /// Those without.
    Repeatable,
}

impl IgnorePattern {
    /// `*:future`, what Flyway overlooks if nothing is set.
    pub const FUTURE: Self = Self { migrations: None, state: Some(State::Future) };
    /// `*:pending`, what is overlooked besides when a run validates.
    pub const PENDING: Self = Self { migrations: None, state: Some(State::Pending) };
    const STATES: [State; 4] = [State::Missing, State::Pending, State::Ignored, State::Future];

    /// Whether it is about these migrations in this state.
    pub fn matches(&self, migrations: Migrations, state: State) -> bool {
        self.state.is_none_or(|own| own == state) && self.migrations.is_none_or(|own| own == migrations)
    }
}

impl FromStr for IgnorePattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refused = || {
            Kind::Setting
                .error(format_args!("`{text}` is no pattern of migrations to ignore"))
                .help("write `*`, `versioned` or `repeatable`, a colon, and `*`, `missing`, `pending`, `ignored` or `future`")
        };
        let (migrations, state) = text.split_once(':').ok_or_else(refused)?;
        let migrations = match migrations.trim().to_lowercase().as_str() {
            "*" => None,
            "versioned" => Some(Migrations::Versioned),
            "repeatable" => Some(Migrations::Repeatable),
            _ => return Err(refused()),
        };
        let state = match state.trim() {
            "*" => None,
            name => Some(Self::STATES.into_iter().find(|state| state.name().eq_ignore_ascii_case(name)).ok_or_else(refused)?),
        };
        Ok(Self { migrations, state })
    }
}

impl fmt::Display for IgnorePattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let migrations = match self.migrations {
            None => "*",
            Some(Migrations::Versioned) => "versioned",
            Some(Migrations::Repeatable) => "repeatable",
        };
        let state = self.state.map_or("*".to_owned(), |state| state.name().to_lowercase());
        write!(formatter, "{migrations}:{state}")
    }
}

/// Types that settings hold as texts.
macro_rules! as_text {
    ($($name:ty),*) => {$(
        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    )*};
}
as_text!(Target, IgnorePattern, Location);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_being_written_and_read() {
        let settings = Settings {
            target: "5.1?".parse().unwrap(),
            locations: vec!["filesystem:db/*/sql".parse().unwrap()],
            ignore_migration_patterns: vec!["Versioned: Missing".parse().unwrap()],
            ..Settings::default()
        };
        let text = serde_json::to_string(&settings).unwrap();
        assert!(text.contains(r#""target":"5.1?""#) && text.contains(r#"["versioned:missing"]"#), "{text}");
        assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), settings);
        assert_eq!(serde_json::from_str::<Settings>("{}").unwrap(), Settings::default());
        assert!(serde_json::from_str::<Settings>(r#"{"tabel": "x"}"#).unwrap_err().to_string().contains("tabel"));
    }

    #[test]
    fn targets_are_told_apart_and_what_is_none_is_named() {
        for (text, display) in
            [("", "latest"), ("LATEST", "latest"), ("Current", "current"), ("next", "next"), ("1_2?", "1.2?"), ("3", "3")]
        {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), display);
        }
        assert!("soon".parse::<Target>().unwrap_err().message.contains("`soon`"));
    }

    #[test]
    fn ignore_patterns_take_only_the_states_that_flyway_takes() {
        for text in ["*:*", "versioned:missing", "repeatable:pending", "*:ignored", "*:future"] {
            assert_eq!(text.parse::<IgnorePattern>().unwrap().to_string(), text);
        }
        for text in ["", "missing", "*:success", "undo:missing", "*:missing:x"] {
            assert_eq!(text.parse::<IgnorePattern>().unwrap_err().kind, Kind::Setting, "{text}");
        }
    }

    #[test]
    fn the_history_is_in_the_default_schema_or_the_first_one() {
        let mut settings = Settings::default();
        assert_eq!(settings.history_schema(), None);
        settings.schemas = vec!["app".into(), "audit".into()];
        assert_eq!(settings.history_schema(), Some("app"));
        settings.default_schema = Some("history".into());
        assert_eq!(settings.history_schema(), Some("history"));
    }
}
