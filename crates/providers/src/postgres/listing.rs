//! Databases as their server lists them.

use super::mark::{self, Comment};
use super::trouble::told;
use restage_core::facts::Identity;
use restage_core::name::RunId;
use restage_core::{Error, Result};
use restage_pgcopy::connect::TargetClient;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

/// One database of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) oid: u32,
    /// Whether its door is open.
    pub(crate) allows_connections: bool,
    /// -1 for no limit.
    pub(crate) connection_limit: i32,
    pub(crate) is_template: bool,
    /// Nothing where there is none at all.
    pub(crate) comment: Option<String>,
}

/// A server's databases at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    pub(crate) system: String,
    databases: Vec<Listed>,
}

/// Reads the whole list in one statement, so that a swap is seen either before or after it.
pub(crate) async fn list(client: &TargetClient) -> Result<Listing> {
    let sql = "SELECT s.system_identifier::text, d.oid, d.datname::text, d.datallowconn, d.datconnlimit, d.datistemplate, \
               shobj_description(d.oid, 'pg_database') FROM pg_control_system() s, pg_database d";
    let rows = client.reader().query("list the databases", sql, &[]).await.map_err(told)?;
    let system = rows.first().map(|row| row.try_get(0)).transpose().map_err(unexpected)?.unwrap_or_default();
    Ok(Listing { system, databases: rows.iter().map(read).collect::<Result<_>>()? })
}

fn read(row: &Row) -> Result<Listed> {
    Ok(Listed {
        oid: row.try_get(1).map_err(unexpected)?,
        name: row.try_get(2).map_err(unexpected)?,
        allows_connections: row.try_get(3).map_err(unexpected)?,
        connection_limit: row.try_get(4).map_err(unexpected)?,
        is_template: row.try_get(5).map_err(unexpected)?,
        comment: row.try_get(6).map_err(unexpected)?,
    })
}

/// The size of a database in bytes; 0 where the role may not ask.
pub(crate) async fn size(client: &TargetClient, oid: u32) -> Result<u64> {
    let sql = "SELECT CASE WHEN has_database_privilege($1, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'MEMBER') \
               THEN pg_database_size($1) ELSE 0 END";
    let rows = client.reader().query("read a database's size", sql, &[(&oid, Type::OID)]).await.map_err(told)?;
    let size: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0)).map_err(unexpected)?;
    Ok(u64::try_from(size).unwrap_or_default())
}

/// A field of the server's answer that is not what was asked for.
pub(crate) fn unexpected(cause: tokio_postgres::Error) -> Error {
    restage_core::Code::QueryFailed
        .error("a server's answer is not of the kind that was asked for")
        .help("report this as a bug of restage, with the server's version")
        .because(cause)
}

impl Listing {
    /// The database of that name.
    pub(crate) fn find(&self, name: &str) -> Option<&Listed> {
        self.databases.iter().find(|listed| listed.name == name)
    }
    /// Every database.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Listed> {
        self.databases.iter()
    }
    /// Who a database of this server is.
    pub(crate) fn identity(&self, listed: &Listed) -> Identity {
        Identity { system: self.system.clone(), oid: listed.oid }
    }
}

impl Listed {
    /// The comment with its marks.
    pub(crate) fn comment(&self) -> Comment {
        Comment::parse(self.comment.as_deref().unwrap_or_default())
    }
    /// Whether that run made it: its mark says so, or, where there is no comment yet, its name and its connection limit.
    pub(crate) fn is_made_by(&self, run: &RunId) -> bool {
        match &self.comment {
            Some(_) => self.comment().mark_of(run).is_some(),
            None => self.connection_limit == mark::number(run) && run_in(&self.name).is_some_and(|named| named == *run),
        }
    }
    /// The run that made it, whichever it was, if one did.
    pub(crate) fn maker(&self) -> Option<RunId> {
        let run = match self.comment().mark() {
            Some(mark) => mark.run.clone(),
            None => run_in(&self.name)?,
        };
        self.is_made_by(&run).then_some(run)
    }
}

/// The run that a name such as `app_restage_0123456789` ends with.
pub(crate) fn run_in(name: &str) -> Option<RunId> {
    let (before, run) = name.rsplit_once('_')?;
    let beside = before.ends_with("_restage") || before.ends_with("_before");
    beside.then(|| RunId::parse(run).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::super::mark::{Mark, Role};
    use super::*;

    fn run() -> RunId {
        RunId::parse("0123456789").unwrap()
    }

    fn listed(name: &str, connection_limit: i32, comment: Option<String>) -> Listed {
        Listed { name: name.into(), oid: 1, allows_connections: true, connection_limit, is_template: false, comment }
    }

    #[test]
    fn a_database_is_a_runs_own_by_its_mark_or_by_name_and_number() {
        let mark = Mark { run: run(), of: "app".into(), at: "2026-11-20T08:00:00Z".parse().unwrap(), role: Role::Empty };
        let number = mark::number(&run());
        assert!(listed("any", -1, Some(mark.to_string())).is_made_by(&run()));
        assert!(listed("app_restage_0123456789", number, None).is_made_by(&run()));
        assert_eq!(listed("app_before_0123456789", number, None).maker(), Some(run()));
    }

    #[test]
    fn a_stranger_of_the_same_name_or_limit_is_a_stranger() {
        let number = mark::number(&run());
        assert!(!listed("app_restage_0123456789", -1, None).is_made_by(&run()));
        assert!(!listed("app", number, None).is_made_by(&run()));
        assert!(!listed("app_restage_0123456789", number, Some("mine".into())).is_made_by(&run()));
        assert_eq!(listed("app_restage_0123456789", 7, None).maker(), None);
    }
}
