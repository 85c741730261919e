//! What a database hands down to the one that takes its place: who owns what, and who may do what.

use crate::archive::{Archive, Entry, EntryId};
use restage_core::facts::ObjectKind;
use std::collections::{BTreeMap, HashMap, HashSet};

/// The owners, grants and default privileges of the database to be replaced.
#[derive(Debug, Default)]
pub struct Inherited {
    owners: BTreeMap<ObjectKey, String>,
    grants: Vec<Grant>,
    default_grants: Vec<Entry>,
}

/// An object that two databases can both have, whatever kind of relation or routine it is in each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ObjectKey {
    class: &'static str,
    schema: String,
    name: String,
}

/// A grant, with the object it is for; `None` for what `pg_dump` does not list, such as an extension's function.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) entry: Entry,
    pub(super) object: Option<ObjectKey>,
}

impl ObjectKey {
    pub(super) fn of(entry: &Entry) -> Self {
        Self { class: class(&entry.kind), schema: entry.schema.clone(), name: entry.name.clone() }
    }
}

/// Kinds that share their names.
fn class(kind: &ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Table | ObjectKind::ForeignTable | ObjectKind::View | ObjectKind::MaterializedView | ObjectKind::Sequence => {
            "relation"
        }
        ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate => "routine",
        ObjectKind::Type | ObjectKind::Domain | ObjectKind::ShellType => "type",
        ObjectKind::Schema => "schema",
        ObjectKind::Server => "server",
        ObjectKind::ForeignDataWrapper => "wrapper",
        ObjectKind::Publication => "publication",
        ObjectKind::Subscription => "subscription",
        ObjectKind::EventTrigger => "event trigger",
        ObjectKind::ProceduralLanguage => "language",
        _ => "other",
    }
}

impl Inherited {
    /// Reads them from the archive of the database to be replaced.
    pub fn from_archive(archive: &Archive) -> Self {
        let objects: HashMap<EntryId, ObjectKey> =
            archive.entries.iter().filter(|entry| entry.is_object()).map(|entry| (entry.id, ObjectKey::of(entry))).collect();
        let owned = archive.entries.iter().filter(|entry| entry.is_object() && !entry.owner.is_empty());
        let of_kind = |kind: ObjectKind| archive.entries.iter().filter(move |entry| entry.kind == kind);
        Self {
            owners: owned.map(|entry| (ObjectKey::of(entry), entry.owner.clone())).collect(),
            grants: of_kind(ObjectKind::Acl)
                .map(|entry| Grant {
                    entry: entry.clone(),
                    object: entry.dependencies.iter().find_map(|id| objects.get(id)).cloned(),
                })
                .collect(),
            default_grants: of_kind(ObjectKind::DefaultAcl).cloned().collect(),
        }
    }

    /// Whether the database to be replaced has the object.
    pub(super) fn has(&self, key: &ObjectKey) -> bool {
        self.owners.contains_key(key)
    }

    /// Who owns the object there.
    pub(super) fn owner_of(&self, key: &ObjectKey) -> Option<&str> {
        self.owners.get(key).map(String::as_str)
    }

    /// The grants on objects that were made, and on those that come from elsewhere.
    pub(super) fn grants_on<'a>(&'a self, made: &'a HashSet<ObjectKey>) -> impl Iterator<Item = &'a Entry> {
        let fits =
            move |grant: &&Grant| grant.object.as_ref().is_none_or(|object| made.contains(object) || object.is_public_schema());
        self.grants.iter().filter(fits).map(|grant| &grant.entry)
    }

    /// The default privileges.
    pub(super) fn default_grants(&self) -> impl Iterator<Item = &Entry> {
        self.default_grants.iter()
    }

    /// The source's default privileges, of owners and for schemas that have none of the kind here.
    pub(super) fn default_grants_missing<'a>(&'a self, source: &'a [Entry]) -> impl Iterator<Item = &'a Entry> {
        let known: HashSet<_> = self.default_grants.iter().map(|entry| (&entry.owner, &entry.schema, &entry.name)).collect();
        source.iter().filter(move |entry| !known.contains(&(&entry.owner, &entry.schema, &entry.name)))
    }
}

impl ObjectKey {
    /// The schema that every database has.
    pub(super) fn public_schema() -> Self {
        Self { class: "schema", schema: String::new(), name: "public".into() }
    }

    /// Every database has one, so it is not made; still it has grants.
    fn is_public_schema(&self) -> bool {
        self.class == "schema" && self.name == "public"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::entry;

    #[test]
    fn grants_follow_their_objects_and_the_source_adds_only_default_privileges_that_are_missing() {
        let mut acl = entry(3, "ACL", "public", "TABLE gone");
        acl.dependencies = vec![EntryId(2)];
        let mut kept = entry(4, "ACL", "public", "TABLE t");
        kept.dependencies = vec![EntryId(1)];
        let default =
            |id, owner: &str| Entry { owner: owner.into(), ..entry(id, "DEFAULT ACL", "public", "DEFAULT PRIVILEGES FOR TABLES") };
        let view = Entry { owner: "keeper".into(), ..entry(1, "VIEW", "public", "t") };
        let entries = vec![view, entry(2, "TABLE", "public", "gone"), acl, kept, default(5, "app")];
        let inherited = Inherited::from_archive(&Archive { server_version: "15".into(), entries });

        let table = ObjectKey::of(&entry(9, "TABLE", "public", "t"));
        assert_eq!(inherited.owner_of(&table), Some("keeper"));
        let made = HashSet::from([table]);
        let grants: Vec<&str> = inherited.grants_on(&made).map(|entry| entry.name.as_str()).collect();
        assert_eq!(grants, ["TABLE t"]);
        let source = [default(1, "app"), default(2, "other")];
        let owners: Vec<&str> = inherited.default_grants_missing(&source).map(|entry| entry.owner.as_str()).collect();
        assert_eq!((owners, inherited.default_grants().count()), (vec!["other"], 1));
    }
}
