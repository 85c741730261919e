//! Writing kept rows into the shadow.

use crate::keep::staged::{Field, Staged, Staging};
use crate::keep::value::any;
use crate::{Kind, Result};
use restage_core::provider::OnConflict;

impl Staging<'_> {
    /// Adds rows, referred-to tables first, then changes those that production has too, whose references may lead to added ones.
    pub(super) async fn write(&self) -> Result<()> {
        for at in 0..self.tables.len() {
            self.add(at).await?;
        }
        for at in 0..self.tables.len() {
            self.update(at).await?;
            self.add_late_references(at).await?;
        }
        Ok(())
    }

    async fn add(&self, at: usize) -> Result<()> {
        let staged = &self.tables[at];
        let late: Vec<&str> = self.late(at).iter().map(|field| field.column.name.0.as_str()).collect();
        let names: Vec<String> = staged.fields.iter().map(|field| field.column.name.sql()).collect();
        let value =
            |field: &Field| if late.contains(&field.column.name.0.as_str()) { "NULL".to_owned() } else { field.value("k").sql };
        let values: Vec<String> = staged.fields.iter().map(value).collect();
        let sql = format!(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {} AS k WHERE k.fate = 'added' ORDER BY k.nth",
            staged.table().sql(),
            names.join(", "),
            values.join(", "),
            staged.name
        );
        let added = self.change(staged.table(), "add the kept rows", &sql).await?;
        let expected = self.number(staged.table(), &format!("SELECT count(*) FROM {} WHERE fate = 'added'", staged.name)).await?;
        if added == expected {
            return Ok(());
        }
        // A rule of the table can turn rows away without an error.
        Err(Kind::Mismatch
            .error(format!("`{}` took {added} of {expected} kept rows", staged.table()))
            .help("look for rules on the table that turn INSERT into something else"))
    }

    async fn update(&self, at: usize) -> Result<()> {
        let staged = &self.tables[at];
        let writable = |field: &&Field| !staged.is_key(field) && !field.column.always;
        let whole: Vec<&Field> = staged.fields.iter().filter(writable).collect();
        let own: Vec<&Field> = whole.iter().copied().filter(|field| staged.keep.own.contains(&field.column.name)).collect();
        let kept = match staged.keep.plan.on_conflict {
            // Where only masked columns differ, the target's content stays as well.
            OnConflict::KeepTarget => "k.fate IN ('kept_target', 'same')",
            OnConflict::KeepSource | OnConflict::Refuse => "k.fate = 'kept_target'",
        };
        self.overwrite(staged, &whole, kept).await?;
        self.overwrite(staged, &own, &format!("k.at_row IS NOT NULL AND NOT {kept}")).await
    }

    async fn overwrite(&self, staged: &Staged<'_>, fields: &[&Field], condition: &str) -> Result<()> {
        if fields.is_empty() {
            return Ok(());
        }
        let sets: Vec<String> =
            fields.iter().map(|field| format!("{} = {}", field.column.name.sql(), field.value("k").sql)).collect();
        let differs: Vec<String> = fields.iter().map(|field| field.value("k").differs(&field.there("p"))).collect();
        let sql = format!(
            "UPDATE {} AS p SET {} FROM {} AS k WHERE {} AND {condition} AND {}",
            staged.layout.from(),
            sets.join(", "),
            staged.name,
            Staged::FOUND,
            any(&differs)
        );
        self.change(staged.table(), "keep the content of the rows", &sql).await.map(drop)
    }

    /// References of added rows to tables that come later, in a circle of tables.
    async fn add_late_references(&self, at: usize) -> Result<()> {
        let staged = &self.tables[at];
        let late = self.late(at);
        if late.is_empty() {
            return Ok(());
        }
        let sets: Vec<String> =
            late.iter().map(|field| format!("{} = {}", field.column.name.sql(), field.value("k").sql)).collect();
        let known: Vec<String> = late.iter().map(|field| format!("{} IS NOT NULL", field.value("k").sql)).collect();
        let sql = format!(
            "UPDATE {} AS p SET {} FROM {} AS k WHERE k.fate = 'added' AND {} AND {}",
            staged.layout.from(),
            sets.join(", "),
            staged.name,
            Staged::equal(&staged.key()),
            any(&known)
        );
        self.change(staged.table(), "add references of the kept rows", &sql).await.map(drop)
    }

    /// The columns that an added row can get only when the tables after its own have theirs.
    fn late(&self, at: usize) -> Vec<&Field> {
        let staged = &self.tables[at];
        if staged.keep.plan.key.is_empty() {
            return Vec::new();
        }
        let refers_to_later = |field: &Field| {
            let later = staged.references.iter().filter(|reference| reference.kept.is_some_and(|to| to > at));
            later.flat_map(|reference| &reference.key.columns).any(|name| name == &field.column.name)
        };
        let may_wait =
            |field: &&Field| !field.column.not_null && !field.column.always && !staged.is_key(field) && refers_to_later(field);
        staged.fields.iter().filter(may_wait).collect()
    }
}
