//! How the table of a history looks at the usual widths.

use super::*;
use crate::commands::migrate::info::Known;
use restage_core::facts::{AppliedMigration, MigrationTool};
use restage_core::schema::TableName;
use restage_core::signal::ExitStatus;
