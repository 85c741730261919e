//! The transactions that rename.

use super::door::allow;
use crate::postgres::listing::{Listed, list};
use crate::postgres::mark::{self, Comment, Mark, Origin, Role, Swap};
use crate::postgres::shadow::comment_on;
use crate::postgres::trouble::told;
use jiff::Timestamp;
use restage_core::name::RunId;
use restage_core::schema::quote_identifier;
use restage_core::{Code, Error, Result};
use restage_pgcopy::connect::TargetClient;
use std::time::Duration;

/// `object_in_use`: somebody is in the database.
const IN_USE: &str = "55006";

/// Why a rename was refused.
#[derive(Debug)]
pub(super) enum Refused {
    /// Somebody is in one of the databases; it may work a moment later.
    InUse(Error),
    /// Something else.
    Otherwise(Error),
}

/// The way there: target → old, shadow → target.
pub(super) struct Renaming {
    pub(super) run: RunId,
    pub(super) old: String,
    pub(super) target: Listed,
    pub(super) shadow: Listed,
    pub(super) origin: Origin,
    /// What could not be taken over from the target.
    pub(super) notes: Vec<String>,
}

/// The way back: target → shadow, old → target.
pub(super) struct Back {
    pub(super) target: Listed,
    pub(super) old: Listed,
    shadow: String,
    shadow_comment: Comment,
    target_comment: Comment,
    shadow_limit: i32,
}

impl Renaming {
    /// Renames both, opens the new target, and leaves the old one closed.
    pub(super) async fn forth(&self, client: &TargetClient, outage: Duration, sessions_ended: u64) -> Result<(), Refused> {
        let (target, shadow) = (&self.target, &self.shadow);
        let mark = |role| Mark { run: self.run.clone(), of: target.name.clone(), at: Timestamp::now(), role };
        let outage_ms = u64::try_from(outage.as_millis()).unwrap_or(u64::MAX);
        let old_comment = target.comment().with(mark(Role::Old(Swap { new: shadow.oid, outage_ms, sessions_ended })));
        let new_comment = target.comment().only(mark(Role::Live(self.origin.clone())));
        let statements = [
            rename(&target.name, &self.old),
            rename(&shadow.name, &target.name),
            comment_on(&self.old, &old_comment),
            comment_on(&target.name, &new_comment),
            format!(
                "{} CONNECTION LIMIT {} IS_TEMPLATE {}",
                allow(&target.name, "true"),
                target.connection_limit,
                target.is_template
            ),
        ];
        let doing = format!("swap `{}` and `{}`", target.name, shadow.name);
        commit(client, &doing, &statements, &[(&self.old, target.oid), (&target.name, shadow.oid)]).await
    }
}

impl Back {
    pub(super) fn new(run: &RunId, target: &Listed, old: &Listed, shadow: &str) -> Self {
        let comment = target.comment();
        let role = match comment.mark_of(run).map(|mark| &mark.role) {
            Some(Role::Live(origin)) => Role::Filled(origin.clone()),
            _ => Role::Filling,
        };
        let mark = Mark { run: run.clone(), of: target.name.clone(), at: Timestamp::now(), role };
        Self {
            target: target.clone(),
            old: old.clone(),
            shadow: shadow.to_owned(),
            shadow_comment: comment.only(mark),
            target_comment: old.comment().without(run),
            shadow_limit: mark::number(run),
        }
    }

    /// Renames both, and opens both.
    pub(super) async fn rename(&self, client: &TargetClient) -> Result<(), Refused> {
        let name = &self.target.name;
        let statements = [
            rename(name, &self.shadow),
            rename(&self.old.name, name),
            comment_on(&self.shadow, &self.shadow_comment),
            comment_on(name, &self.target_comment),
            format!("{} CONNECTION LIMIT {} IS_TEMPLATE false", allow(&self.shadow, "true"), self.shadow_limit),
            allow(name, "true"),
        ];
        let doing = format!("put the old `{name}` back");
        commit(client, &doing, &statements, &[(&self.shadow, self.target.oid), (name, self.old.oid)]).await
    }
}

/// Gives the old database the target's name where there is no target any more.
pub(super) async fn reinstate(client: &TargetClient, old: &Listed, target: &str, run: &RunId) -> Result<()> {
    let comment = old.comment().without(run);
    let statements = [rename(&old.name, target), comment_on(target, &comment), allow(target, "true")];
    let done = commit(client, &format!("put the old `{target}` back"), &statements, &[(target, old.oid)]).await;
    done.map_err(|refused| match refused {
        Refused::InUse(error) | Refused::Otherwise(error) => error,
    })
}

fn rename(from: &str, to: &str) -> String {
    format!("ALTER DATABASE {} RENAME TO {}", quote_identifier(from), quote_identifier(to))
}

/// Runs the statements in one transaction, which commits only if the names then mean what they must.
async fn commit(client: &TargetClient, doing: &str, statements: &[String], wanted: &[(&str, u32)]) -> Result<(), Refused> {
    let done = attempt(client, doing, statements, wanted).await;
    if done.is_err() {
        // A connection that is lost rolls back by itself.
        let _ = client.run("take the renaming back", "ROLLBACK").await;
    }
    done
}

async fn attempt(client: &TargetClient, doing: &str, statements: &[String], wanted: &[(&str, u32)]) -> Result<(), Refused> {
    let sql = format!("BEGIN; {}", statements.join("; "));
    client.run(doing, &sql).await.map_err(|error| match error.sqlstate() {
        Some(IN_USE) => Refused::InUse(in_use(error)),
        _ => Refused::Otherwise(told(error)),
    })?;
    let listing = list(client).await.map_err(Refused::Otherwise)?;
    if let Some((name, _)) = wanted.iter().find(|(name, oid)| listing.find(name).is_none_or(|found| found.oid != *oid)) {
        let error = Code::PlanStale.error(format!("`{name}` was renamed by somebody else in the same moment"));
        return Err(Refused::Otherwise(error.help("find out who; then `restage resume`")));
    }
    client.run(doing, "COMMIT").await.map_err(|error| Refused::Otherwise(told(error)))
}

fn in_use(error: restage_pgcopy::Error) -> Error {
    let message = error.message.clone();
    Code::SessionsRemain.error(message).help("end what uses the database, then `restage resume`").because(error)
}
