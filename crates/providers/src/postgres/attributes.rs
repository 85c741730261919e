//! What a database has besides its content and is taken over from the target: locale, settings, grants.

mod settings;

use super::listing::unexpected;
use super::trouble::told;
use restage_core::schema::{quote_identifier, quote_literal};
use restage_core::{Code, Error, Result};
use restage_pgcopy::Kind;
use restage_pgcopy::connect::TargetClient;
use std::collections::BTreeSet;
use tokio_postgres::types::Type;

/// What `CREATE DATABASE` is told, beside the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    owner: String,
    encoding: String,
    collate: String,
    character_type: String,
    provider: Provider,
    /// Nothing where it is the usual one, which nobody needs a privilege for.
    tablespace: Option<String>,
}

/// Where collations come from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Provider {
    /// The only one there was before version 15.
    Unnamed,
    Libc,
    Icu {
        locale: String,
        rules: Option<String>,
    },
    Builtin {
        locale: String,
    },
}

/// A privilege on a database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Grant {
    /// `PUBLIC` if absent.
    grantee: Option<String>,
    privilege: String,
    grantable: bool,
}

impl Form {
    /// Reads it off a database.
    pub(crate) async fn of(client: &TargetClient, database: &str) -> Result<Self> {
        // The columns differ between versions; as JSON they can be asked for by name all the same.
        let sql = "SELECT pg_get_userbyid(d.datdba), pg_encoding_to_char(d.encoding), d.datcollate::text, d.datctype::text, \
                   to_jsonb(d) ->> 'datlocprovider', coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'), \
                   to_jsonb(d) ->> 'daticurules', CASE WHEN d.dattablespace <> t.dattablespace THEN s.spcname::text END \
                   FROM pg_database d JOIN pg_database t ON t.datname = 'template0' JOIN pg_tablespace s ON s.oid = d.dattablespace \
                   WHERE d.datname = $1";
        let rows = client.reader().query(format!("look at `{database}`"), sql, &[(&database, Type::TEXT)]).await.map_err(told)?;
        let row = rows.first().ok_or_else(|| gone(database))?;
        let text = |at: usize| row.try_get::<_, String>(at).map_err(unexpected);
        let maybe = |at: usize| row.try_get::<_, Option<String>>(at).map_err(unexpected);
        let provider = match (maybe(4)?.as_deref(), maybe(5)?) {
            (Some("i"), Some(locale)) => Provider::Icu { locale, rules: maybe(6)? },
            (Some("b"), Some(locale)) => Provider::Builtin { locale },
            (Some(_), _) => Provider::Libc,
            (None, _) => Provider::Unnamed,
        };
        Ok(Self {
            owner: text(0)?,
            encoding: text(1)?,
            collate: text(2)?,
            character_type: text(3)?,
            provider,
            tablespace: maybe(7)?,
        })
    }

    /// The statement that creates a database of this form, tagged by its connection limit.
    pub(crate) fn create(&self, name: &str, connection_limit: i32) -> String {
        let mut sql = format!(
            "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {} CONNECTION LIMIT {connection_limit}",
            quote_identifier(name),
            quote_identifier(&self.owner),
            quote_literal(&self.encoding),
            quote_literal(&self.collate),
            quote_literal(&self.character_type),
        );
        match &self.provider {
            Provider::Unnamed => {}
            Provider::Libc => sql += " LOCALE_PROVIDER libc",
            Provider::Icu { locale, rules } => {
                sql = format!("{sql} LOCALE_PROVIDER icu ICU_LOCALE {}", quote_literal(locale));
                if let Some(rules) = rules {
                    sql = format!("{sql} ICU_RULES {}", quote_literal(rules));
                }
            }
            Provider::Builtin { locale } => {
                sql = format!("{sql} LOCALE_PROVIDER builtin BUILTIN_LOCALE {}", quote_literal(locale));
            }
        }
        if let Some(tablespace) = &self.tablespace {
            sql = format!("{sql} TABLESPACE {}", quote_identifier(tablespace));
        }
        sql
    }
}

/// Gives `shadow` the settings and grants of `target`, as far as the role may; repeating it changes nothing.
///
/// Returns what had to be left out, a line each.
pub(crate) async fn take_over(client: &TargetClient, target: &str, shadow: &str) -> Result<Vec<String>> {
    let mut left_out = Vec::new();
    let (wanted, present) = (settings::of(client, target).await?, settings::of(client, shadow).await?);
    for statement in settings::changes(&wanted, &present, shadow) {
        if let Some(why) = attempt(client, "take a setting over", &statement.sql).await? {
            left_out.push(format!("{} of `{target}` could not be taken over: {why}", statement.what));
        }
    }
    let (wanted, present) = (grants(client, target).await?, grants(client, shadow).await?);
    for sql in grant_changes(&wanted, &present, shadow) {
        if let Some(why) = attempt(client, "take a grant over", &sql).await? {
            left_out.push(format!("a grant on `{target}` could not be taken over: {why}"));
        }
    }
    Ok(left_out)
}

