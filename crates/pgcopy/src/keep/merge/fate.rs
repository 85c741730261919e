//! What becomes of each kept row.

use crate::keep::staged::{Field, Staged, Staging};
use crate::keep::value::any;
use crate::{Kind, Result};
use restage_core::provider::OnConflict;

impl Staging<'_> {
    /// Decides for every staged row; references that lead nowhere may change it afterwards.
    pub(super) async fn decide_fates(&self) -> Result<()> {
        for at in 0..self.tables.len() {
            self.decide(at).await?;
        }
        Ok(())
    }

    async fn decide(&self, at: usize) -> Result<()> {
        let staged = &self.tables[at];
        let adopted: Vec<&str> = self.adopted(at).iter().map(|field| field.column.name.0.as_str()).collect();
        let refers = |field: &Field| staged.references.iter().any(|reference| reference.key.columns.contains(&field.column.name));
        let differs: Vec<String> = staged
            .compared()
            .into_iter()
            .map(|field| {
                // An adopted value is production's already; what the target had tells whether the two agreed.
                let was = adopted.contains(&field.column.name.0.as_str()) && !refers(field);
                let mine = if was { field.old("k") } else { field.value("k") };
                mine.differs(&field.there("p"))
            })
            .collect();
        let conflict = match staged.keep.plan.on_conflict {
            OnConflict::Refuse => "conflict",
            OnConflict::KeepTarget => "kept_target",
            OnConflict::KeepSource => "kept_source",
        };
        let own = format!("UPDATE {} AS k SET fate = 'added' WHERE k.at_row IS NULL", staged.name);
        let shared = format!(
            "UPDATE {} AS k SET fate = CASE WHEN {} THEN '{conflict}' ELSE 'same' END FROM {} AS p WHERE {}",
            staged.name,
            any(&differs),
            staged.layout.from(),
            Staged::FOUND
        );
        self.change(staged.table(), "compare the rows", &own).await?;
        self.change(staged.table(), "compare the rows", &shared).await?;
        self.analyze(at).await?;
        self.refuse_conflicts(at).await
    }

    async fn refuse_conflicts(&self, at: usize) -> Result<()> {
        let staged = &self.tables[at];
        let rows = self.number(staged.table(), &format!("SELECT count(*) FROM {} WHERE fate = 'conflict'", staged.name)).await?;
        if rows == 0 {
            return Ok(());
        }
        let keys = self.keys(at, "k.fate = 'conflict'").await?;
        Err(Kind::Conflict
            .error(format!("{rows} rows of `{}` differ between target and production: {keys}", staged.table()))
            .help("choose `on-conflict: keep-target` or `keep-source`; if the same key means different things, match by another column with `match:`"))
    }
}
