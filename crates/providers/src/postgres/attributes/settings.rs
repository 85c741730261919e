//! Settings of a database, and of roles in it.

use crate::postgres::listing::unexpected;
use crate::postgres::trouble::told;
use restage_core::Result;
use restage_core::schema::{quote_identifier, quote_literal};
use restage_pgcopy::connect::TargetClient;
use std::collections::BTreeMap;
use tokio_postgres::types::Type;

/// Settings that hold a list of quoted names, which is one value to `ALTER … SET` only if it is taken apart.
const QUOTED_LISTS: [&str; 6] = [
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// What a setting is for: everybody, or one role; and which it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Setting {
    /// Everybody if absent.
    pub(crate) role: Option<String>,
    pub(crate) name: String,
}

/// A change of one setting.
pub(super) struct Change {
    pub(super) what: String,
    pub(super) sql: String,
}

/// The settings of a database with their values.
pub(super) async fn of(client: &TargetClient, database: &str) -> Result<BTreeMap<Setting, String>> {
    let sql = "SELECT CASE WHEN s.setrole <> 0 THEN pg_get_userbyid(s.setrole)::text END, unnest(s.setconfig) \
               FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase WHERE d.datname = $1";
    let rows =
        client.reader().query(format!("read the settings of `{database}`"), sql, &[(&database, Type::TEXT)]).await.map_err(told)?;
    let mut settings = BTreeMap::new();
    for row in &rows {
        let (role, assignment): (Option<String>, String) =
            (row.try_get(0).map_err(unexpected)?, row.try_get(1).map_err(unexpected)?);
        if let Some((name, value)) = assignment.split_once('=') {
            settings.insert(Setting { role, name: name.to_owned() }, value.to_owned());
        }
    }
    Ok(settings)
}

/// The statements that turn the present settings of a database into the wanted ones.
pub(super) fn changes(wanted: &BTreeMap<Setting, String>, present: &BTreeMap<Setting, String>, database: &str) -> Vec<Change> {
    let change = |setting: &Setting, end: String| {
        let place = match &setting.role {
            Some(role) => format!("ROLE {} IN DATABASE {}", quote_identifier(role), quote_identifier(database)),
            None => format!("DATABASE {}", quote_identifier(database)),
        };
        let of_role = setting.role.as_ref().map(|role| format!(" for `{role}`")).unwrap_or_default();
        Change { what: format!("the setting `{}`{of_role}", setting.name), sql: format!("ALTER {place} {end}") }
    };
    // A name may have a part before a point, each quoted by itself.
    let name = |setting: &Setting| setting.name.split('.').map(quote_identifier).collect::<Vec<_>>().join(".");
    let reset = present.keys().filter(|setting| !wanted.contains_key(*setting));
    let reset = reset.map(|setting| change(setting, format!("RESET {}", name(setting))));
    let set = wanted.iter().filter(|(setting, value)| present.get(*setting) != Some(*value));
    let set = set.map(|(setting, value)| change(setting, format!("SET {} TO {}", name(setting), literal(&setting.name, value))));
    reset.chain(set).collect()
}

fn literal(name: &str, value: &str) -> String {
    if !QUOTED_LISTS.contains(&name.to_ascii_lowercase().as_str()) {
        return quote_literal(value);
    }
    let items: Vec<String> = list(value).iter().map(|item| quote_literal(item)).collect();
    if items.is_empty() { "''".to_owned() } else { items.join(", ") }
}

/// Takes a list such as `"$user", public, "a,b"` apart.
fn list(value: &str) -> Vec<String> {
    let mut items = Vec::new();
    let mut rest = value.trim_start();
    while !rest.is_empty() {
        let (item, after) = if let Some(quoted) = rest.strip_prefix('"') { quoted_item(quoted) } else { plain_item(rest) };
        items.push(item);
        rest = after.trim_start().strip_prefix(',').unwrap_or_default().trim_start();
    }
    items
}

fn plain_item(text: &str) -> (String, &str) {
    let end = text.find(',').unwrap_or(text.len());
    (text[..end].trim_end().to_owned(), &text[end..])
}

/// Up to the closing quote; a doubled one stands for itself.
fn quoted_item(text: &str) -> (String, &str) {
    let mut item = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('"') {
        item.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                item.push('"');
                rest = after;
            }
            None => return (item, rest),
        }
    }
    (item + rest, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(role: Option<&str>, name: &str) -> Setting {
        Setting { role: role.map(str::to_owned), name: name.into() }
    }

    #[test]
    fn lists_of_names_are_taken_apart() {
        assert_eq!(list(r#""$user", public,"a,""b""""#), ["$user", "public", "a,\"b\""]);
        assert_eq!(list(r#""""#), [""]);
        assert!(list("").is_empty());
        assert_eq!(literal("search_path", r#""$user", public"#), "'$user', 'public'");
        assert_eq!(literal("search_path", ""), "''");
        assert_eq!(literal("datestyle", "ISO, DMY"), "'ISO, DMY'");
    }

    #[test]
    fn only_what_differs_is_changed_and_what_the_target_has_not_is_reset() {
        let wanted = BTreeMap::from([
            (setting(None, "work_mem"), "64MB".to_owned()),
            (setting(Some("app"), "app.mode"), "it's".to_owned()),
            (setting(None, "jit"), "off".to_owned()),
        ]);
        let present = BTreeMap::from([(setting(None, "jit"), "off".to_owned()), (setting(None, "old"), "1".to_owned())]);
        let sql: Vec<String> = changes(&wanted, &present, "x").into_iter().map(|change| change.sql).collect();
        assert_eq!(
            sql,
            [
                "ALTER DATABASE \"x\" RESET \"old\"",
                "ALTER DATABASE \"x\" SET \"work_mem\" TO '64MB'",
                "ALTER ROLE \"app\" IN DATABASE \"x\" SET \"app\".\"mode\" TO 'it''s'",
            ]
        );
    }
}
