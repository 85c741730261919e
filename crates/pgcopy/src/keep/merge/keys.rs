//! Which row of production a kept row is, and which key it gets.

use crate::keep::staged::{Field, Staged, Staging};
use crate::keep::value::{all, any, record};
use crate::{Kind, Result};
use restage_core::provider::OnConflict;
use restage_core::schema::ColumnName;

impl Staging<'_> {
    /// Settles the keys of one table; those of the tables before it are settled.
    pub(super) async fn settle_keys(&self, at: usize) -> Result<()> {
        let staged = &self.tables[at];
        for index in 0..staged.references.len() {
            if staged.references[index].kept.is_some_and(|to| to < at) {
                self.follow(at, index).await?;
            }
        }
        if staged.keep.plan.matched.is_empty() {
            return Ok(());
        }
        self.refuse_circles(at)?;
        self.refuse_doubles(at).await?;
        self.find_matches(at).await?;
        self.analyze(at).await?;
        self.adopt(at).await?;
        self.find_collisions(at).await?;
        self.analyze(at).await
    }

    /// Rows of tables without any key are the same when all that is carried of them is.
    pub(super) async fn match_rows_without_key(&self) -> Result<()> {
        for staged in &self.tables {
            if !staged.keep.plan.matched.is_empty() {
                continue;
            }
            let whole = |alias: &str| {
                let texts: Vec<String> = staged
                    .compared()
                    .iter()
                    .map(|field| if alias == "k" { field.value(alias).text() } else { field.there(alias).text() })
                    .collect();
                record(&texts)
            };
            let sql = format!(
                "UPDATE {name} AS k SET at_table = p.at_table, at_row = p.at_row \
                 FROM (SELECT k.nth, {mine} AS content, row_number() OVER (PARTITION BY {mine}) AS copy FROM {name} AS k) AS m, \
                      (SELECT p.tableoid AS at_table, p.ctid AS at_row, {theirs} AS content, \
                              row_number() OVER (PARTITION BY {theirs}) AS copy FROM {from} AS p) AS p \
                 WHERE m.nth = k.nth AND p.content = m.content AND p.copy = m.copy",
                name = staged.name,
                mine = whole("k"),
                theirs = whole("p"),
                from = staged.layout.from(),
            );
            self.change(staged.table(), "match the rows", &sql).await?;
        }
        Ok(())
    }

    /// A row cannot be recognised by a reference that is only known once rows are recognised.
    fn refuse_circles(&self, at: usize) -> Result<()> {
        let staged = &self.tables[at];
        let late = |name: &&ColumnName| {
            staged.references.iter().any(|reference| {
                let moves = reference.kept.is_some_and(|to| to >= at && self.moves(to, reference.key.to_columns.as_slice()));
                moves && reference.key.columns.contains(name)
            })
        };
        match staged.keep.plan.matched.iter().find(late) {
            None => Ok(()),
            Some(column) => Err(Kind::Unfit
                .error(format!(
                    "rows of `{}` are matched by `{column}`, which refers back to rows that are matched by them",
                    staged.table()
                ))
                .help("match by other columns")),
        }
    }

    /// Whether a row of that table may end up with other values in those columns than the target has.
    fn moves(&self, to: usize, columns: &[ColumnName]) -> bool {
        columns.iter().any(|column| !self.tables[to].keep.plan.matched.contains(column))
    }

    async fn refuse_doubles(&self, at: usize) -> Result<()> {
        let staged = &self.tables[at];
        if !staged.keep.matched_by_other_than_key() {
            return Ok(());
        }
        let matched = staged.matched();
        let values: Vec<String> = matched.iter().map(|field| field.value("k").canonical()).collect();
        let known: Vec<String> = matched.iter().map(|field| format!("{} IS NOT NULL", field.value("k").sql)).collect();
        let on_target = format!(
            "SELECT count(*) FROM (SELECT FROM {} AS k WHERE {} GROUP BY {} HAVING count(*) > 1) AS doubles",
            staged.name,
            all(&known),
            values.join(", ")
        );
        let in_production = format!(
            "SELECT count(*) FROM (SELECT FROM {} AS k JOIN {} AS p ON {} GROUP BY k.nth HAVING count(*) > 1) AS doubles",
            staged.name,
            staged.layout.from(),
            Staged::equal(&matched)
        );
        for (place, sql) in [("the target", on_target), ("production", in_production)] {
            let doubles = self.number(staged.table(), &sql).await?;
            if doubles > 0 {
                return Err(ambiguous(staged, place, doubles));
            }
        }
        Ok(())
    }

    async fn find_matches(&self, at: usize) -> Result<()> {
        let staged = &self.tables[at];
        self.find(staged, &Staged::equal(&staged.matched())).await?;
        if staged.keep.matched_by_other_than_key() && !staged.keep.plan.key.is_empty() {
            // Where the columns say nothing on either side, the primary key speaks.
            let silent = |alias: &str| {
                let null = |field: &&Field| {
                    let value = if alias == "k" { field.value(alias) } else { field.there(alias) };
                    format!("{} IS NULL", value.sql)
                };
                any(&staged.matched().iter().map(null).collect::<Vec<_>>())
            };
            let condition = format!("{} AND {} AND {}", Staged::equal(&staged.key()), silent("k"), silent("p"));
            self.find(staged, &condition).await?;
        }
        Ok(())
    }

    async fn find(&self, staged: &Staged<'_>, condition: &str) -> Result<()> {
        let sql = format!(
            "UPDATE {} AS k SET at_table = p.tableoid, at_row = p.ctid FROM {} AS p WHERE k.at_row IS NULL AND {condition}",
            staged.name,
            staged.layout.from()
        );
        self.change(staged.table(), "match the rows", &sql).await.map(drop)
    }

    /// Rows that production has take production's primary key, and whatever else production decides and others refer to.
    async fn adopt(&self, at: usize) -> Result<()> {
        let staged = &self.tables[at];
        let adopted = self.adopted(at);
        if adopted.is_empty() {
            return Ok(());
        }
        let sets: Vec<String> = adopted.iter().map(|field| format!("{} = {}", field.current(), field.there("p").sql)).collect();
        let differs: Vec<String> = adopted.iter().map(|field| field.value("k").differs(&field.there("p"))).collect();
        let sql = format!(
            "UPDATE {} AS k SET {} FROM {} AS p WHERE {} AND {}",
            staged.name,
            sets.join(", "),
            staged.layout.from(),
            Staged::FOUND,
            any(&differs)
        );
        self.change(staged.table(), "adopt production's keys", &sql).await.map(drop)
    }

    /// The columns in which a row that production has gets production's value before references follow it.
    pub(super) fn adopted(&self, at: usize) -> Vec<&Field> {
        let staged = &self.tables[at];
        let production_decides = staged.keep.plan.on_conflict != OnConflict::KeepTarget;
        let referred_to = |field: &Field| {
            let by = |staged: &Staged<'_>| {
                staged
                    .references
                    .iter()
                    .any(|reference| reference.kept == Some(at) && reference.key.to_columns.contains(&field.column.name))
            };
            production_decides && !staged.keep.own.contains(&field.column.name) && self.tables.iter().any(by)
        };
        staged.fields.iter().filter(|field| staged.is_key(field) || referred_to(field)).collect()
    }

    async fn find_collisions(&self, at: usize) -> Result<()> {
        let staged = &self.tables[at];
        let key = staged.key();
        if key.is_empty() || !staged.keep.matched_by_other_than_key() {
            return Ok(());
        }
        let sql = format!(
            "UPDATE {} AS k SET fresh = true WHERE k.at_row IS NULL AND EXISTS (SELECT FROM {} AS p WHERE {})",
            staged.name,
            staged.layout.from(),
            Staged::equal(&key)
        );
        if self.change(staged.table(), "look for taken keys", &sql).await? > 0 {
            self.analyze(at).await?;
            self.renumber(at).await?;
        }
        Ok(())
    }
}

fn ambiguous(staged: &Staged<'_>, place: &str, doubles: u64) -> crate::Error {
    let columns: Vec<&str> = staged.keep.plan.matched.iter().map(|column| column.0.as_str()).collect();
    Kind::Unfit
        .error(format!(
            "{doubles} rows of `{}` in {place} are not alone with their `{}`, by which kept rows are matched",
            staged.table(),
            columns.join("`, `")
        ))
        .help("match by columns that are unique in both databases")
}
