//! Which of the source's objects are made, in which phase, and what is left out and why.

use crate::archive::{Archive, Entry, EntryId, Section};
use crate::connect::Reader;
use crate::{Kind, Result};
use restage_core::facts::ObjectKind;
use restage_core::provider::Carried;
use restage_core::schema::TableName;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// The objects to make, by phase; the order within a phase is one in which they can be made.
#[derive(Debug, Default)]
pub(super) struct Selection {
    /// Schemas, types, functions, tables, views.
    pub(super) before_rows: Vec<Entry>,
    /// Indexes, keys and the like of tables, made as their rows are complete.
    pub(super) with_rows: Vec<Entry>,
    /// Views and functions that need a key, rules.
    pub(super) after_rows: Vec<Entry>,
    /// Indexes of materialized views, or of what only exists after the rows.
    pub(super) late_indexes: Vec<Entry>,
    /// Triggers, policies and row security.
    pub(super) guards: Vec<Entry>,
    /// Publications and subscriptions.
    pub(super) replication: Vec<Entry>,
    /// Comments and security labels.
    pub(super) remarks: Vec<Entry>,
    /// Event triggers, which would fire for everything made after them.
    pub(super) event_triggers: Vec<Entry>,
    /// What production's owners would grant to others by default.
    pub(super) default_grants: Vec<Entry>,
    /// What was left out, for people.
    pub(super) notes: Vec<String>,
}

const INDEX_LIKE: [ObjectKind; 6] = [
    ObjectKind::Index,
    ObjectKind::IndexAttach,
    ObjectKind::Constraint,
    ObjectKind::ForeignKey,
    ObjectKind::CheckConstraint,
    ObjectKind::Statistics,
];
const GUARDS: [ObjectKind; 3] = [ObjectKind::Trigger, ObjectKind::Policy, ObjectKind::RowSecurity];
/// What leads to another server, and still does from a copy.
const LEADS_ELSEWHERE: [ObjectKind; 2] = [ObjectKind::Server, ObjectKind::Subscription];
/// How many objects a note names.
const NAMED_IN_A_NOTE: usize = 10;

impl Selection {
    /// Sorts the source's archive.
    pub(super) fn of(archive: &Archive, carried: &Carried) -> Result<Self> {
        let left_out = left_out(archive, carried)?;
        let mut selection = Self { notes: left_out.notes, ..Self::default() };
        let mut late: HashSet<EntryId> = HashSet::new();
        for entry in archive.entries.iter().filter(|entry| !left_out.ids.contains(&entry.id)) {
            if LEADS_ELSEWHERE.contains(&entry.kind) {
                selection.notes.push(format!("`{}` is copied and leads where production's leads", entry.label()));
            }
            let phase = phase_of(entry, &late);
            if phase == Phase::AfterRows || entry.kind == ObjectKind::MaterializedView || phase == Phase::LateIndexes {
                late.insert(entry.id);
            }
            selection.phase(phase).into_iter().for_each(|phase| phase.push(entry.clone()));
        }
        Ok(selection)
    }

    fn phase(&mut self, phase: Phase) -> Option<&mut Vec<Entry>> {
        match phase {
            Phase::Skipped => None,
            Phase::BeforeRows => Some(&mut self.before_rows),
            Phase::WithRows => Some(&mut self.with_rows),
            Phase::AfterRows => Some(&mut self.after_rows),
            Phase::LateIndexes => Some(&mut self.late_indexes),
            Phase::Guards => Some(&mut self.guards),
            Phase::Replication => Some(&mut self.replication),
            Phase::Remarks => Some(&mut self.remarks),
            Phase::EventTriggers => Some(&mut self.event_triggers),
            Phase::DefaultGrants => Some(&mut self.default_grants),
        }
    }

    /// Puts what is stored in a place or in a way that the target's server does not have where it puts things by itself.
    pub(super) async fn fit_to(&mut self, target: Reader<'_>) -> Result<()> {
        let sql = "SELECT ARRAY(SELECT spcname::text FROM pg_tablespace), ARRAY(SELECT amname::text FROM pg_am)";
        let row = target.query("list the tablespaces", sql, &[]).await?.remove(0);
        let (tablespaces, methods): (HashSet<String>, HashSet<String>) =
            (row.get::<_, Vec<String>>(0).into_iter().collect(), row.get::<_, Vec<String>>(1).into_iter().collect());
        let brings_methods =
            self.before_rows.iter().any(|entry| matches!(&entry.kind, ObjectKind::AccessMethod | ObjectKind::Extension));
        let mut missing: BTreeSet<String> = BTreeSet::new();
        for entry in
            [&mut self.before_rows, &mut self.with_rows, &mut self.after_rows, &mut self.late_indexes].into_iter().flatten()
        {
            if !entry.tablespace.is_empty() && !tablespaces.contains(&entry.tablespace) {
                missing.insert(format!("the tablespace `{}`", std::mem::take(&mut entry.tablespace)));
            }
            // One that an extension brings is there once the extension is.
            if !entry.access_method.is_empty() && !brings_methods && !methods.contains(&entry.access_method) {
                missing.insert(format!("the access method `{}`", std::mem::take(&mut entry.access_method)));
            }
        }
        self.notes.extend(
            missing
                .iter()
                .map(|what| format!("{what} is not on the target; what is in it goes where the server puts things by itself")),
        );
        Ok(())
    }

