//! Kept rows: which columns are carried, how rows are matched, and what stands against it.

use super::Copying;
use super::checks::list;
use crate::error::Code;
use crate::facts::KeepFacts;
use crate::plan::{Builder, Level};
use crate::provider::{Carried, Delta, KeepTable};
use crate::scenario::copy_database::{Keep, OnCollision, OnConflict, OnMissing};
use crate::schema::{Column, ColumnName, ColumnSource, ForeignKey, Table, TableName, TypeKind};
use std::collections::BTreeSet;

/// Decides the kept tables, referred-to ones before those that refer.
pub(super) fn decide(copying: &Copying<'_>, carried: &Carried, deltas: &[Delta], builder: &mut Builder) -> Vec<KeepTable> {
    let mut decided: Vec<KeepTable> = Vec::new();
    for (table, keep) in &copying.stage.keep {
        let Some(tables) = both_sides(copying, carried, table, builder) else { continue };
        decided.extend(decide_one(copying, carried, (table, keep), tables, deltas, builder));
        if let Some(facts) = copying.facts.keep.get(table) {
            look(table, keep, facts, builder);
        }
    }
    references_by_number(copying, carried, deltas, builder);
    references_without_key(copying, deltas, builder);
    in_order(decided)
}

/// The same number may be another person's in production: whatever survives and refers by number to what does not needs a look.
fn references_by_number(copying: &Copying<'_>, carried: &Carried, deltas: &[Delta], builder: &mut Builder) {
    let target = &copying.facts.target.schema;
    let keep = &copying.stage.keep;
    let own = |table: &TableName| deltas.iter().any(|delta| matches!(delta, Delta::Table { name } if name == table));
    let mut found = Vec::new();
    for (table, facts) in target.tables.iter().filter(|(table, _)| keep.contains_key(*table) || own(table)) {
        let is_number =
            |name: &ColumnName| facts.column(name).is_some_and(|column| matches!(column.kind, TypeKind::Integer { .. }));
        let doubtful = |key: &&ForeignKey| {
            carried.tables.contains_key(&key.to) && !keep.contains_key(&key.to) && key.columns.iter().all(is_number)
        };
        found.extend(facts.foreign_keys.iter().filter(doubtful).map(|key| format!("`{table}` to `{}`", key.to)));
    }
    if !found.is_empty() {
        builder.find(
            Level::Warning,
            format!(
                "rows of the target refer by number to production's rows, where a number may mean another one: {}",
                list(&found)
            ),
            Some(
                "keep the tables referred to as well, with `match:` and `on-collision: renumber`, where both ends give numbers out",
            ),
        );
    }
}

/// Rows follow what is renumbered by their foreign keys only: columns that look like a reference and have none are named.
fn references_without_key(copying: &Copying<'_>, deltas: &[Delta], builder: &mut Builder) {
    let target = &copying.facts.target.schema;
    let keep = &copying.stage.keep;
    let own = |table: &TableName| deltas.iter().any(|delta| matches!(delta, Delta::Table { name } if name == table));
    let mut found = Vec::new();
    for renumbered in keep.iter().filter(|(_, keep)| keep.on_collision == OnCollision::Renumber).map(|(table, _)| table) {
        let names = referring_names(&renumbered.name);
        for (table, facts) in target.tables.iter().filter(|(table, _)| keep.contains_key(*table) || own(table)) {
            let has_key = |name: &ColumnName| facts.foreign_keys.iter().any(|key| key.columns.contains(name));
            let refers = |column: &&Column| {
                matches!(column.kind, TypeKind::Integer { .. } | TypeKind::Uuid)
                    && names.contains(&column.name.0.to_lowercase())
                    && !has_key(&column.name)
            };
            found.extend(facts.columns.iter().filter(refers).map(|column| format!("`{table}.{}` to `{renumbered}`", column.name)));
        }
    }
    if !found.is_empty() {
        builder.find(
            Level::Warning,
            format!(
                "rows that are renumbered may be meant by columns without a foreign key, which do not follow: {}",
                list(&found)
            ),
            Some("add the foreign key on the target, or check these rows afterwards"),
        );
    }
}

/// What columns that refer to a table are usually called.
fn referring_names(table: &str) -> BTreeSet<String> {
    let table = table.to_lowercase();
    let singular = table.strip_suffix("ies").map(|stem| format!("{stem}y"));
    let singular = singular.or_else(|| table.strip_suffix("ses").map(|stem| format!("{stem}s")));
    let singular = singular.or_else(|| table.strip_suffix('s').map(str::to_owned));
    singular.into_iter().chain([table]).flat_map(|name| [format!("{name}_id"), format!("{name}id")]).collect()
}

