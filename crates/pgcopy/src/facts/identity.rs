//! Who a database is.

use crate::connect::Reader;
use crate::{Kind, Result};
use restage_core::facts::Identity;

/// What a database says of itself.
pub(super) struct About {
    pub(super) identity: Identity,
    pub(super) server_version: u32,
    pub(super) in_recovery: bool,
    pub(super) encoding: String,
    pub(super) locale: String,
    pub(super) owner: String,
    pub(super) user: String,
    pub(super) is_template: bool,
}

/// The identity of the session's database; two addresses with one identity are one database.
pub async fn identity(reader: Reader<'_>) -> Result<Identity> {
    let sql =
        "SELECT s.system_identifier::text, d.oid FROM pg_control_system() s, pg_database d WHERE d.datname = current_database()";
    let rows = reader.query("read the identity", sql, &[]).await.map_err(|error| match error.kind {
        Kind::PermissionDenied => error.help("grant the login role EXECUTE on `pg_control_system()`"),
        _ => error,
    })?;
    Ok(Identity { system: rows[0].get(0), oid: rows[0].get(1) })
}

pub(super) async fn about(reader: Reader<'_>) -> Result<About> {
    let identity = identity(reader).await?;
    // ICU's and the built-in provider's locale have moved between columns.
    let provided = match reader.version() / 10_000 {
        ..15 => "NULL",
        15 | 16 => "CASE datlocprovider WHEN 'i' THEN 'icu ' || daticulocale END",
        _ => "CASE datlocprovider WHEN 'i' THEN 'icu ' || datlocale WHEN 'b' THEN 'builtin ' || datlocale END",
    };
    let sql = format!(
        "SELECT current_setting('server_version_num')::int, pg_is_in_recovery(), pg_encoding_to_char(encoding), \
                datcollate::text, datctype::text, {provided}, pg_get_userbyid(datdba), session_user::text, datistemplate \
         FROM pg_database WHERE datname = current_database()"
    );
    let rows = reader.query("read the database's properties", &sql, &[]).await?;
    let row = &rows[0];
    let (collation, character_type): (String, String) = (row.get(3), row.get(4));
    let system = if collation == character_type { collation } else { format!("{collation}/{character_type}") };
    Ok(About {
        identity,
        server_version: u32::try_from(row.get::<_, i32>(0)).unwrap_or_default(),
        in_recovery: row.get(1),
        encoding: row.get(2),
        locale: row.get::<_, Option<String>>(5).map_or_else(|| system.clone(), |provided| format!("{provided} ({system})")),
        owner: row.get(6),
        user: row.get(7),
        is_template: row.get(8),
    })
}
