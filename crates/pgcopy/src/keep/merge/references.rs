//! References of kept rows: they follow the rows they mean, and those that lead nowhere are dealt with.

use crate::keep::layout::Column;
use crate::keep::staged::{Field, Reference, Staging};
use crate::keep::value::{Value, all, any};
use crate::{Error, Kind, Result};
use restage_core::provider::OnMissing;

/// How often dropping rows may leave further rows without what they refer to.
const CASCADE_ROUNDS: usize = 1_000;

impl Staging<'_> {
    /// Lets one foreign key follow the rows it means to their new keys.
    pub(super) async fn follow(&self, at: usize, index: usize) -> Result<()> {
        let staged = &self.tables[at];
        let reference = &staged.references[index];
        let Some(to) = reference.kept.map(|to| &self.tables[to]) else { return Ok(()) };
        let pairs: Vec<(&Field, &Field)> =
            reference.pairs.iter().filter_map(|(here, there)| Some((here, to.field(&there.name)?))).collect();
        let sets: Vec<String> =
            pairs.iter().map(|(here, there)| format!("{} = {}", here.current(), there.value("r").sql)).collect();
        let means: Vec<String> = pairs.iter().map(|(here, there)| here.old("k").equals(&there.old("r"))).collect();
        let moved: Vec<String> = pairs.iter().map(|(_, there)| there.value("r").differs(&there.old("r"))).collect();
        let sql = format!(
            "UPDATE {} AS k SET {} FROM {} AS r WHERE {} AND {}",
            staged.name,
            sets.join(", "),
            to.name,
            all(&means),
            any(&moved)
        );
        self.change(staged.table(), "follow the references", &sql).await.map(drop)
    }

    /// Follows references to the table itself and to tables after it, once all keys are settled.
    pub(super) async fn follow_late_references(&self) -> Result<()> {
        for at in 0..self.tables.len() {
            for index in 0..self.tables[at].references.len() {
                if self.tables[at].references[index].kept.is_some_and(|to| to >= at) {
                    self.follow(at, index).await?;
                }
            }
        }
        Ok(())
    }

    /// Where `on-missing: set-null` says so, references that lead nowhere become NULL before rows are compared.
    pub(super) async fn clear_missing_references(&self) -> Result<()> {
        for (at, index) in self.all_references() {
            if self.tables[at].keep.plan.on_missing == OnMissing::SetNull {
                self.clear_missing(at, index, "true").await?;
            }
        }
        Ok(())
    }

    /// Drops rows, clears references or refuses, until every reference leads somewhere.
    pub(super) async fn settle_missing_references(&self) -> Result<()> {
        for _ in 0..CASCADE_ROUNDS {
            let mut changed = 0;
            for (at, index) in self.all_references() {
                changed += self.settle_missing(at, index).await?;
            }
            if changed == 0 {
                return self.refuse_missing().await;
            }
        }
        let message = format!("rows that refer to dropped rows form chains of more than {CASCADE_ROUNDS}");
        Err(Kind::LimitPassed.error(message).help("use `on-missing: refuse` and repair the target's rows"))
    }

    fn all_references(&self) -> Vec<(usize, usize)> {
        let of = |(at, count): (usize, usize)| (0..count).map(move |index| (at, index));
        self.tables.iter().map(|staged| staged.references.len()).enumerate().flat_map(of).collect()
    }

    async fn settle_missing(&self, at: usize, index: usize) -> Result<u64> {
        let staged = &self.tables[at];
        let reference = &staged.references[index];
        let table = staged.table();
        match staged.keep.plan.on_missing {
            OnMissing::Refuse => Ok(0),
            OnMissing::SetNull => self.clear_missing(at, index, &concerned(reference)).await,
            OnMissing::Drop => {
                let missing = self.missing(at, reference);
                let left_out = |fate: &str, becomes: &str| {
                    format!("UPDATE {} AS k SET fate = '{becomes}' WHERE k.fate = '{fate}' AND {missing}", staged.name)
                };
                let dropped = self.change(table, "leave out rows", &left_out("added", "dropped")).await?;
                let yielded = self.change(table, "leave out rows", &left_out("kept_target", "kept_source")).await?;
                // The row itself is production's; only the value that production does not know is left out.
                let cleared = if reference.own { self.clear_missing(at, index, "k.at_row IS NOT NULL").await? } else { 0 };
                Ok(dropped + yielded + cleared)
            }
        }
    }

    async fn clear_missing(&self, at: usize, index: usize, condition: &str) -> Result<u64> {
        let staged = &self.tables[at];
        let reference = &staged.references[index];
        let may_be_null = |field: &&Field| !field.column.not_null && !staged.is_key(field) && !staged.is_matched(field);
        let sets: Vec<String> = reference
            .pairs
            .iter()
            .map(|(here, _)| here)
            .filter(may_be_null)
            .map(|field| format!("{} = NULL", field.current()))
            .collect();
        if sets.is_empty() {
            return Ok(0);
        }
        let sql = format!(
            "UPDATE {} AS k SET {}, nulled = k.nulled + 1 WHERE {condition} AND {}",
            staged.name,
            sets.join(", "),
            self.missing(at, reference)
        );
        self.change(staged.table(), "clear references", &sql).await
    }

    async fn refuse_missing(&self) -> Result<()> {
        for (at, index) in self.all_references() {
            let staged = &self.tables[at];
            let reference = &staged.references[index];
            let condition = format!("{} AND {}", concerned(reference), self.missing(at, reference));
            let sql = format!("SELECT count(*) FROM {} AS k WHERE {condition}", staged.name);
            let rows = self.number(staged.table(), &sql).await?;
            if rows > 0 {
                return Err(dangling(
                    staged.table(),
                    reference,
                    rows,
                    &self.keys(at, &condition).await?,
                    staged.keep.plan.on_missing,
                ));
            }
        }
        Ok(())
    }

    /// The staged row `k` refers to a row that neither production nor the kept rows have. Written as joins: each `NOT EXISTS`
    /// alone can be one, several behind an OR cannot.
    fn missing(&self, at: usize, reference: &Reference) -> String {
        let name = &self.tables[at].name;
        let refers: Vec<String> = reference.pairs.iter().map(|(here, _)| format!("{} IS NOT NULL", here.value("m").sql)).collect();
        let refers = all(&refers);
        let theirs = |there: &Column| Value::new(format!("r.{}", there.name.sql()), &there.type_name);
        let there: Vec<String> = reference.pairs.iter().map(|(here, there)| theirs(there).equals(&here.value("m"))).collect();
        let mut lost = format!(
            "SELECT m.nth FROM {name} AS m WHERE {refers} AND NOT EXISTS (SELECT FROM {} AS r WHERE {})",
            reference.to,
            all(&there)
        );
        if let Some(to) = reference.kept.map(|to| &self.tables[to]) {
            let pairs: Vec<(&Field, &Field)> =
                reference.pairs.iter().filter_map(|(here, there)| Some((here, to.field(&there.name)?))).collect();
            let kept: Vec<String> = pairs.iter().map(|(here, there)| there.value("r").equals(&here.value("m"))).collect();
            let stays = "r.at_row IS NULL AND r.fate IS DISTINCT FROM 'dropped'";
            lost = format!("{lost} AND NOT EXISTS (SELECT FROM {} AS r WHERE {stays} AND {})", to.name, all(&kept));
            if to.keep.matched_by_other_than_key() {
                // A broken reference must not come to mean whoever has that key in production.
                let meant: Vec<String> = pairs.iter().map(|(here, there)| there.old("r").equals(&here.old("m"))).collect();
                let broken = format!("NOT EXISTS (SELECT FROM {} AS r WHERE {})", to.name, all(&meant));
                lost = format!("{lost} UNION ALL SELECT m.nth FROM {name} AS m WHERE {refers} AND {broken}");
            }
        }
        format!("k.nth IN ({lost})")
    }
}

/// The staged row `k` brings the reference into the shadow.
fn concerned(reference: &Reference) -> String {
    if reference.own { "k.fate <> 'dropped'".to_owned() } else { "k.fate IN ('added', 'kept_target')".to_owned() }
}

fn dangling(table: &restage_core::schema::TableName, reference: &Reference, rows: u64, keys: &str, policy: OnMissing) -> Error {
    let message = format!(
        "{rows} kept rows of `{table}` refer by `{}` to rows of `{}` that do not exist: {keys}",
        reference.key.name, reference.key.to
    );
    let help = match policy {
        OnMissing::Refuse => format!("keep `{}` too, or use `on-missing: drop` or `set-null`", reference.key.to),
        OnMissing::SetNull => "the reference cannot be NULL; use `on-missing: drop`".to_owned(),
        OnMissing::Drop => format!("keep `{}` too", reference.key.to),
    };
    Kind::Dangling.error(message).help(help)
}
