//! What is to be looked at: from the command line, or from a scenario's stages.

use crate::args::{Common, Diagnose as Args, NamedDatabase, NamedQueue};
use crate::fault::Fault;
use crate::project::{Prepared, Project};
use restage_core::diagnosis::Protection;
use restage_core::environment::{AwsPlace, Environments};
use restage_core::provider::CommandSpec;
use restage_core::provider::queue::{Queue, SqsQueue};
use restage_core::scenario::migrations::{Parameters, Scripts};
use restage_core::scenario::run::Command;
use restage_core::stages::{Signalled, migrated, signalled};
use restage_core::{Code, Result};
use restage_providers::aws::Wanted;
use restage_providers::diagnosis::{Asked, Patient};
use std::collections::BTreeMap;
use std::path::PathBuf;

pub(super) fn asked(common: &Common, args: &Args) -> Result<Asked, Fault> {
    let place = AwsPlace { region: args.region.clone(), endpoint: args.endpoint.clone() };
    let typed = args.queue.as_ref().map(|queue| self::queue(queue, &place));
    let (database, queue) = match (&args.scenario, &args.database) {
        (Some(scenario), _) => {
            let (patient, told) = of_scenario(common, scenario, args)?;
            (Some(patient), typed.or(told))
        }
        (None, Some(named)) => (Some(of_options(common, named, args)?), typed),
        (None, None) => (None, typed),
    };
    let below = args.parameters.iter().cloned().map(Wanted::Below);
    let named = below.chain(args.parameter.iter().cloned().map(Wanted::Name)).map(|wanted| (place.clone(), wanted));
    let of_scripts = database.as_ref().map(|patient| of_scripts(&patient.scripts)).unwrap_or_default();
    Ok(Asked {
        command: command(args),
        queue,
        database,
        host: args.host_command.as_ref().map(|command| host(command)),
        parameters: named.chain(of_scripts).collect(),
        log: args.log.clone(),
    })
}

