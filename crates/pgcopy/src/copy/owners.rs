//! Who owns what in the copy: whoever owns the same object on the target, else its owner in the source where that role exists,
//! else the owner of the database.

use super::inherited::{Inherited, ObjectKey};
use super::statements::{Failure, Statement};
use crate::Result;
use crate::archive::Entry;
use crate::connect::Reader;
use restage_core::facts::ObjectKind;
use restage_core::schema::quote_identifier;
use std::collections::{BTreeSet, HashSet};

/// The roles of the target's server, as far as owning is concerned.
#[derive(Debug)]
pub(super) struct Owners {
    /// The login role, which owns whatever is made until it is given away.
    login: String,
    is_superuser: bool,
    database: String,
    /// Roles that the login role can give things to.
    reachable: HashSet<String>,
}

impl Owners {
    pub(super) async fn read(target: Reader<'_>) -> Result<Self> {
        let sql = "SELECT current_user::text, r.rolsuper, pg_get_userbyid(d.datdba) FROM pg_roles r, pg_database d \
                   WHERE r.rolname = current_user AND d.datname = current_database()";
        let rows = target.query("read the login role", sql, &[]).await?;
        let act = if target.version() < 160_000 { "MEMBER" } else { "SET" };
        let reachable = format!("SELECT rolname FROM pg_roles WHERE pg_has_role(oid, '{act}')");
        let reachable = target.query("list the roles", &reachable, &[]).await?;
        Ok(Self {
            login: rows[0].get(0),
            is_superuser: rows[0].get(1),
            database: rows[0].get(2),
            reachable: reachable.iter().map(|row| row.get(0)).collect(),
        })
    }

    /// Whom an object of the source is given to.
    pub(super) fn of<'a>(&'a self, entry: &'a Entry, inherited: &'a Inherited) -> &'a str {
        let wanted = [inherited.owner_of(&ObjectKey::of(entry)), Some(entry.owner.as_str()), Some(self.database.as_str())];
        wanted.into_iter().flatten().find(|role| self.reachable.contains(*role)).unwrap_or(&self.login)
    }

    /// Whom a thing that the target cannot have is given to; `None` if it stays as it is.
    pub(super) fn of_new(&self, source_owner: &str) -> Option<&str> {
        let wanted = [source_owner, self.database.as_str()].into_iter().find(|role| self.reachable.contains(*role))?.to_owned();
        self.reachable.get(&wanted).map(String::as_str).filter(|role| *role != self.login)
    }

    /// The statements that give everything that was made to its owner.
    pub(super) fn statements<'a>(&self, made: impl Iterator<Item = &'a Entry>, inherited: &Inherited) -> Vec<Statement> {
        let made: Vec<&Entry> = made.collect();
        // A column's sequence belongs to whoever owns the table, and follows it.
        let of_columns: HashSet<(&str, &str)> = made
            .iter()
            .filter(|entry| entry.kind == ObjectKind::SequenceOwnedBy)
            .map(|entry| (entry.schema.as_str(), entry.name.as_str()))
            .collect();
        let follows = |entry: &Entry| {
            entry.kind == ObjectKind::Sequence && of_columns.contains(&(entry.schema.as_str(), entry.name.as_str()))
        };
        let given: Vec<(&Entry, &str)> = made
            .iter()
            .filter(|entry| entry.kind.can_be_given() && !follows(entry))
            .map(|entry| (*entry, self.of(entry, inherited)))
            .filter(|(entry, owner)| *owner != self.login && !(entry.kind == ObjectKind::Schema && entry.name == "public"))
            .collect();
        let give = given.iter().filter_map(|(entry, owner)| {
            let sql = format!("ALTER {} OWNER TO {};", entry.described()?, quote_identifier(owner));
            Some(noted(format!("give `{}` to `{owner}`", entry.label()), sql))
        });
        self.with_rights(&given, give.collect())
    }

    /// The statement that gives the schema `public`, which every database has, to whoever owns the target's.
    pub(super) fn of_public(&self, inherited: &Inherited) -> Vec<Statement> {
        let owner = inherited.owner_of(&ObjectKey::public_schema()).filter(|owner| self.reachable.contains(*owner));
        let give = owner.map(|owner| {
            let sql = format!("ALTER SCHEMA public OWNER TO {};", quote_identifier(owner));
            noted(format!("give the schema `public` to `{owner}`"), sql)
        });
        give.into_iter().collect()
    }

    /// A new owner must have the right to create in the schema, though it may have lost it since; a superuser need not care.
    fn with_rights(&self, given: &[(&Entry, &str)], give: Vec<Statement>) -> Vec<Statement> {
        if self.is_superuser {
            return give;
        }
        let places: BTreeSet<(&str, &str)> = given
            .iter()
            .filter(|(entry, _)| !entry.schema.is_empty())
            .map(|(entry, owner)| (entry.schema.as_str(), *owner))
            .collect();
        let right = |(schema, owner): &(&str, &str), verb: &str, to: &str| {
            let sql = format!("{verb} CREATE ON SCHEMA {} {to} {};", quote_identifier(schema), quote_identifier(owner));
            noted(format!("let `{owner}` own objects in `{schema}`"), sql)
        };
        let (schemas, others): (Vec<Statement>, Vec<Statement>) =
            give.into_iter().partition(|give| give.sql.starts_with("ALTER SCHEMA"));
        let before = places.iter().map(|place| right(place, "GRANT", "TO"));
        let after = places.iter().map(|place| right(place, "REVOKE", "FROM"));
        before.chain(others).chain(after).chain(schemas).collect()
    }
}

