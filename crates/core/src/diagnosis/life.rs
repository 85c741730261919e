//! Whether a migrator lives, from every sign there is.

use super::symptoms::{LocalProcess, Observed, SessionSeen, Standing, Symptoms};
use crate::signal::{Followed, Sender, State};
use jiff::{SignedDuration, Timestamp};
use std::fmt;

/// How far the clocks of a server and a queue may be apart.
const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(1);

/// Whether a migrator lives, and what shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// The verdict.
    pub verdict: Verdict,
    /// The signs that it follows from, one sentence each.
    pub signs: Vec<String>,
}

/// Whether a migrator lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It does.
    Alive,
    /// The signs contradict each other, or there are too few.
    Unknown,
    /// It does not.
    Dead,
}

impl Life {
    /// What the signs say of one migrator.
    ///
    /// What its own host says counts most, then a process of this machine; but whoever is still heard in time is not dead, and
    /// another host may have been asked. Without them silence means death where a heartbeat was promised, unless somebody holds
    /// the lock of the history: then it may only be cut off from its queue.
    pub(super) fn of(migrator: &Followed, symptoms: &Symptoms) -> Self {
        if let State::Ended { .. } | State::EndedWithoutCode { .. } = migrator.state {
            return Self { verdict: Verdict::Dead, signs: vec!["it said itself that it ended".into()] };
        }
        let mut signs = vec![heartbeat(migrator, symptoms.now)];
        let lock = lock(symptoms);
        signs.extend(lock.told.clone());
        if let Some(host) = symptoms.host.seen() {
            signs.push(format!("its host says `{}` to `{}`", host.said, host.command));
            match host.standing {
                Standing::Alive => return Self { verdict: Verdict::Alive, signs },
                Standing::Gone => return Self { verdict: gone(migrator), signs },
                Standing::Unknown => {}
            }
        }
        if let Sender::Migrator(id) = &migrator.sender
            && let Some(process) = symptoms.processes.get(id)
        {
            let (verdict, is) = match (process, &migrator.state) {
                // Numbers of processes are used again.
                (LocalProcess::Runs, State::Silent { .. }) => {
                    (Verdict::Unknown, "runs on this machine, or another one has its number")
                }
                (LocalProcess::Runs, _) => (Verdict::Alive, "runs on this machine"),
                (LocalProcess::Gone, _) => (gone(migrator), "runs no more on this machine"),
            };
            signs.push(format!("its process {} {is}", id.pid));
            return Self { verdict, signs };
        }
        let verdict = match (&migrator.state, lock.standing) {
            (State::Silent { .. }, Locked::Free | Locked::NotAsked) => Verdict::Dead,
            (State::Silent { .. }, Locked::Held | Locked::Unseen) => Verdict::Unknown,
            (_, Locked::Held) => Verdict::Alive,
            _ if migrator.heartbeat.is_some() => Verdict::Alive,
            _ => Verdict::Unknown,
        };
        Self { verdict, signs }
    }

    /// What is known of whoever holds the lock of the history. A session outlives its process where the host went away.
    ///
    /// One that began after the queue's migrators were heard last is somebody else's, whatever their host says.
    pub(super) fn of_holder(session: &SessionSeen, symptoms: &Symptoms) -> Self {
        let mut signs = vec![format!("{session} holds the lock of the history")];
        if let Some(host) = symptoms.host.seen() {
            signs.push(format!("the migrator's host says `{}` to `{}`", host.said, host.command));
            let verdict = match host.standing {
                Standing::Alive => Verdict::Alive,
                Standing::Gone if is_of_another(session, symptoms) => {
                    signs.push("the session began after the queue's migrators were heard last".into());
                    Verdict::Unknown
                }
                Standing::Gone => Verdict::Dead,
                Standing::Unknown => Verdict::Unknown,
            };
            return Self { verdict, signs };
        }
        let silent = symptoms.queue.seen().is_some_and(|queue| {
            let heard = queue.following().migrators(symptoms.now);
            !heard.is_empty() && heard.iter().all(|migrator| matches!(migrator.state, State::Silent { .. }))
        });
        if silent {
            signs.push("the migrators of the queue are silent".into());
            return Self { verdict: Verdict::Unknown, signs };
        }
        Self { verdict: Verdict::Alive, signs }
    }
}

/// Of a migrator whose process is said to be gone.
fn gone(migrator: &Followed) -> Verdict {
    let is_heard = matches!(migrator.state, State::Running { .. }) && migrator.heartbeat.is_some();
    if is_heard { Verdict::Unknown } else { Verdict::Dead }
}

fn is_of_another(session: &SessionSeen, symptoms: &Symptoms) -> bool {
    let Some(queue) = symptoms.queue.seen() else { return false };
    let heard = queue.following().migrators(symptoms.now).into_iter().map(|migrator| migrator.last).max();
    let began = session.began.as_deref().and_then(|began| began.parse::<Timestamp>().ok());
    match (heard, began) {
        (Some(heard), Some(began)) => began.duration_since(heard) > CLOCKS_APART,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

/// The lock of the history, as a sign.
struct LockSign {
    standing: Locked,
    told: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Locked {
    Held,
    Free,
    Unseen,
    NotAsked,
}

fn lock(symptoms: &Symptoms) -> LockSign {
    let (standing, told) = match &symptoms.database {
        Observed::NotAsked => (Locked::NotAsked, None),
        Observed::Failed(_) => (Locked::Unseen, Some("the database could not be asked who migrates it".into())),
        Observed::Seen(database) => match &database.lock {
            Observed::NotAsked => (Locked::NotAsked, None),
            Observed::Failed(_) => (Locked::Unseen, Some("the database could not be asked who migrates it".into())),
            Observed::Seen(Some(session)) => (Locked::Held, Some(format!("{session} holds the lock of the history"))),
            Observed::Seen(None) => (Locked::Free, Some("nobody holds the lock of the history".into())),
        },
    };
    LockSign { standing, told }
}

fn heartbeat(migrator: &Followed, now: Timestamp) -> String {
    let ago = now.duration_since(migrator.last).as_secs().max(0);
    match (&migrator.state, migrator.heartbeat) {
        (State::Silent { missed, .. }, Some(period)) => {
            format!(
                "it was heard {} ago and promised to be heard every {} s: {missed} heartbeats did not come",
                told(ago),
                period.0
            )
        }
        (_, Some(period)) => format!("it was heard {} ago and promised to be heard every {} s", told(ago), period.0),
        (_, None) => format!("it was heard {} ago and promised no heartbeat, so that its silence says nothing", told(ago)),
    }
}

/// Such as `42 s`, `12 min` or `3 h`.
fn told(seconds: i64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

impl fmt::Display for SessionSeen {
    /// Such as `` session 4711 (`Flyway by JDBC` of `owner` from `10.0.0.7`, since 2026-11-20 08:00:00+00) ``.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session {} (`{}`", self.pid, self.application)?;
        for (word, part) in [("of", &self.user), ("from", &self.address)] {
            part.iter().try_for_each(|part| write!(f, " {word} `{part}`"))?;
        }
        self.began.iter().try_for_each(|began| write!(f, ", since {began}"))?;
        f.write_str(")")
    }
}
