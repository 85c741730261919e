//! Callbacks: scripts that run at an event, named after it and found in the same locations as migrations.

use crate::scripts::ScriptFile;
use crate::settings::Settings;

/// A script that runs at an event.
#[derive(Clone, Debug)]
pub struct Callback {
    /// When it runs.
    pub event: Event,
    /// What stands behind the separator; several callbacks of an event run in the order of it.
    pub description: String,
    /// The script.
    pub file: ScriptFile,
}

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $id:literal,)*) => {
        /// When a callback runs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Event {
            $($(#[$doc])* $name,)*
        }

        impl Event {
            /// All events, in Flyway's order.
            pub const ALL: [Self; [$($id),*].len()] = [$(Self::$name),*];

            /// What names of its scripts begin with.
            pub fn id(self) -> &'static str {
                match self {
                    $(Self::$name => $id,)*
                }
            }
        }
    };
}

events! {
    /// Never here: there is no command that empties schemas.
    BeforeClean = "beforeClean",
    /// Never here.
    AfterClean = "afterClean",
    /// Never here.
    AfterCleanError = "afterCleanError",
    /// Before a run looks for what is pending, in a transaction of its own.
    BeforeMigrate = "beforeMigrate",
    /// Before each migration, in its transaction.
    BeforeEachMigrate = "beforeEachMigrate",
    /// Before each statement of a migration, in its transaction.
    BeforeEachMigrateStatement = "beforeEachMigrateStatement",
    /// After each statement that succeeded.
    AfterEachMigrateStatement = "afterEachMigrateStatement",
    /// After a statement that failed.
    AfterEachMigrateStatementError = "afterEachMigrateStatementError",
    /// After each migration that succeeded, in its transaction.
    AfterEachMigrate = "afterEachMigrate",
    /// After a migration that failed.
    AfterEachMigrateError = "afterEachMigrateError",
    /// Before the first repeatable migration of a run.
    BeforeRepeatables = "beforeRepeatables",
    /// After the last versioned migration of a run, or where there was none.
    AfterVersioned = "afterVersioned",
    /// After a run that applied something.
    AfterMigrateApplied = "afterMigrateApplied",
    /// After a run that succeeded.
    AfterMigrate = "afterMigrate",
    /// After a run that failed.
    AfterMigrateError = "afterMigrateError",
    /// Before an undo.
    BeforeUndo = "beforeUndo",
    /// Before each undo migration, in its transaction.
    BeforeEachUndo = "beforeEachUndo",
    /// Before each statement of an undo migration.
    BeforeEachUndoStatement = "beforeEachUndoStatement",
    /// After each statement of an undo migration that succeeded.
    AfterEachUndoStatement = "afterEachUndoStatement",
    /// After a statement of an undo migration that failed.
    AfterEachUndoStatementError = "afterEachUndoStatementError",
    /// After each undo migration that succeeded, in its transaction.
    AfterEachUndo = "afterEachUndo",
    /// After an undo migration that failed.
    AfterEachUndoError = "afterEachUndoError",
    /// After an undo that succeeded.
    AfterUndo = "afterUndo",
    /// After an undo that failed.
    AfterUndoError = "afterUndoError",
    /// Before validation.
    BeforeValidate = "beforeValidate",
    /// After validation that found nothing.
    AfterValidate = "afterValidate",
    /// After validation that found something.
    AfterValidateError = "afterValidateError",
    /// Before a baseline.
    BeforeBaseline = "beforeBaseline",
    /// After a baseline that succeeded.
    AfterBaseline = "afterBaseline",
    /// After a baseline that failed.
    AfterBaselineError = "afterBaselineError",
    /// Before a repair.
    BeforeRepair = "beforeRepair",
    /// After a repair that succeeded.
    AfterRepair = "afterRepair",
    /// After a repair that failed.
    AfterRepairError = "afterRepairError",
    /// Before states are shown.
    BeforeInfo = "beforeInfo",
    /// After states were shown.
    AfterInfo = "afterInfo",
    /// After states could not be shown.
    AfterInfoError = "afterInfoError",
    /// After a run with all that belongs to it.
    AfterMigrateOperationFinish = "afterMigrateOperationFinish",
    /// After any other command with all that belongs to it.
    AfterInfoOperationFinish = "afterInfoOperationFinish",
    /// The former name of `beforeCreateSchema`.
    CreateSchema = "createSchema",
    /// Before missing schemas are created.
    BeforeCreateSchema = "beforeCreateSchema",
    /// Never here: before a connection there is nothing that could run SQL.
    BeforeConnect = "beforeConnect",
    /// After the first connection.
    AfterConnect = "afterConnect",
}

impl Event {
    /// Whether its scripts run within the transaction of a migration, if that has one.
    pub fn runs_within(self, settings: &Settings) -> bool {
        match self {
            Self::BeforeEachMigrate
            | Self::BeforeEachMigrateStatement
            | Self::AfterEachMigrateStatement
            | Self::AfterEachMigrate
            | Self::BeforeEachUndo
            | Self::BeforeEachUndoStatement
            | Self::AfterEachUndoStatement
            | Self::AfterEachUndo => true,
            Self::AfterVersioned | Self::BeforeRepeatables => settings.group,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn events_have_different_names_and_flyways_order() {
        let ids: HashSet<_> = Event::ALL.iter().map(|event| event.id()).collect();
        assert_eq!(ids.len(), Event::ALL.len());
        assert!(Event::ALL.is_sorted());
        assert!(Event::BeforeMigrate < Event::BeforeEachMigrate && Event::BeforeRepeatables < Event::AfterVersioned);
    }
}
