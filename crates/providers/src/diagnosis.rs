//! Observing what ails migrations, and doing what is safe about it. What it means is for [`restage_core::diagnosis`] to say.

mod host;
mod log;
mod processes;

pub use crate::postgres::examining::Patient;

use crate::aws::{Aws, Wanted};
use crate::migrator;
use crate::postgres::examining;
use crate::queues::AllQueues;
use jiff::Timestamp;
use restage_core::diagnosis::{Access, Fix, LeaseSeen, Observed, ParameterTrouble, Protection, QueueSeen, Symptoms};
use restage_core::environment::AwsPlace;
use restage_core::error::Failure;
use restage_core::provider::queue::Queue;
use restage_core::provider::{CommandSpec, Queues};
use restage_core::{Code, Error, Result};
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

/// How long one look at a database, a queue or AWS may take.
const EXAMINE_LIMIT: Duration = Duration::from_mins(3);

/// What is to be looked at.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The command that asks for it again.
    pub command: String,
    /// The queue of the migrator's signals.
    pub queue: Option<Queue>,
    /// The database.
    pub database: Option<Patient>,
    /// What asks the migrator's host whether it lives.
    pub host: Option<CommandSpec>,
    /// Parameters that must be there, with where AWS is asked for them.
    pub parameters: Vec<(AwsPlace, Wanted)>,
    /// The migrator's log.
    pub log: Option<PathBuf>,
}

/// Looks at everything that has to do with migrations.
pub struct Examiner {
    access: migrator::Access,
    aws: Aws,
    queues: AllQueues,
}

impl Examiner {
    /// Looks through these connections, this access to AWS and these queues.
    pub fn new(access: migrator::Access, aws: Aws, queues: AllQueues) -> Self {
        Self { access, aws, queues }
    }

    /// Observes all that was asked for and changes nothing; what cannot be seen is said so.
    pub async fn gather(&self, asked: &Asked, lease: Observed<Option<LeaseSeen>>, now: Timestamp) -> Symptoms {
        let (queue, database, host, access, log) = tokio::join!(
            look(asked.queue.as_ref().map(|queue| self.queue(queue))),
            look(asked.database.as_ref().map(|patient| Box::pin(examining::look(&self.access, patient)))),
            look(asked.host.as_ref().map(|spec| host::ask(spec, &self.access.servers))),
            Box::pin(self.access(asked)),
            look(asked.log.as_ref().map(|path| log::read(path, self.access.servers.secrets()))),
        );
        let processes = queue.seen().map(|queue: &QueueSeen| processes::of(queue, now)).unwrap_or_default();
        Symptoms { now, command: asked.command.clone(), queue, processes, host, database, lease, access, log }
    }

    async fn queue(&self, queue: &Queue) -> Result<QueueSeen> {
        Ok(QueueSeen { name: queue.to_string(), peeked: self.queues.peek(queue).await? })
    }

    async fn access(&self, asked: &Asked) -> Observed<Access> {
        let of_queue = match &asked.queue {
            Some(Queue::Sqs(queue)) => Some(&queue.place),
            _ => None,
        };
        let Some(place) = of_queue.or(asked.parameters.first().map(|(place, _)| place)) else { return Observed::NotAsked };
        let caller = async { Ok(self.aws.caller(place).await?.to_string()) };
        let (caller, parameters) = tokio::join!(look(Some(caller)), self.parameters(&asked.parameters));
        Observed::Seen(Access { caller, parameters })
    }

    async fn parameters(&self, wanted: &[(AwsPlace, Wanted)]) -> Observed<(u64, Vec<ParameterTrouble>)> {
        if wanted.is_empty() {
            return Observed::NotAsked;
        }
        let resolved = async {
            let mut troubles = Vec::new();
            for (place, one) in wanted {
                let errors = self.access.parameters.resolve(place, std::slice::from_ref(one)).await.err().unwrap_or_default();
                let command = command(one, place);
                troubles.extend(
                    errors.iter().map(|error| ParameterTrouble { failure: Failure::from(error), command: command.clone() }),
                );
            }
            Ok((wanted.len() as u64, troubles))
        };
        look(Some(resolved)).await
    }

    /// Does what a fix says; [`Fix::ReleaseLease`] is the store's to do.
    pub async fn apply(&self, asked: &Asked, fix: &Fix) -> Result<()> {
        match fix {
            Fix::PurgeQueue { .. } => self.queues.purge(asked.queue.as_ref().ok_or_else(|| not_asked("queue"))?).await,
            Fix::EndSession { pid, began, on } => {
                examining::end(&self.access.servers, &changeable(asked)?.address, *on, *pid, began).await
            }
            Fix::RepairHistory { extent, changes } => examining::repair(&self.access, changeable(asked)?, *extent, changes).await,
            Fix::ReleaseLease { run } => Err(Code::WrongMoment.error(format!("the lease of `{run}` is in the store"))),
        }
    }
}

/// AWS's own command that asks for the same. It shows no secrets.
fn command(wanted: &Wanted, place: &AwsPlace) -> String {
    let mut command = match wanted {
        Wanted::Name(name) => format!("aws ssm get-parameter --name {name}"),
        Wanted::Below(path) => format!("aws ssm get-parameters-by-path --path {path} --recursive"),
    };
    command.extend(place.region.iter().map(|region| format!(" --region {region}")));
    command.extend(place.endpoint.iter().map(|endpoint| format!(" --endpoint-url {endpoint}")));
    command
}

/// The database, if it may be changed: whatever was diagnosed, production is not.
fn changeable(asked: &Asked) -> Result<&Patient> {
    let patient = asked.database.as_ref().ok_or_else(|| not_asked("database"))?;
    match patient.protection {
        Protection::None => Ok(patient),
        Protection::Production => {
            let error = Code::ProductionAsTarget.error(format!("`{}` is production's, which restage never changes", patient.name));
            Err(error.help("do by hand what the finding says"))
        }
    }
}

fn not_asked(what: &str) -> Error {
    Code::WrongMoment.error(format!("no {what} was named")).help(format!("name it with `--{what}`"))
}

/// What comes of a look, within a limit.
async fn look<T>(work: Option<impl Future<Output = Result<T>>>) -> Observed<T> {
    let Some(work) = work else { return Observed::NotAsked };
    let late = |_| {
        let error = Code::DeadlinePassed.error(format!("there was no answer within {} s", EXAMINE_LIMIT.as_secs()));
        Err(error.help("try again"))
    };
    Observed::from(tokio::time::timeout(EXAMINE_LIMIT, work).await.unwrap_or_else(late))
}
