//! What a script's file name says: `V1_2__add_table.sql` is version 1.2 with the description `add table`.

use crate::callbacks::Event;
use crate::settings::{Migrations, Settings};
use crate::version::Version;
use crate::{Error, Kind};

/// What the name of a migration says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// What the script is, with its version where it has one.
    pub sort: Sort,
    /// What stands behind the separator, with spaces for underscores; may be empty.
    pub description: String,
}

/// What a script is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sort {
    /// It is applied once.
    Versioned(Version),
    /// It takes the versioned one back.
    Undo(Version),
    /// It stands for all versioned ones up to its version, in a history that is empty.
    Baseline(Version),
    /// It is applied whenever its text changes.
    Repeatable,
}

impl Sort {
    /// The version, which repeatable migrations have not.
    pub fn version(&self) -> Option<&Version> {
        match self {
            Self::Versioned(version) | Self::Undo(version) | Self::Baseline(version) => Some(version),
            Self::Repeatable => None,
        }
    }

    /// Which patterns it is matched by.
    pub fn migrations(&self) -> Migrations {
        if self.version().is_some() { Migrations::Versioned } else { Migrations::Repeatable }
    }
}

/// What a file name turns out to be.
#[derive(Debug)]
pub enum Parsed {
    /// The script of a migration.
    Migration(Name),
    /// The script of a callback, with its description.
    Callback(Event, String),
    /// It ends like a script but says not what it is.
    Broken(Error),
    /// It does not end like a script.
    Other,
}

enum Prefix {
    Versioned,
    Undo,
    Baseline,
    Repeatable,
    Callback(Event),
}

/// What a file of this name is; the longest of all prefixes that fits counts, with letters' case.
pub fn parse(file_name: &str, settings: &Settings) -> Parsed {
    let Some((bare, suffix)) = strip_suffix(file_name, &settings.sql_migration_suffixes) else { return Parsed::Other };
    let Some((prefix_text, prefix)) = prefix_of(bare, settings) else {
        return Parsed::Broken(broken(file_name, "it begins with no known prefix"));
    };
    let separator = settings.sql_migration_separator.as_str();
    let rest = &bare[prefix_text.len()..];
    let (version, description) = rest.split_once(separator).unwrap_or((rest, ""));
    let example = |version: &str| {
        let description = if description.is_empty() { "description" } else { description };
        format!("call it such as `{prefix_text}{version}{separator}{description}{suffix}`, or move it out of the locations")
    };
    let described = description.replace('_', " ");
    let with_version = |sort: fn(Version) -> Sort| match Version::parse(version) {
        Ok(version) => Parsed::Migration(Name { sort: sort(version), description: described.clone() }),
        Err(_) if version.is_empty() => Parsed::Broken(broken(file_name, "it has no version").help(example("1.2"))),
        Err(error) => Parsed::Broken(broken(file_name, &error.message).help(example("1.2"))),
    };
    match prefix {
        Prefix::Versioned => with_version(Sort::Versioned),
        Prefix::Undo => with_version(Sort::Undo),
        Prefix::Baseline => with_version(Sort::Baseline),
        Prefix::Repeatable | Prefix::Callback(_) if !version.is_empty() => {
            Parsed::Broken(broken(file_name, &format!("`{version}` stands where no version may")).help(example("")))
        }
        // Flyway wants more of a name than prefix and suffix, and leaves what is nothing else alone.
        Prefix::Repeatable if rest.is_empty() => Parsed::Other,
        Prefix::Repeatable => Parsed::Migration(Name { sort: Sort::Repeatable, description: described }),
        Prefix::Callback(event) => Parsed::Callback(event, described),
    }
}

fn broken(file_name: &str, why: &str) -> Error {
    Kind::BrokenName
        .error(format_args!("`{file_name}` is no name of a script: {why}"))
        .help("give it a name that Flyway knows, or move it out of the locations")
}

fn strip_suffix<'name>(name: &'name str, suffixes: &[String]) -> Option<(&'name str, &'name str)> {
    suffixes.iter().find_map(|suffix| {
        let (bare, end) = name.split_at_checked(name.len().checked_sub(suffix.len())?)?;
        (end.to_uppercase() == suffix.to_uppercase()).then_some((bare, end))
    })
}

