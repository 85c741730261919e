//! Who holds the database: a migrator's lock, a run's lease in the store, and its mark on the server.

use super::life::{Life, Verdict};
use super::symptoms::{DatabaseSeen, LeaseSeen, Observed, Protection, SessionSeen, Standing};
use super::{Finding, Fix, Notes, SessionOn, Severity, next};

pub(super) fn look(notes: &mut Notes<'_>) {
    match &notes.symptoms.database {
        Observed::NotAsked => {}
        Observed::Failed(failure) => {
            let finding = "the database could not be looked at".into();
            notes.unchecked("database", finding, failure);
        }
        Observed::Seen(database) => {
            lock(database, notes);
            mark(database, notes);
        }
    }
    lease(notes);
    host(notes);
}

fn lock(database: &DatabaseSeen, notes: &mut Notes<'_>) {
    match &database.lock {
        Observed::NotAsked => {}
        Observed::Failed(failure) => {
            let finding = format!("nobody could tell who holds the lock of the history of `{}`", database.name);
            notes.unchecked("lock", finding, failure);
        }
        Observed::Seen(None) => notes.check("lock", format!("nobody migrates `{}`", database.name)),
        Observed::Seen(Some(session)) => {
            notes.check("lock", format!("held by {session}"));
            notes.find(held(database, session, notes));
        }
    }
}

fn held(database: &DatabaseSeen, session: &SessionSeen, notes: &Notes<'_>) -> Finding {
    let life = Life::of_holder(session, notes.symptoms);
    let name = &database.name;
    let by_hand =
        next(format!("psql -c 'SELECT pg_terminate_backend({})'", session.pid), "ends that session; only if its migrator is dead");
    let ask = notes.again_with("--host-command 'ssh HOST systemctl is-active SERVICE'", "asks its host whether it lives");
    let (finding, commands, fix) = match life.verdict {
        Verdict::Alive => {
            let wait = next(&notes.symptoms.command, "again, once it has ended");
            let mut commands = vec![wait];
            if !notes.symptoms.host.is_asked() {
                commands.push(ask);
            }
            (format!("a migrator works on `{name}`"), commands, None)
        }
        Verdict::Unknown => {
            let asked = notes.symptoms.host.is_asked();
            let finding =
                format!("a session holds the lock of the history of `{name}`, and nobody knows whether its migrator lives");
            (finding, if asked { vec![by_hand] } else { vec![ask, by_hand] }, None)
        }
        Verdict::Dead => {
            let finding = format!("a dead migrator's session still holds the lock of the history of `{name}`");
            match end(database, session, SessionOn::Database) {
                Some(fix) => (finding, vec![notes.fixing("", "ends that session")], Some(fix)),
                None => (finding, vec![by_hand], None),
            }
        }
    };
    Finding { severity: Severity::Blocking, finding, evidence: life.signs, next: commands, fix }
}

/// Ending a session, unless it is on a database that is never changed, or cannot be told from one that got its number.
fn end(database: &DatabaseSeen, session: &SessionSeen, on: SessionOn) -> Option<Fix> {
    let began = session.began.clone().filter(|_| database.protection == Protection::None)?;
    Some(Fix::EndSession { pid: session.pid, began, on })
}