    /// Every object that has an owner, in the order of making.
    pub(super) fn owned(&self) -> impl Iterator<Item = &Entry> {
        let phases = [&self.before_rows, &self.with_rows, &self.after_rows, &self.replication, &self.event_triggers];
        phases.into_iter().flatten().filter(|entry| !entry.owner.is_empty())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Skipped,
    BeforeRows,
    WithRows,
    AfterRows,
    LateIndexes,
    Guards,
    Replication,
    Remarks,
    EventTriggers,
    DefaultGrants,
}

/// `late` are the entries that only exist after the rows, or are filled then.
fn phase_of(entry: &Entry, late: &HashSet<EntryId>) -> Phase {
    let kind = &entry.kind;
    let needs_late = entry.dependencies.iter().any(|id| late.contains(id));
    match kind {
        ObjectKind::DefaultAcl => Phase::DefaultGrants,
        ObjectKind::EventTrigger => Phase::EventTriggers,
        _ if kind.is_remark() => Phase::Remarks,
        _ if !entry.is_object() || entry.sql.trim().is_empty() => Phase::Skipped,
        _ if kind.is_replication() => Phase::Replication,
        _ if GUARDS.contains(kind) => Phase::Guards,
        _ if is_of_domain(entry) => Phase::AfterRows,
        _ if INDEX_LIKE.contains(kind) && entry.section == Section::PostData => {
            if needs_late {
                Phase::LateIndexes
            } else {
                Phase::WithRows
            }
        }
        _ if entry.section == Section::PostData => Phase::AfterRows,
        _ => Phase::BeforeRows,
    }
}

/// A check that was not validated: rows may break it in any table that uses the domain, wherever in its columns' types.
fn is_of_domain(entry: &Entry) -> bool {
    entry.kind == ObjectKind::CheckConstraint && entry.sql.starts_with("ALTER DOMAIN ")
}

struct LeftOut {
    ids: HashSet<EntryId>,
    notes: Vec<String>,
}

/// Leaves out the tables that are not wanted with everything that needs them, as far as `pg_dump` knows.
fn left_out(archive: &Archive, carried: &Carried) -> Result<LeftOut> {
    let mut users: HashMap<EntryId, Vec<&Entry>> = HashMap::new();
    for entry in &archive.entries {
        entry.dependencies.iter().for_each(|id| users.entry(*id).or_default().push(entry));
    }
    let unwanted_kind = |entry: &Entry| !carried.publications && entry.kind.is_replication();
    let (unwanted, tables): (Vec<&Entry>, Vec<&Entry>) = (
        archive.entries.iter().filter(|entry| unwanted_kind(entry)).collect(),
        archive.entries.iter().filter(|entry| is_table(entry) && carried.without.contains(&name_of(entry))).collect(),
    );
    let mut ids: HashSet<EntryId> = HashSet::new();
    let mut notes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for root in tables.iter().chain(&unwanted) {
        let mut waiting = vec![*root];
        while let Some(entry) = waiting.pop() {
            if !ids.insert(entry.id) {
                continue;
            }
            if is_table(entry) && carried.tables.contains_key(&name_of(entry)) {
                let (needs, lacks) = (name_of(entry), name_of(root));
                let error = Kind::Unfit.error(format!("`{needs}` cannot be copied without `{lacks}`, which it needs"));
                return Err(
                    error.help(format!("leave `{needs}` out too, or leave only the rows of `{lacks}` out with `without-rows`"))
                );
            }
            if is_noteworthy(entry) && entry.id != root.id && is_table(root) {
                notes.entry(name_of(root).to_string()).or_default().insert(entry.label());
            }
            waiting.extend(users.get(&entry.id).into_iter().flatten());
        }
    }
    Ok(LeftOut { ids, notes: notes.into_iter().map(|(table, objects)| note(&table, &objects)).collect() })
}

fn note(table: &str, objects: &BTreeSet<String>) -> String {
    let named: Vec<String> = objects.iter().take(NAMED_IN_A_NOTE).map(|object| format!("`{object}`")).collect();
    let more = objects.len().saturating_sub(NAMED_IN_A_NOTE);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("left out with `{table}`: {}{more}", named.join(", "))
}

/// Whether people think of it as a thing of its own, unlike a table's indexes.
fn is_noteworthy(entry: &Entry) -> bool {
    matches!(
        &entry.kind,
        ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Function
            | ObjectKind::Procedure
            | ObjectKind::ForeignKey
            | ObjectKind::Table
            | ObjectKind::Type
            | ObjectKind::Domain
    )
}

fn is_table(entry: &Entry) -> bool {
    matches!(&entry.kind, ObjectKind::Table | ObjectKind::ForeignTable)
}

fn name_of(entry: &Entry) -> TableName {
    TableName::new(&entry.schema, &entry.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::entry;
    use restage_core::facts::Identity;
    use restage_core::provider::TableTaken;
    use restage_core::scenario::copy_database::{CopyLimits, Verify};

    fn carried(tables: &[&str], without: &[&str]) -> Carried {
        let name = |text: &&str| TableName::parse(text).unwrap();
        Carried {
            tables: tables.iter().map(|text| (name(text), TableTaken::default())).collect(),
            without: without.iter().map(name).collect(),
            publications: false,
            mask_secret: None,
            workers: None,
            limits: CopyLimits::default(),
            verify: Verify::Counts,
            source_schema: String::new(),
            source_identity: Identity { system: String::new(), oid: 0 },
        }
    }

    fn needing(mut entry: Entry, section: Section, needs: &[u32]) -> Entry {
        entry.section = section;
        entry.dependencies = needs.iter().copied().map(EntryId).collect();
        entry
    }

    fn archive() -> Archive {
        let entries = vec![
            entry(1, "TABLE", "public", "a"),
            entry(2, "TABLE", "public", "b"),
            needing(entry(3, "VIEW", "public", "v"), Section::PreData, &[2]),
            needing(entry(4, "MATERIALIZED VIEW", "public", "m"), Section::PreData, &[1]),
            needing(entry(5, "INDEX", "public", "a_index"), Section::PostData, &[1]),
            needing(entry(6, "INDEX", "public", "m_index"), Section::PostData, &[4]),
            needing(entry(7, "FK CONSTRAINT", "public", "a a_b_fkey"), Section::PostData, &[1, 2]),
            needing(entry(8, "TRIGGER", "public", "a watch"), Section::PostData, &[1]),
            needing(entry(9, "COMMENT", "public", "VIEW v"), Section::None, &[3]),
            needing(entry(10, "PUBLICATION", "", "news"), Section::PostData, &[]),
            needing(entry(11, "VIEW", "public", "by_key"), Section::PostData, &[5]),
            needing(entry(12, "ACL", "public", "TABLE a"), Section::None, &[1]),
        ];
        Archive { server_version: "15".into(), entries }
    }

    fn names(entries: &[Entry]) -> Vec<&str> {
        entries.iter().map(|entry| entry.name.as_str()).collect()
    }

    #[test]
    fn each_object_has_its_phase() {
        let selection = Selection::of(&archive(), &carried(&["a", "b"], &[])).unwrap();
        assert_eq!(names(&selection.before_rows), ["a", "b", "v", "m"]);
        assert_eq!(names(&selection.with_rows), ["a_index", "a a_b_fkey"]);
        assert_eq!((names(&selection.late_indexes), names(&selection.after_rows)), (vec!["m_index"], vec!["by_key"]));
        assert_eq!((names(&selection.guards), names(&selection.remarks)), (vec!["a watch"], vec!["VIEW v"]));
        assert!(selection.replication.is_empty() && selection.notes.is_empty());
    }

    #[test]
    fn a_check_of_a_domain_that_rows_may_break_comes_after_all_rows() {
        let mut archive = archive();
        let mut check = needing(entry(13, "CHECK CONSTRAINT", "public", "email has_at"), Section::PostData, &[]);
        check.sql = "ALTER DOMAIN public.email\n    ADD CONSTRAINT has_at CHECK (VALUE ~ '@') NOT VALID;\n".into();
        archive.entries.push(check);
        let selection = Selection::of(&archive, &carried(&["a", "b"], &[])).unwrap();
        assert_eq!(names(&selection.after_rows), ["by_key", "email has_at"]);
    }

    #[test]
    fn what_needs_a_table_is_left_out_with_it_and_named() {
        let selection = Selection::of(&archive(), &carried(&["a"], &["b"])).unwrap();
        assert_eq!((names(&selection.before_rows), names(&selection.with_rows)), (vec!["a", "m"], vec!["a_index"]));
        assert!(selection.remarks.is_empty());
        assert_eq!(selection.notes, ["left out with `b`: `FK CONSTRAINT public.a a_b_fkey`, `VIEW public.v`"]);
    }

    #[test]
    fn a_wanted_table_that_needs_an_unwanted_one_is_refused() {
        let mut archive = archive();
        archive.entries[0].dependencies = vec![EntryId(2)];
        let error = Selection::of(&archive, &carried(&["a"], &["b"])).unwrap_err();
        assert_eq!(error.message, "`a` cannot be copied without `b`, which it needs");
    }
}
