//! The SQL of the history; what it returns and takes is in the order of [`Row`]'s columns.

use super::{Row, Table, cut_description, cut_script, quote};
use crate::settings::Settings;

/// The columns in the order of every statement.
const COLUMNS: [&str; 9] =
    ["installed_rank", "version", "description", "type", "script", "checksum", "installed_by", "execution_time", "success"];

impl Table {
    /// Creates the table with its key and index, and with the baseline's row if there is to be one, as several statements.
    pub fn create(&self, tablespace: Option<&str>, baseline: Option<&Row>) -> String {
        let space = tablespace.map(|name| format!(" TABLESPACE {}", quote(name))).unwrap_or_default();
        let using = tablespace.map(|_| format!(" USING INDEX{space}")).unwrap_or_default();
        let baseline = baseline.map(|row| self.insert_literally(row) + ";\n").unwrap_or_default();
        let key = quote(&format!("{}_pk", self.name));
        let index = quote(&format!("{}_s_idx", self.name));
        format!(
            r#"CREATE TABLE {self} (
    "installed_rank" INT NOT NULL,
    "version" VARCHAR(50),
    "description" VARCHAR(200) NOT NULL,
    "type" VARCHAR(20) NOT NULL,
    "script" VARCHAR(1000) NOT NULL,
    "checksum" INTEGER,
    "installed_by" VARCHAR(100) NOT NULL,
    "installed_on" TIMESTAMP NOT NULL DEFAULT now(),
    "execution_time" INTEGER NOT NULL,
    "success" BOOLEAN NOT NULL
){space};
{baseline}ALTER TABLE {self} ADD CONSTRAINT {key} PRIMARY KEY ("installed_rank"){using};
CREATE INDEX {index} ON {self} ("success"){space};"#
        )
    }

    /// Reads all rows in their order, `installed_on` last and as text.
    pub fn read(&self) -> String {
        // The comment keeps pgpool from asking a replica, as it does for Flyway.
        let columns = COLUMNS.map(|column| format!("\"{column}\"")).join(", ");
        format!("/*NO LOAD BALANCE*/\nSELECT {columns}, \"installed_on\"::text FROM {self} ORDER BY \"installed_rank\"")
    }

    /// Writes a row; the parameters are its columns without `installed_on`.
    pub fn insert(&self) -> String {
        self.insert_of(&std::array::from_fn(|place| format!("${}", place + 1)))
    }

    /// Writes a row, its values in the text.
    pub fn insert_literally(&self, row: &Row) -> String {
        let text = |value: &str| format!("'{}'", value.replace('\'', "''"));
        let none = || "NULL".to_owned();
        self.insert_of(&[
            row.installed_rank.to_string(),
            row.version.as_ref().map_or_else(none, |version| text(version.as_str())),
            text(&cut_description(&row.description)),
            text(row.sort.as_str()),
            text(&cut_script(&row.script)),
            row.checksum.map_or_else(none, |checksum| checksum.0.to_string()),
            text(&row.installed_by),
            row.execution_time.to_string(),
            row.success.to_string().to_uppercase(),
        ])
    }

    fn insert_of(&self, values: &[String; 9]) -> String {
        let columns = COLUMNS.map(|column| format!("\"{column}\"")).join(", ");
        format!("INSERT INTO {self} ({columns}) VALUES ({})", values.join(", "))
    }

    /// Deletes the row of a rank if it has failed; the parameter is the rank.
    pub fn delete_failed(&self) -> String {
        format!("DELETE FROM {self} WHERE \"installed_rank\" = $1 AND \"success\" = FALSE")
    }

    /// Aligns a row with its script; the parameters are description, type, checksum and rank.
    pub fn align(&self) -> String {
        format!("UPDATE {self} SET \"description\" = $1, \"type\" = $2, \"checksum\" = $3 WHERE \"installed_rank\" = $4")
    }

    /// Whether the table exists.
    pub fn exists(&self) -> String {
        let text = |value: &str| format!("'{}'", value.replace('\'', "''"));
        format!(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = {} AND c.relname = {} AND c.relkind IN ('r', 'p'))",
            text(&self.schema),
            text(&self.name)
        )
    }

    /// Asks for the lock once, which says whether it has it now.
    pub fn try_lock(&self, settings: &Settings) -> String {
        let function = if settings.transactional_lock { "pg_try_advisory_xact_lock" } else { "pg_try_advisory_lock" };
        format!("SELECT {function}({})", self.lock_key())
    }

    /// Gives the lock of a session back, which says whether it had it; that of a transaction goes with the transaction.
    pub fn unlock(&self) -> String {
        format!("SELECT pg_advisory_unlock({})", self.lock_key())
    }
}