fn mark(database: &DatabaseSeen, notes: &mut Notes<'_>) {
    let session = match &database.mark {
        Observed::NotAsked => return,
        Observed::Failed(failure) => {
            let finding = format!("nobody could tell whether a run of restage works on `{}`", database.name);
            return notes.unchecked("mark", finding, failure);
        }
        Observed::Seen(None) => return notes.check("mark", format!("no run marks `{}`", database.name)),
        Observed::Seen(Some(session)) => session,
    };
    notes.check("mark", format!("held by {session}"));
    let lease = notes.symptoms.lease.seen().and_then(Option::as_ref);
    let own = lease.filter(|lease| session.run.as_ref() == Some(&lease.run));
    let who = session.run.as_ref().map_or_else(|| "somebody".to_owned(), |run| format!("run `{run}`"));
    let evidence = vec![format!("{session} holds the mark on the server")];
    match own.map(|lease| lease.standing) {
        Some(Standing::Gone) => {
            let finding = format!("the session of {who}, whose process is gone, still marks `{}`", database.name);
            let fix = end(database, session, SessionOn::Maintenance);
            let commands = vec![notes.fixing("", "ends that session")];
            notes.find(Finding { severity: Severity::Blocking, finding, evidence, next: commands, fix });
        }
        // The finding about the lease says it.
        Some(Standing::Alive) => {}
        Some(Standing::Unknown) | None => {
            let finding = format!("{who} of another machine or store works on `{}`", database.name);
            let commands = vec![next("restage runs", "where it was started, shows it; `restage cancel` there ends it")];
            notes.find(Finding { severity: Severity::Blocking, finding, evidence, next: commands, fix: None });
        }
    }
}

fn lease(notes: &mut Notes<'_>) {
    let lease = match &notes.symptoms.lease {
        Observed::NotAsked => return,
        Observed::Failed(failure) => {
            return notes.unchecked("runs", "the store could not be asked for runs that hold the database".into(), failure);
        }
        Observed::Seen(None) => return notes.check("runs", "none of this store holds it"),
        Observed::Seen(Some(lease)) => lease,
    };
    notes.check("runs", format!("run `{}` holds it", lease.run));
    let LeaseSeen { run, holder, standing, since, expires } = lease;
    let evidence = vec![format!("{holder} took it at {since:.0} and keeps it until {expires:.0} unless it renews it")];
    let show = next(format!("restage show {run}"), "shows how far it came, and what to do about it");
    let (severity, finding, commands, fix) = match standing {
        Standing::Gone => (
            Severity::Warning,
            format!("run `{run}` was cut off, and still holds the database in the store"),
            vec![show, notes.fixing("", "gives it back; the run itself stays as it is")],
            Some(Fix::ReleaseLease { run: run.clone() }),
        ),
        Standing::Alive => {
            let follow = next(format!("restage logs {run} --follow"), "follows it to its end");
            (Severity::Blocking, format!("run `{run}` works on the database"), vec![follow, show], None)
        }
        Standing::Unknown if *expires < notes.symptoms.now => (
            Severity::Warning,
            format!("run `{run}`, whose process cannot be seen from here, has not renewed its lease"),
            vec![show, notes.fixing("", "gives it back; the run itself stays as it is")],
            Some(Fix::ReleaseLease { run: run.clone() }),
        ),
        Standing::Unknown => {
            let again = next(&notes.symptoms.command, "again, once its lease has expired");
            (
                Severity::Blocking,
                format!("run `{run}` holds the database, and its process cannot be seen from here"),
                vec![again, show],
                None,
            )
        }
    };
    notes.find(Finding { severity, finding, evidence, next: commands, fix });
}

fn host(notes: &mut Notes<'_>) {
    match &notes.symptoms.host {
        Observed::NotAsked => {}
        Observed::Failed(failure) => notes.unchecked("host", "the migrator's host could not be asked".into(), failure),
        Observed::Seen(host) => {
            let is = match host.standing {
                Standing::Alive => "the migrator lives",
                Standing::Gone => "the migrator does not live",
                Standing::Unknown => "nobody knows whether the migrator lives",
            };
            notes.check("host", format!("{is}: `{}`", host.said));
            if host.standing == Standing::Unknown {
                let finding = "the migrator's host could not be asked whether it lives".into();
                let evidence = vec![format!("`{}` says `{}`", host.command, host.said)];
                let next = vec![next(&host.command, "by hand shows why")];
                notes.find(Finding { severity: Severity::Unchecked, finding, evidence, next, fix: None });
            }
        }
    }
}
