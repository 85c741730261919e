//! The shadow: a database beside the target that will take its place.

use super::attributes::{self, Form, gone};
use super::dropping::drop_one;
use super::listing::{Listed, Listing, list};
use super::mark::{self, Comment, Mark, Role};
use super::servers::{Caller, Servers};
use super::sessions;
use super::trouble::told;
use jiff::Timestamp;
use restage_core::environment::DatabaseAddress;
use restage_core::facts::Identity;
use restage_core::name::RunId;
use restage_core::provider::{Gone, Own, ShadowSpec, Stay};
use restage_core::schema::{quote_identifier, quote_literal};
use restage_core::{Code, Error, Result};
use restage_pgcopy::connect::{APPLICATION_NAME, TargetClient};
use restage_pgcopy::stop::Stop;
use restage_pgcopy::tools::Tools;
use restage_pgcopy::{Kind, facts};
use std::time::Duration;

/// How long statements that create, rename or drop databases wait for a lock.
pub(super) const LOCK_LIMIT: Duration = Duration::from_secs(30);
/// How long sessions of a database that is dropped may take to end.
pub(super) const LEAVE_LIMIT: Duration = Duration::from_secs(30);

/// A session of the run, after whatever an earlier one of it has left at work on that database.
async fn session(servers: &Servers, server: &DatabaseAddress, database: &str, run: &RunId) -> Result<TargetClient> {
    let caller = Caller::run(run);
    let client = servers.maintain(server, &caller).await?;
    sessions::end_leftover_work(&client, caller.as_str(), database, LEAVE_LIMIT).await?;
    Ok(client)
}

/// Creates the shadow, tagged with the run, with everything of the target but its content; what is there already and the
/// run's own stays as it is.
pub(super) async fn ensure(servers: &Servers, spec: &ShadowSpec, run: &RunId) -> Result<Own<DatabaseAddress>> {
    let client = session(servers, &spec.target, spec.shadow.database.as_str(), run).await?;
    let listing = list(&client).await?;
    let target = expect(&listing, &spec.target, &spec.target_identity)?;
    expect_structure(servers, spec).await?;
    create(&client, &listing, target, &spec.shadow, run).await
}

/// Drops the shadow and creates it again, empty, unless it is empty now; it must be the run's own.
pub(super) async fn ensure_empty(
    servers: &Servers,
    target: &DatabaseAddress,
    shadow: &Own<DatabaseAddress>,
    run: &RunId,
) -> Result<Vec<String>> {
    let name = shadow.get().database.as_str();
    let client = session(servers, target, name, run).await?;
    let listing = list(&client).await?;
    let found = listing.find(name);
    if let Some(found) = found.filter(|found| !found.is_made_by(run)) {
        return Err(stranger(found, shadow.get()));
    }
    let is_empty = found.is_some_and(|found| found.comment().mark_of(run).is_some_and(|mark| mark.role == Role::Empty));
    if !is_empty {
        if let Some(found) = found {
            drop_one(servers, &client, found, shadow.get(), Stay::ToTheEnd).await?;
        }
        let target = listing.find(target.database.as_str()).ok_or_else(|| gone(target.database.as_str()))?;
        let listing = list(&client).await?;
        create(&client, &listing, target, shadow.get(), run).await?;
    }
    attributes::take_over(&client, target.database.as_str(), name).await
}

/// Leaves a shadow that is half-filled as it is, with nobody at work in it any more; `None` if it is not one.
pub(super) async fn left_filling(
    servers: &Servers,
    target: &DatabaseAddress,
    shadow: &Own<DatabaseAddress>,
    run: &RunId,
) -> Result<Option<Vec<String>>> {
    let name = shadow.get().database.as_str();
    let client = session(servers, target, name, run).await?;
    let listing = list(&client).await?;
    let is_filling =
        |found: &&Listed| found.is_made_by(run) && found.comment().mark_of(run).is_some_and(|mark| mark.role == Role::Filling);
    let Some(found) = listing.find(name).filter(is_filling) else { return Ok(None) };
    sessions::end_named(&client, found.oid, &[APPLICATION_NAME.to_owned()], LEAVE_LIMIT).await?;
    attributes::take_over(&client, target.database.as_str(), name).await.map(Some)
}

/// Writes on the shadow what has become of it.
pub(super) async fn set_role(client: &TargetClient, shadow: &DatabaseAddress, run: &RunId, role: Role) -> Result<()> {
    let listing = list(client).await?;
    let name = shadow.database.as_str();
    let found = listing.find(name).ok_or_else(|| gone(name))?;
    let comment = found.comment();
    let Some(mark) = comment.mark_of(run) else { return Err(stranger(found, shadow)) };
    let mark = Mark { role, at: Timestamp::now(), ..mark.clone() };
    client.run(format!("mark `{name}`"), &comment_on(name, &comment.with(mark))).await.map_err(told)
}