/// The command that asks for the same again, without what only matters for fixing.
fn command(args: &Args) -> String {
    let mut words = vec!["restage".to_owned(), "diagnose".to_owned()];
    words.extend(args.scenario.iter().cloned());
    let mut option = |name: &str, value: &dyn std::fmt::Display| words.extend([name.to_owned(), quoted(&value.to_string())]);
    args.answers.iter().for_each(|answer| option("--set", answer));
    args.database.iter().for_each(|database| option("--database", database));
    args.queue.iter().for_each(|queue| option("--queue", queue));
    args.region.iter().for_each(|region| option("--region", region));
    args.endpoint.iter().for_each(|endpoint| option("--endpoint", endpoint));
    args.location.iter().for_each(|location| option("--location", location));
    args.config.iter().for_each(|file| option("--config", &file.display()));
    args.models.iter().for_each(|file| option("--models", &file.display()));
    args.log.iter().for_each(|file| option("--log", &file.display()));
    args.host_command.iter().for_each(|command| option("--host-command", command));
    args.parameters.iter().for_each(|path| option("--parameters", path));
    args.parameter.iter().for_each(|name| option("--parameter", name));
    words.join(" ")
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

fn queue(named: &NamedQueue, place: &AwsPlace) -> Queue {
    match named {
        NamedQueue::Sqs(name) => Queue::Sqs(SqsQueue::new(name.clone(), place.clone())),
        NamedQueue::Local(name) => Queue::Local(name.clone()),
    }
}

fn host(command: &str) -> CommandSpec {
    let directory = PathBuf::from(".");
    CommandSpec { command: Command::Shell(command.to_owned()), env: BTreeMap::new(), directory, database: None }
}

fn of_options(common: &Common, named: &NamedDatabase, args: &Args) -> Result<Patient, Fault> {
    let environments = Project::environments(&common.directory)?;
    let scripts = Scripts {
        locations: args.location.clone(),
        config: args.config.clone(),
        models: args.models.clone(),
        ..Scripts::default()
    };
    Ok(patient(&environments, named, scripts, here()?)?)
}

fn here() -> Result<PathBuf> {
    std::env::current_dir().map_err(|cause| {
        let error = Code::FileUnreadable.error("nobody knows the current folder, which places of scripts are relative to");
        error.help("change to a folder that exists").because(cause)
    })
}

/// The database and scripts of a scenario's stages, and the queue of its signals unless another one was typed.
fn of_scenario(common: &Common, scenario: &str, args: &Args) -> Result<(Patient, Option<Queue>), Fault> {
    let prepared = Project::read(&common.directory)?.prepare(scenario, &args.answers)?;
    let mut found: Vec<(NamedDatabase, Scripts)> = Vec::new();
    for key in migrated(&prepared.family.root, &prepared.family.nested) {
        let named = NamedDatabase { environment: key.to, database: key.database };
        if args.database.as_ref().is_none_or(|wanted| *wanted == named) && !found.iter().any(|(known, _)| *known == named) {
            found.push((named, key.scripts));
        }
    }
    match found.as_slice() {
        [(named, scripts)] => {
            let queue = if args.queue.is_none() { signals(scenario, &prepared, named, args)? } else { None };
            let mut scripts = scripts.clone();
            scripts.parameters.place = at(scripts.parameters.place, args);
            if let Some(models) = &args.models {
                // What is typed is relative to where it is typed, and not to the scenario's folder.
                scripts.models = Some(here()?.join(models));
            }
            Ok((patient(&prepared.environments, named, scripts, prepared.folder.clone())?, queue))
        }
        [] => {
            let error = Code::UnknownName.error(format!("no stage of `{scenario}` migrates such a database"));
            Err(error.help("name one with `--database`, and its scripts with `--location`").into())
        }
        several => {
            let names: Vec<String> = several.iter().map(|(named, _)| format!("`--database {named}`")).collect();
            let error = Code::UnknownName.error(format!("`{scenario}` migrates {} databases", several.len()));
            Err(error.help(format!("add one of {}", names.join(", "))).into())
        }
    }
}

/// The queue in which the migrators of a scenario's database tell of themselves. One that belongs to another database says
/// nothing of this one's.
fn signals(scenario: &str, prepared: &Prepared, named: &NamedDatabase, args: &Args) -> Result<Option<Queue>> {
    let of_this = |signalled: &Signalled| signalled.environment == named.environment && signalled.database == named.database;
    let all = signalled(&prepared.family.root, &prepared.family.nested).into_iter();
    let queues: Vec<Queue> = all.filter(of_this).map(|signalled| signalled.queue).collect();
    match queues.as_slice() {
        [] => Ok(None),
        [queue] => Ok(Some(placed(queue.clone(), args))),
        several => {
            let names: Vec<String> = several.iter().map(|queue| format!("`{}`", typed(queue))).collect();
            let what = format!("migrators of `{named}` tell of themselves in {} queues of `{scenario}`", several.len());
            Err(Code::UnknownName.error(what).help(format!("add one of {}", names.join(", "))))
        }
    }
}

/// The queue where the scenario has it; what is typed of AWS counts before that.
fn placed(queue: Queue, args: &Args) -> Queue {
    match queue {
        Queue::Sqs(SqsQueue { name, place }) => Queue::Sqs(SqsQueue { name, place: at(place, args) }),
        local @ Queue::Local(_) => local,
    }
}

fn at(place: AwsPlace, args: &Args) -> AwsPlace {
    AwsPlace { region: args.region.clone().or(place.region), endpoint: args.endpoint.clone().or(place.endpoint) }
}

/// What the scripts of a scenario take from SSM.
fn of_scripts(scripts: &Scripts) -> Vec<(AwsPlace, Wanted)> {
    let Parameters { below, place } = &scripts.parameters;
    below.iter().map(|path| (place.clone(), Wanted::Below(path.clone()))).collect()
}

/// The options that name a queue, with where AWS is asked.
fn typed(queue: &Queue) -> String {
    match queue {
        Queue::Local(name) => format!("--queue {}", NamedQueue::Local(name.clone())),
        Queue::Sqs(SqsQueue { name, place }) => {
            let mut options = format!("--queue {}", NamedQueue::Sqs(name.clone()));
            options.extend(place.region.iter().map(|region| format!(" --region {region}")));
            options.extend(place.endpoint.iter().map(|endpoint| format!(" --endpoint {endpoint}")));
            options
        }
    }
}

fn patient(environments: &Environments, named: &NamedDatabase, scripts: Scripts, folder: PathBuf) -> Result<Patient> {
    let NamedDatabase { environment, database } = named;
    let unknown = |what: String, known: Vec<String>| {
        Code::UnknownName.error(what).help(format!("environments.yaml has {}", known.join(", ")))
    };
    let found = environments.get(environment).ok_or_else(|| {
        let known = environments.iter().map(|(name, _)| format!("`{name}`")).collect();
        unknown(format!("there is no environment `{environment}`"), known)
    })?;
    let address = found.databases.get(database).ok_or_else(|| {
        let known = found.databases.keys().map(|name| format!("`{name}`")).collect();
        unknown(format!("`{environment}` has no database `{database}`"), known)
    })?;
    let protection = if found.is_production() { Protection::Production } else { Protection::None };
    Ok(Patient { name: named.to_string(), address: address.clone(), protection, scripts, folder })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command as Chosen};
    use clap::Parser;

    #[test]
    fn the_command_that_asks_again_is_what_a_shell_takes_and_fixes_nothing() {
        let typed =
            ["restage", "diagnose", "--queue", "sqs:q.fifo", "--host-command", "ssh h systemctl is-active 'm'", "--fix", "--yes"];
        let Chosen::Diagnose(args) = Cli::parse_from(typed).command else { panic!("it is `diagnose`") };
        assert_eq!(command(&args), r"restage diagnose --queue sqs:q.fifo --host-command 'ssh h systemctl is-active '\''m'\'''");
    }
}
