//! Who may do what in the copy: the target's own grants, and for objects it did not have what its owners grant by default.

use super::inherited::{Inherited, ObjectKey};
use super::owners::Owners;
use super::statements::{Failure, Statement};
use crate::Result;
use crate::archive::Entry;
use crate::connect::Reader;
use restage_core::facts::ObjectKind;
use restage_core::schema::quote_identifier;
use std::collections::{BTreeMap, HashSet};

/// The target's grants on what was made, and its default privileges.
pub(super) fn of_target(made: &HashSet<ObjectKey>, inherited: &Inherited) -> Vec<Statement> {
    inherited.grants_on(made).chain(inherited.default_grants()).map(statement).collect()
}

/// The source's default privileges, for owners and schemas that have none of the kind on the target.
pub(super) fn of_source(inherited: &Inherited, source_defaults: &[Entry]) -> Vec<Statement> {
    inherited.default_grants_missing(source_defaults).map(statement).collect()
}

fn statement(entry: &Entry) -> Statement {
    let doing = match (&entry.kind, entry.schema.as_str()) {
        (ObjectKind::DefaultAcl, "") => format!("set what `{}` grants by default", entry.owner),
        (ObjectKind::DefaultAcl, schema) => format!("set what `{}` grants by default in `{schema}`", entry.owner),
        _ => format!("grant as on the target on `{}`", entry.name),
    };
    Statement { doing, sql: entry.sql.clone(), failure: Failure::Noted }
}

/// What default privileges give on each new object. They count when an object is made by its owner, and these were made by the
/// login role, so they are granted here.
pub(super) async fn on_new_objects(
    target: Reader<'_>,
    made: &[&Entry],
    inherited: &Inherited,
    owners: &Owners,
) -> Result<Vec<Statement>> {
    let defaults = Defaults::read(target).await?;
    let new = made.iter().filter(|entry| !inherited.has(&ObjectKey::of(entry)));
    Ok(new.flat_map(|entry| defaults.statements(entry, owners.of(entry, inherited))).collect())
}

/// Default privileges by owner, schema (empty for all) and class of object.
struct Defaults(BTreeMap<(String, String, char), Vec<Privilege>>);

struct Privilege {
    grantee: Option<String>,
    word: String,
    grantable: bool,
}

impl Defaults {
    async fn read(target: Reader<'_>) -> Result<Self> {
        let sql = "SELECT pg_get_userbyid(d.defaclrole), coalesce(n.nspname, ''), d.defaclobjtype::text, \
                          CASE WHEN a.grantee <> 0 THEN pg_get_userbyid(a.grantee) END, a.privilege_type, a.is_grantable \
                   FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace, aclexplode(d.defaclacl) a \
                   WHERE a.grantee <> d.defaclrole";
        let mut defaults: BTreeMap<(String, String, char), Vec<Privilege>> = BTreeMap::new();
        for row in target.query("read the default privileges", sql, &[]).await? {
            let class = row.get::<_, &str>(2).chars().next().unwrap_or_default();
            let privilege = Privilege { grantee: row.get(3), word: row.get(4), grantable: row.get(5) };
            defaults.entry((row.get(0), row.get(1), class)).or_default().push(privilege);
        }
        Ok(Self(defaults))
    }

    fn statements(&self, entry: &Entry, owner: &str) -> Vec<Statement> {
        let Some((class, object)) = grantable(entry) else { return vec![] };
        let everywhere = self.0.get(&(owner.to_owned(), String::new(), class));
        let here = self.0.get(&(owner.to_owned(), entry.schema.clone(), class)).filter(|_| !entry.schema.is_empty());
        // Those for all schemas take the place of what PostgreSQL gives everybody; those for one are added.
        let revoke = everywhere.filter(|_| matches!(class, 'f' | 'T')).map(|_| format!("REVOKE ALL ON {object} FROM PUBLIC;"));
        let grants = everywhere.into_iter().chain(here).flatten().map(|privilege| {
            let grantee = privilege.grantee.as_deref().map_or_else(|| "PUBLIC".to_owned(), quote_identifier);
            let grantable = if privilege.grantable { " WITH GRANT OPTION" } else { "" };
            format!("GRANT {} ON {object} TO {grantee}{grantable};", privilege.word)
        });
        let sql: Vec<String> = revoke.into_iter().chain(grants).collect();
        if sql.is_empty() {
            return vec![];
        }
        vec![Statement {
            doing: format!("grant on `{}` what its owner grants by default", entry.label()),
            sql: sql.join(" "),
            failure: Failure::Noted,
        }]
    }
}

/// The class that default privileges have for an object, and its name after `GRANT … ON`.
fn grantable(entry: &Entry) -> Option<(char, String)> {
    let name = entry.described()?.strip_prefix(entry.kind.word())?.trim_start();
    let (class, word) = match &entry.kind {
        ObjectKind::Table | ObjectKind::ForeignTable | ObjectKind::View | ObjectKind::MaterializedView => ('r', "TABLE"),
        ObjectKind::Sequence => ('S', "SEQUENCE"),
        ObjectKind::Function | ObjectKind::Aggregate => ('f', "FUNCTION"),
        ObjectKind::Procedure => ('f', "PROCEDURE"),
        ObjectKind::Type | ObjectKind::Domain => ('T', "TYPE"),
        ObjectKind::Schema => ('n', "SCHEMA"),
        _ => return None,
    };
    Some((class, format!("{word} {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::entry;

    #[test]
    fn a_new_object_gets_what_its_owner_grants_everywhere_and_in_its_schema() {
        let privilege = |grantee: Option<&str>, word: &str| Privilege {
            grantee: grantee.map(str::to_owned),
            word: word.into(),
            grantable: false,
        };
        let key = |schema: &str, class| ("app".to_owned(), schema.to_owned(), class);
        let defaults = Defaults(BTreeMap::from([
            (key("", 'f'), vec![privilege(Some("ops"), "EXECUTE")]),
            (key("public", 'r'), vec![privilege(Some("reader"), "SELECT")]),
        ]));
        let sql = |kind: &str, owner: &str| {
            defaults
                .statements(&entry(1, kind, "public", "x"), owner)
                .into_iter()
                .map(|statement| statement.sql)
                .collect::<Vec<_>>()
        };
        assert_eq!(sql("VIEW", "app"), ["GRANT SELECT ON TABLE public.x TO \"reader\";"]);
        assert_eq!(
            sql("FUNCTION", "app"),
            ["REVOKE ALL ON FUNCTION public.x FROM PUBLIC; GRANT EXECUTE ON FUNCTION public.x TO \"ops\";"]
        );
        assert!(sql("VIEW", "other").is_empty() && sql("INDEX", "app").is_empty());
    }
}