/// The database at that address, if it carries the run's tag.
pub(super) async fn find_own(servers: &Servers, address: &DatabaseAddress, run: &RunId) -> Result<Option<Own<DatabaseAddress>>> {
    let client = session(servers, address, address.database.as_str(), run).await?;
    let listing = list(&client).await?;
    let found = listing.find(address.database.as_str()).filter(|found| found.is_made_by(run));
    Ok(found.map(|_| Own::tagged(address.clone())))
}

/// Drops a database that a run made, sessions and all. The tag is looked at once more: the proof may be old.
pub(super) async fn ensure_dropped(servers: &Servers, database: &DatabaseAddress, stay: Stay) -> Result<Gone> {
    let client = servers.maintain(database, &Caller::looking()).await?;
    let listing = list(&client).await?;
    match listing.find(database.database.as_str()) {
        None => Ok(Gone::Now),
        Some(found) if found.maker().is_none() || is_in_use(found) => Err(stranger(found, database)),
        Some(found) => drop_one(servers, &client, found, database, stay).await,
    }
}

/// Whether a mark says that the database is a target, old or new.
fn is_in_use(found: &Listed) -> bool {
    matches!(found.comment().mark(), Some(Mark { role: Role::Live(_) | Role::Closed, .. }))
}

/// The target, if it is still the one that was planned for.
pub(super) fn expect<'a>(listing: &'a Listing, address: &DatabaseAddress, planned: &Identity) -> Result<&'a Listed> {
    let name = address.database.as_str();
    let found = listing.find(name).ok_or_else(|| gone(name))?;
    let identity = listing.identity(found);
    if identity == *planned {
        return Ok(found);
    }
    Err(Code::PlanStale
        .error(format!("{address} is another database ({identity}) than when the plan was made ({planned})"))
        .help("find out who replaced it, then plan again"))
}

/// Refuses a target whose structure is not that of the plan.
async fn expect_structure(servers: &Servers, spec: &ShadowSpec) -> Result<()> {
    let client = servers.read(&spec.target).await?;
    let tools = Tools::find(client.major(), client.major()).map_err(told)?;
    let archive = servers.archives().now(&client, &tools, &Stop::never()).await.map_err(told)?;
    if facts::schema_digest(&archive) == spec.target_structure {
        return Ok(());
    }
    Err(Code::PlanStale
        .error(format!("the structure of {} was changed since the plan was made", spec.target))
        .help("plan again; the new plan shows what differs"))
}

async fn create(
    client: &TargetClient,
    listing: &Listing,
    target: &Listed,
    shadow: &DatabaseAddress,
    run: &RunId,
) -> Result<Own<DatabaseAddress>> {
    let name = shadow.database.as_str();
    match listing.find(name) {
        Some(found) if !found.is_made_by(run) => return Err(stranger(found, shadow)),
        // A crash may have come before the comment.
        Some(found) if found.comment.is_some() => return Ok(Own::tagged(shadow.clone())),
        Some(_) => {}
        None => {
            let form = Form::of(client, &target.name).await?;
            let sql = form.create(name, mark::number(run));
            client.run(format!("create the shadow `{name}`"), &sql).await.map_err(|error| not_created(error, client))?;
        }
    }
    attributes::take_over(client, &target.name, name).await?;
    let mark = Mark { run: run.clone(), of: target.name.clone(), at: Timestamp::now(), role: Role::Empty };
    let comment = Comment { text: target.comment().text, marks: vec![mark] };
    client.run(format!("mark `{name}`"), &comment_on(name, &comment)).await.map_err(told)?;
    Ok(Own::tagged(shadow.clone()))
}

fn not_created(error: restage_pgcopy::Error, client: &TargetClient) -> Error {
    let denied = error.kind == Kind::PermissionDenied;
    let told = told(error);
    let user = &client.endpoint().user;
    if denied {
        told.help(format!("run `alter role {} createdb` on the target, or use `replace: in-place`", quote_identifier(user)))
    } else {
        told
    }
}

/// `COMMENT ON DATABASE`.
pub(super) fn comment_on(name: &str, comment: &Comment) -> String {
    let text = comment.to_string();
    let text = if text.is_empty() { "NULL".to_owned() } else { quote_literal(&text) };
    format!("COMMENT ON DATABASE {} IS {text}", quote_identifier(name))
}

/// A database that is in the way and not the run's.
pub(super) fn stranger(found: &Listed, address: &DatabaseAddress) -> Error {
    let whose = match found.comment().mark() {
        Some(mark) => format!("belongs to run {}", mark.run),
        None => "was not made by restage".to_owned(),
    };
    Code::ObjectNotOurs
        .error(format!("the database `{}` at {} {whose} and stays as it is", found.name, address.endpoint))
        .help("look what it is; rename or drop it by hand if nobody needs it, then `restage resume`")
}