/// The table on the target and in production; refuses when there is nothing to keep or nowhere to keep it.
fn both_sides<'a>(
    copying: &'a Copying<'_>,
    carried: &Carried,
    table: &TableName,
    builder: &mut Builder,
) -> Option<(&'a Table, &'a Table)> {
    let target = copying.facts.target.schema.tables.get(table);
    let source = carried.tables.contains_key(table).then(|| copying.facts.source.schema.tables.get(table)).flatten();
    let mut refuse = |message: String, help: &str| builder.refuse(Code::TableMissing.error(message).help(help));
    match (target, source) {
        (Some(target), Some(source)) => return Some((target, source)),
        (None, _) => refuse(
            format!("`keep:` names `{table}`, which the target does not have"),
            "correct the name; write `schema.table` for tables outside `public`",
        ),
        (Some(_), None) => refuse(
            format!("`keep:` names `{table}`, which production's copy does not have"),
            "remove it from `keep:`; with `deltas: restore` the target's own tables come back whole",
        ),
    }
    None
}

fn decide_one(
    copying: &Copying<'_>,
    carried: &Carried,
    (table, keep): (&TableName, &Keep),
    (target, source): (&Table, &Table),
    deltas: &[Delta],
    builder: &mut Builder,
) -> Option<KeepTable> {
    let Some(key) = source.primary_key.clone() else {
        builder.refuse(
            Code::KeptRowsConflict
                .error(format!("`{table}` has no primary key, so kept rows cannot be told from production's"))
                .help("add a primary key to the table"),
        );
        return None;
    };
    let matched = if keep.match_by.is_empty() { key.clone() } else { keep.match_by.clone() };
    for column in matched.iter().filter(|column| target.column(column).is_none() || source.column(column).is_none()) {
        builder.refuse(
            Code::ColumnMissing
                .error(format!("`match:` names `{table}.{column}`, which one side does not have"))
                .help("match by columns of both"),
        );
    }
    let masks = carried.tables.get(table).map(|taken| &taken.masks);
    for column in matched.iter().filter(|column| masks.is_some_and(|masks| masks.contains_key(*column))) {
        builder.refuse(
            Code::MaskUnfit
                .error(format!("`{table}.{column}` is masked, and kept rows are matched by it"))
                .help("match by another column, or leave this one unmasked"),
        );
    }
    let columns = columns(copying, table, target, source, deltas, builder);
    let own: BTreeSet<ColumnName> = columns.iter().filter(|column| source.column(column).is_none()).cloned().collect();
    let brought_back = target.foreign_keys.iter().filter(|key| key.columns.iter().any(|column| own.contains(column)));
    Some(KeepTable {
        table: table.clone(),
        foreign_keys: source.foreign_keys.iter().chain(brought_back).cloned().collect(),
        own,
        masked: masks.into_iter().flatten().map(|(column, _)| column.clone()).collect(),
        columns,
        key,
        matched,
        on_conflict: keep.on_conflict,
        on_collision: keep.on_collision,
        on_missing: keep.on_missing,
    })
}

/// The columns carried over, with a word on those that are not.
fn columns(
    copying: &Copying<'_>,
    table: &TableName,
    target: &Table,
    source: &Table,
    deltas: &[Delta],
    builder: &mut Builder,
) -> Vec<ColumnName> {
    let comes_back = |name: &ColumnName| {
        deltas.iter().any(|delta| matches!(delta, Delta::Column { table: of, column, .. } if of == table && column == name))
    };
    let written: Vec<&Column> = target.written_columns().collect();
    let (carried, lost): (Vec<&Column>, Vec<&Column>) = written
        .into_iter()
        .partition(|column| source.column(&column.name).is_some_and(Column::is_written) || comes_back(&column.name));
    if !lost.is_empty() {
        let names: Vec<String> = lost.iter().map(|column| format!("`{}`", column.name)).collect();
        builder.find(
            Level::Warning,
            format!("kept rows of `{table}` lose {}, which production does not have", list(&names)),
            Some("`deltas: restore` brings the columns back"),
        );
    }
    let fresh: Vec<&Column> = source.written_columns().filter(|column| target.column(&column.name).is_none()).collect();
    for column in &fresh {
        let numbered = matches!(column.source, ColumnSource::Identity(_));
        if !column.not_null || column.default.is_some() || numbered {
            let value = if numbered { "new numbers" } else { column.default.as_deref().unwrap_or("NULL") };
            builder.find(
                Level::Note,
                format!("kept rows of `{table}` get {value} in `{}`, which the target does not have", column.name),
                None,
            );
        } else {
            builder.refuse(
                Code::KeptRowsConflict
                    .error(format!("kept rows of `{table}` have no value for `{}`, which production requires", column.name))
                    .help(format!(
                        "deploy production's version to `{}` first, so that its rows have the column",
                        copying.target.database
                    )),
            );
        }
    }
    carried.into_iter().map(|column| column.name.clone()).collect()
}

