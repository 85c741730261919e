//! What became of the kept rows, with proof that none is missing.

use crate::keep::layout;
use crate::keep::staged::{Staged, Staging};
use crate::{Kind, Result};
use restage_core::provider::{Kept, KeptTable};

impl Staging<'_> {
    /// Counts every fate, and looks for every row in the shadow.
    pub(super) async fn account(&self) -> Result<Kept> {
        let mut kept = Kept::default();
        for staged in &self.tables {
            let table = self.account_of(staged).await?;
            self.prove(staged, &table).await?;
            kept.tables.insert(staged.table().clone(), table);
        }
        Ok(kept)
    }

    async fn account_of(&self, staged: &Staged<'_>) -> Result<KeptTable> {
        let fate = |fate: &str| format!("count(*) FILTER (WHERE k.fate = '{fate}')");
        let sql = format!(
            "SELECT count(*), {}, {}, {}, {}, {}, count(*) FILTER (WHERE k.fate = 'added' AND k.fresh), \
             sum(k.nulled) FILTER (WHERE k.fate IN ('added', 'kept_target')) FROM {} AS k",
            fate("added"),
            fate("same"),
            fate("kept_target"),
            fate("kept_source"),
            fate("dropped"),
            staged.name
        );
        let rows = self.shadow.reader().query(format!("count kept rows of `{}`", staged.table()), &sql, &[]).await?;
        let row = rows.first().ok_or_else(|| Kind::Query.error("a count returned nothing"))?;
        Ok(KeptTable {
            found: layout::count(row, 0)?,
            added: layout::count(row, 1)?,
            same: layout::count(row, 2)?,
            kept_target: layout::count(row, 3)?,
            kept_source: layout::count(row, 4)?,
            dropped: layout::count(row, 5)?,
            renumbered: layout::count(row, 6)?,
            nulled: layout::count(row, 7)?,
        })
    }

    async fn prove(&self, staged: &Staged<'_>, table: &KeptTable) -> Result<()> {
        let settled = table.added + table.same + table.kept_target + table.kept_source;
        if settled + table.dropped != table.found {
            let message =
                format!("{} kept rows of `{}` are unaccounted for", table.found.abs_diff(settled + table.dropped), staged.table());
            return Err(Kind::Mismatch.error(message));
        }
        if staged.keep.plan.key.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "SELECT count(*) FROM {} AS k WHERE k.fate <> 'dropped' AND EXISTS (SELECT FROM {} AS p WHERE {})",
            staged.name,
            staged.layout.from(),
            Staged::equal(&staged.key())
        );
        let present = self.number(staged.table(), &sql).await?;
        if present == settled {
            return Ok(());
        }
        Err(Kind::Mismatch.error(format!("of {settled} kept rows of `{}`, {present} are in the copy", staged.table())))
    }
}
