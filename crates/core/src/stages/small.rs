//! The stages that are one step each.

use super::Scope;
use crate::duration::Duration;
use crate::environment::DatabaseAddress;
use crate::error::{Code, Error, Result};
use crate::name::DatabaseName;
use crate::plan::Builder;
use crate::provider::{CommandSpec, Condition, Place};
use crate::scenario::approve::{Approve, Approver};
use crate::scenario::check_http::CheckHttp;
use crate::scenario::run::{Command, Run};
use crate::scenario::sql::{Sql, SqlScript};
use crate::scenario::wait_for::{self, WaitFor};
use crate::steps::{AwaitApproval, AwaitCondition, FourEyes, RunCommand, RunSql};
use std::collections::BTreeMap;

/// A gate does nothing itself, so this is a backstop only.
const GATE: Duration = Duration::from_minutes(1);

/// Where a stage works on a database: on the shadow if the stage stands in that database's `before-swap:`.
fn place(database: &DatabaseName, scope: &Scope<'_>) -> Result<Place> {
    let address: DatabaseAddress = scope.address(&scope.scenario.to, database)?.clone();
    Ok(if scope.shadow == Some(database) { Place::Shadow(address) } else { Place::Live(address) })
}

pub(super) fn sql(stage: &Sql, scope: &Scope<'_>, builder: &mut Builder) {
    builder.begin_stage(format!("sql {}", stage.database));
    let step = place(&stage.database, scope)
        .and_then(|place| Ok(RunSql { place, statement: statement(&stage.script, scope)?, undo: stage.undo.clone() }));
    match step {
        Ok(step) => drop(builder.then(step, stage.within)),
        Err(error) => builder.refuse(error),
    }
}

fn statement(script: &SqlScript, scope: &Scope<'_>) -> Result<String, Error> {
    match script {
        SqlScript::Statement(statement) => Ok(statement.clone()),
        SqlScript::File(path) => scope.files.get(path).cloned().ok_or_else(|| {
            Code::FileUnreadable
                .error(format!("`{}` was not read", path.display()))
                .help("put the file where the scenario says, relative to the scenario's folder")
        }),
    }
}

pub(super) fn run(stage: &Run, scope: &Scope<'_>, builder: &mut Builder) {
    builder.begin_stage("run");
    match scope.shadow.map(|database| place(database, scope)).transpose() {
        Ok(database) => {
            let step = RunCommand {
                command: stage.command.clone(),
                undo: stage.undo.clone(),
                env: stage.environment.clone(),
                directory: match &stage.directory {
                    Some(directory) => scope.folder.join(directory),
                    None => scope.folder.to_owned(),
                },
                database,
            };
            builder.then(step, stage.within);
        }
        Err(error) => builder.refuse(error),
    }
}

pub(super) fn check_http(stage: &CheckHttp, builder: &mut Builder) {
    builder.begin_stage("check-http");
    let condition = Condition::Http { url: stage.url.to_string(), status: stage.status, contains: stage.contains.clone() };
    builder.then(AwaitCondition { condition, every: stage.every }, stage.within);
}

pub(super) fn wait_for(stage: &WaitFor, scope: &Scope<'_>, builder: &mut Builder) {
    builder.begin_stage("wait-for");
    match condition(&stage.condition, scope) {
        Ok(condition) => drop(builder.then(AwaitCondition { condition, every: stage.every }, stage.within)),
        Err(error) => builder.refuse(error),
    }
}

/// The condition with its addresses.
fn condition(written: &wait_for::Condition, scope: &Scope<'_>) -> Result<Condition> {
    Ok(match written {
        wait_for::Condition::Sql { database, query, returns } => {
            let address = scope.address(&scope.scenario.to, database)?.clone();
            Condition::Sql { address, query: query.clone(), returns: returns.clone() }
        }
        wait_for::Condition::Tcp(address) => Condition::Tcp { address: address.clone() },
        wait_for::Condition::File(path) => Condition::File { path: scope.folder.join(path) },
        wait_for::Condition::Command(command) => Condition::Command(command_spec(command, scope)),
    })
}

fn command_spec(command: &Command, scope: &Scope<'_>) -> CommandSpec {
    CommandSpec { command: command.clone(), env: BTreeMap::new(), directory: scope.folder.to_owned(), database: None }
}

pub(super) fn approve(stage: &Approve, builder: &mut Builder) {
    builder.begin_stage("approve");
    let four_eyes = match stage.approver {
        Approver::Anyone => FourEyes::NotRequired,
        Approver::SomeoneElse => FourEyes::Required,
    };
    builder.then(AwaitApproval { message: stage.message.clone(), four_eyes }, GATE);
}