/// Runs a statement that the role may lack the privilege for; says why it was refused.
async fn attempt(client: &TargetClient, doing: &str, sql: &str) -> Result<Option<String>> {
    match client.run(doing, sql).await {
        Ok(()) => Ok(None),
        Err(error) if matches!(error.kind, Kind::PermissionDenied | Kind::Query | Kind::Missing) => {
            Ok(Some(std::error::Error::source(&error).map_or_else(|| error.message.clone(), ToString::to_string)))
        }
        Err(error) => Err(told(error)),
    }
}

async fn grants(client: &TargetClient, database: &str) -> Result<BTreeSet<Grant>> {
    let sql = "SELECT CASE WHEN a.grantee <> 0 THEN pg_get_userbyid(a.grantee)::text END, a.privilege_type, bool_or(a.is_grantable) \
               FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a \
               WHERE d.datname = $1 AND a.grantee <> d.datdba GROUP BY a.grantee, a.privilege_type";
    let rows =
        client.reader().query(format!("read the grants on `{database}`"), sql, &[(&database, Type::TEXT)]).await.map_err(told)?;
    let read = |row: &tokio_postgres::Row| {
        let (grantee, privilege) = (row.try_get(0).map_err(unexpected)?, row.try_get(1).map_err(unexpected)?);
        Ok(Grant { grantee, privilege, grantable: row.try_get(2).map_err(unexpected)? })
    };
    rows.iter().map(read).collect()
}

/// Privileges of others than the owner, whose own are the same on both.
fn grant_changes(wanted: &BTreeSet<Grant>, present: &BTreeSet<Grant>, shadow: &str) -> Vec<String> {
    let grantee = |grant: &Grant| grant.grantee.as_deref().map_or_else(|| "PUBLIC".to_owned(), quote_identifier);
    let database = quote_identifier(shadow);
    let revoke = |grant: &Grant| format!("REVOKE {} ON DATABASE {database} FROM {}", grant.privilege, grantee(grant));
    let allow = |grant: &Grant| {
        let option = if grant.grantable { " WITH GRANT OPTION" } else { "" };
        format!("GRANT {} ON DATABASE {database} TO {}{option}", grant.privilege, grantee(grant))
    };
    present.difference(wanted).map(revoke).chain(wanted.difference(present).map(allow)).collect()
}

/// The database is not there any more.
pub(crate) fn gone(database: &str) -> Error {
    Code::PlanStale.error(format!("`{database}` is not there any more")).help("find out who dropped or renamed it, then plan again")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(provider: Provider, tablespace: Option<&str>) -> Form {
        let text = |text: &str| text.to_owned();
        Form {
            owner: text("own\"er"),
            encoding: text("UTF8"),
            collate: text("en_GB.UTF-8"),
            character_type: text("C"),
            provider,
            tablespace: tablespace.map(text),
        }
    }

    #[test]
    fn a_database_is_created_as_the_target_is() {
        let sql = form(Provider::Unnamed, None).create("app_restage_x", 1_000_001);
        assert_eq!(
            sql,
            "CREATE DATABASE \"app_restage_x\" OWNER \"own\"\"er\" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'en_GB.UTF-8' \
             LC_CTYPE 'C' CONNECTION LIMIT 1000001"
        );
        let icu = Provider::Icu { locale: "de-u-co-phonebk".into(), rules: Some("& a < 'b'".into()) };
        let sql = form(icu, Some("fast")).create("x", 1);
        assert!(
            sql.ends_with("LOCALE_PROVIDER icu ICU_LOCALE 'de-u-co-phonebk' ICU_RULES '& a < ''b''' TABLESPACE \"fast\""),
            "{sql}"
        );
        let sql = form(Provider::Builtin { locale: "C.UTF-8".into() }, None).create("x", 1);
        assert!(sql.ends_with("LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"), "{sql}");
    }

    #[test]
    fn only_differing_grants_are_changed() {
        let grant = |grantee: Option<&str>, privilege: &str, grantable| Grant {
            grantee: grantee.map(str::to_owned),
            privilege: privilege.into(),
            grantable,
        };
        let wanted = [grant(None, "TEMPORARY", false), grant(Some("app"), "CONNECT", true)].into();
        let present = [grant(None, "TEMPORARY", false), grant(None, "CONNECT", false)].into();
        let changes = grant_changes(&wanted, &present, "x");
        assert_eq!(
            changes,
            ["REVOKE CONNECT ON DATABASE \"x\" FROM PUBLIC", "GRANT CONNECT ON DATABASE \"x\" TO \"app\" WITH GRANT OPTION"]
        );
        assert!(grant_changes(&wanted, &wanted, "x").is_empty());
    }
}