fn noted(doing: String, sql: String) -> Statement {
    Statement { doing, sql, failure: Failure::Noted }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::{Archive, entry};

    fn owners(is_superuser: bool) -> Owners {
        let reachable = ["login", "app", "boss"].map(str::to_owned);
        Owners { login: "login".into(), is_superuser, database: "boss".into(), reachable: reachable.into() }
    }

    fn owned(id: u32, kind: &str, name: &str, owner: &str) -> Entry {
        Entry { owner: owner.into(), ..entry(id, kind, "public", name) }
    }

    #[test]
    fn the_targets_owner_comes_first_then_the_sources_then_the_databases() {
        let target = Archive { server_version: "15".into(), entries: vec![owned(1, "TABLE", "a", "boss")] };
        let inherited = Inherited::from_archive(&target);
        let owners = owners(true);
        let of = |name: &str, owner: &str| owners.of(&owned(1, "TABLE", name, owner), &inherited).to_owned();
        assert_eq!((of("a", "app"), of("b", "app"), of("b", "unknown")), ("boss".into(), "app".into(), "boss".into()));
        assert_eq!((owners.of_new("login"), owners.of_new("app"), owners.of_new("unknown")), (None, Some("app"), Some("boss")));
    }

    #[test]
    fn a_columns_sequence_and_what_the_login_owns_are_left_alone() {
        let made = [
            owned(1, "TABLE", "t", "app"),
            owned(2, "SEQUENCE", "s", "app"),
            owned(3, "SEQUENCE OWNED BY", "s", "app"),
            owned(5, "TABLE", "mine", "login"),
        ];
        let sql: Vec<String> =
            owners(true).statements(made.iter(), &Inherited::default()).into_iter().map(|give| give.sql).collect();
        assert_eq!(sql, ["ALTER TABLE public.t OWNER TO \"app\";"]);
    }

    #[test]
    fn an_ordinary_login_lends_the_right_to_create() {
        let made = [owned(1, "TABLE", "t", "app")];
        let sql: Vec<String> =
            owners(false).statements(made.iter(), &Inherited::default()).into_iter().map(|give| give.sql).collect();
        let expected = [
            "GRANT CREATE ON SCHEMA \"public\" TO \"app\";",
            "ALTER TABLE public.t OWNER TO \"app\";",
            "REVOKE CREATE ON SCHEMA \"public\" FROM \"app\";",
        ];
        assert_eq!(sql, expected);
    }
}