/// The longest prefix that the name begins with; of equally long ones Flyway's order decides.
fn prefix_of<'settings>(name: &str, settings: &'settings Settings) -> Option<(&'settings str, Prefix)> {
    let migrations = [
        (settings.sql_migration_prefix.as_str(), Prefix::Versioned),
        (settings.repeatable_sql_migration_prefix.as_str(), Prefix::Repeatable),
        (settings.undo_sql_migration_prefix.as_str(), Prefix::Undo),
        (settings.baseline_migration_prefix.as_str(), Prefix::Baseline),
    ];
    let callbacks = Event::ALL.into_iter().map(|event| (event.id(), Prefix::Callback(event)));
    migrations
        .into_iter()
        .chain(callbacks)
        .filter(|(prefix, _)| name.starts_with(prefix))
        .reduce(|best, next| if next.0.len() > best.0.len() { next } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(name: &str, settings: &Settings) -> String {
        match parse(name, settings) {
            Parsed::Migration(Name { sort, description }) => match sort {
                Sort::Versioned(version) => format!("versioned {version} [{description}]"),
                Sort::Undo(version) => format!("undo {version} [{description}]"),
                Sort::Baseline(version) => format!("baseline {version} [{description}]"),
                Sort::Repeatable => format!("repeatable [{description}]"),
            },
            Parsed::Callback(event, description) => format!("callback {} [{description}]", event.id()),
            Parsed::Broken(error) => error.message,
            Parsed::Other => "nothing".to_owned(),
        }
    }

    #[test]
    fn names_say_what_scripts_are() {
        for (name, expected) in [
            ("V1__a.sql", "versioned 1 [a]"),
            ("V1_2__add_big_table.SQL", "versioned 1.2 [add big table]"),
            ("V2024.01.31__x__y.sql", "versioned 2024.01.31 [x  y]"),
            ("V1.sql", "versioned 1 []"),
            ("V1___a.sql", "versioned 1 [ a]"),
            ("U1__a.sql", "undo 1 [a]"),
            ("B3__all.sql", "baseline 3 [all]"),
            ("R__views.sql", "repeatable [views]"),
            ("R__.sql", "repeatable []"),
            ("beforeMigrate.sql", "callback beforeMigrate []"),
            ("beforeMigrate__set_role.sql", "callback beforeMigrate [set role]"),
            ("afterMigrateError.sql", "callback afterMigrateError []"),
            ("afterEachMigrateStatementError__x.sql", "callback afterEachMigrateStatementError [x]"),
            ("R.sql", "nothing"),
            ("V1__a.sql.conf", "nothing"),
            ("notes.txt", "nothing"),
        ] {
            assert_eq!(seen(name, &Settings::default()), expected, "{name}");
        }
    }

    #[test]
    fn broken_names_say_what_is_wrong_and_how_to_call_the_script() {
        for (name, expected) in [
            ("V__a.sql", "it has no version"),
            ("Vone__a.sql", "`one` is no version"),
            ("V1_.sql", "`1_` is no version"),
            ("Readme.sql", "`eadme` stands where no version may"),
            ("R1__a.sql", "`1` stands where no version may"),
            ("beforeMigrateAll.sql", "`All` stands where no version may"),
            ("v1__a.sql", "it begins with no known prefix"),
            (".sql", "it begins with no known prefix"),
        ] {
            let Parsed::Broken(error) = parse(name, &Settings::default()) else { panic!("{name}") };
            assert!(error.message.contains(expected) && error.message.contains(name), "{name}: {}", error.message);
            assert!(error.help.is_some() && error.kind == Kind::BrokenName);
        }
        let Parsed::Broken(error) = parse("R1__a.sql", &Settings::default()) else { panic!() };
        assert_eq!(error.help.unwrap(), "call it such as `R__a.sql`, or move it out of the locations");
    }

    #[test]
    fn prefixes_separators_and_suffixes_can_be_set() {
        let settings = Settings {
            sql_migration_prefix: "mig".into(),
            repeatable_sql_migration_prefix: "migrep".into(),
            sql_migration_separator: "-".into(),
            sql_migration_suffixes: vec![".pgsql".into(), ".ddl".into()],
            ..Settings::default()
        };
        assert_eq!(seen("mig1-a.PgSql", &settings), "versioned 1 [a]");
        assert_eq!(seen("migrep-a.ddl", &settings), "repeatable [a]");
        assert_eq!(seen("V1__a.sql", &settings), "nothing");
        assert_eq!(seen("mig1-a.sql", &settings), "nothing");
    }
}