/// What the comparison of rows found.
fn look(table: &TableName, keep: &Keep, facts: &KeepFacts, builder: &mut Builder) {
    builder.find(
        Level::Note,
        format!(
            "`{table}`: {} rows on the target, {} of them its own, {} the same as production's, {} different",
            facts.found, facts.target_only, facts.same, facts.conflicts
        ),
        None,
    );
    if facts.found == 0 {
        builder.find(Level::Warning, format!("`{table}` is empty on the target, so nothing of it is kept"), None);
    }
    if facts.conflicts > 0 && keep.on_conflict == OnConflict::Refuse {
        builder.refuse(
            Code::KeptRowsConflict
                .error(format!("{} rows of `{table}` differ between target and production: {}", facts.conflicts, facts.conflict_examples.join(", ")))
                .help("choose `on-conflict: keep-target` or `keep-source`; if the same key means different people, match by another column with `match:`"),
        );
    }
    if facts.collisions > 0 && keep.on_collision == OnCollision::Refuse {
        builder.refuse(
            Code::KeptRowsConflict
                .error(format!(
                    "{} keys of `{table}` mean one thing on the target and another in production: {}",
                    facts.collisions,
                    facts.collision_examples.join(", ")
                ))
                .help("use `on-collision: renumber` to give the target's rows fresh keys; kept rows that refer to them follow"),
        );
    }
    unnamed(table, keep, facts, builder);
    for clash in &facts.clashes {
        let columns: Vec<String> = clash.columns.iter().map(|column| format!("`{column}`")).collect();
        builder.refuse(
            Code::KeptRowsConflict
                .error(format!(
                    "{} kept rows of `{table}` have the same {} as other rows of production: {}",
                    clash.rows,
                    columns.join(", "),
                    clash.examples.join(", ")
                ))
                .help("match by these columns with `match:` if they mean the same thing; else change the rows on the target"),
        );
    }
    dangling(table, keep, facts, builder);
}

/// Rows with NULL where rows are matched have nothing but their key.
fn unnamed(table: &TableName, keep: &Keep, facts: &KeepFacts, builder: &mut Builder) {
    if facts.unrecognisable > 0 && keep.on_collision == OnCollision::Renumber {
        builder.refuse(
            Code::KeptRowsConflict
                .error(format!(
                    "{} rows of `{table}` have a key that production uses otherwise, and NULL in `match:`, so nothing tells who they are",
                    facts.unrecognisable
                ))
                .help("fill in the columns of `match:` on the target, or remove the rows there"),
        );
    }
    if facts.unnamed > 0 {
        builder.find(
            Level::Warning,
            format!("rows of `{table}` have NULL in `match:` and pass for production's rows of the same key: {}", facts.unnamed),
            Some("fill in the columns of `match:` on the target where such a row is another thing"),
        );
    }
}

/// References that will lead nowhere.
fn dangling(table: &TableName, keep: &Keep, facts: &KeepFacts, builder: &mut Builder) {
    for reference in &facts.dangling {
        let message = format!(
            "{} kept rows of `{table}` refer by `{}` to rows of `{}` that will not exist: {}",
            reference.rows,
            reference.constraint,
            reference.to,
            reference.examples.join(", ")
        );
        match keep.on_missing {
            OnMissing::Refuse => {
                let help = format!("keep `{}` too, or use `on-missing: drop` or `set-null`", reference.to);
                builder.refuse(Code::KeptRowsDangle.error(message).help(help));
            }
            OnMissing::Drop => builder.find(Level::Warning, format!("{message}; they are left out"), None),
            OnMissing::SetNull => builder.find(Level::Warning, format!("{message}; the references become NULL"), None),
        }
    }
}

/// Tables that are referred to come first; within a circle the scenario's order holds.
fn in_order(mut open: Vec<KeepTable>) -> Vec<KeepTable> {
    let mut ordered = Vec::new();
    while !open.is_empty() {
        let waits = |keep: &KeepTable| {
            keep.foreign_keys.iter().any(|key| key.to != keep.table && open.iter().any(|other| other.table == key.to))
        };
        let next = open.iter().position(|keep| !waits(keep)).unwrap_or(0);
        ordered.push(open.remove(next));
    }
    ordered
}
