//! Symptoms in, findings out: every branch of the runbook.

use jiff::Timestamp;
use restage_core::diagnosis::{
    Access, Consent, DatabaseSeen, Extent, HistorySeen, HostSeen, LeaseSeen, LocalProcess, LogSeen, Observed, OddRow, Oddity,
    ParameterTrouble, Protection, Purge, QueueSeen, ScriptsSeen, SessionSeen, Standing, Symptoms, UnfinishedSeen, diagnose,
};
use restage_core::error::Failure;
use restage_core::name::RunId;
use restage_core::provider::queue::{Count, Peeked, QueuedId, QueuedMessage};
use restage_core::signal::{HostName, MigratorId, ProcessId};
use restage_core::{Code, Error};
use std::collections::BTreeMap;
use std::fmt::Write;

const STARTED: &str = r#"{"appStage":"Started","messageId":1,"pid":5046}"#;
const MIGRATING: &str = r#"{"appStage":"Migrating","messageId":2,"migrationStage":{"stage":"BeforeFile","migrationFile":"V2__b.sql","version":"2"},"pid":5046}"#;
const HEARTBEAT: &str = r#"{"appStage":"Started","messageId":1,"pid":7,"heartbeat":30,"migrator":{"host":"deploy-1","pid":7,"started":"2026-11-20T11:00:00Z"}}"#;

fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Nothing was asked for.
fn symptoms() -> Symptoms {
    Symptoms {
        now: moment("2026-11-20T12:00:00Z"),
        command: "restage diagnose …".into(),
        queue: Observed::NotAsked,
        processes: BTreeMap::new(),
        host: Observed::NotAsked,
        database: Observed::NotAsked,
        lease: Observed::NotAsked,
        access: Observed::NotAsked,
        log: Observed::NotAsked,
    }
}

/// A queue with these messages, sent so many minutes ago.
fn queue(minutes_ago: i64, texts: &[&str]) -> Observed<QueueSeen> {
    let sent = symptoms().now - jiff::SignedDuration::from_mins(minutes_ago);
    let message = |(at, text): (usize, &&str)| QueuedMessage { id: QueuedId(at.to_string()), text: (*text).into(), sent };
    let count = Count { waiting: texts.len() as u64, ..Count::default() };
    let messages = texts.iter().enumerate().map(message).collect();
    Observed::Seen(QueueSeen { name: "app-test-migrator.fifo".into(), peeked: Peeked { messages, count } })
}

/// A database with nothing amiss.
fn database() -> DatabaseSeen {
    DatabaseSeen {
        name: "preprod/app".into(),
        protection: Protection::None,
        lock: Observed::Seen(None),
        mark: Observed::Seen(None),
        history: Observed::Seen(HistorySeen {
            table: Some("\"public\".\"flyway_schema_history\"".into()),
            version: Some("4".into()),
            scripts: Observed::Seen(ScriptsSeen { count: 5, pending: vec!["V5__next.sql".into()] }),
            ..HistorySeen::default()
        }),
        models: Observed::NotAsked,
    }
}

fn with_history(change: impl FnOnce(&mut HistorySeen)) -> DatabaseSeen {
    let mut database = database();
    if let Observed::Seen(history) = &mut database.history {
        change(history);
    }
    database
}

fn session(application: &str, run: Option<&str>) -> SessionSeen {
    SessionSeen {
        pid: 4711,
        application: application.into(),
        user: Some("owner".into()),
        address: Some("10.0.0.7".into()),
        began: Some("2026-11-20 11:30:00+00".into()),
        run: run.map(|run| RunId::parse(run).unwrap()),
    }
}

fn held(by: SessionSeen) -> Observed<DatabaseSeen> {
    Observed::Seen(DatabaseSeen { lock: Observed::Seen(Some(by)), ..database() })
}

fn host(standing: Standing, said: &str) -> Observed<HostSeen> {
    let command = "ssh deploy-1 systemctl is-active migrator".into();
    Observed::Seen(HostSeen { command, standing, said: said.into() })
}

fn odd(script: &str, version: &str, oddity: Oddity) -> OddRow {
    let applied =
        (oddity != Oddity::LeftOut).then(|| format!("rank {version}, begun or applied by `owner` at 2026-11-20 11:00:00"));
    OddRow { script: script.into(), version: Some(version.into()), applied, oddity }
}

fn lease(standing: Standing, expires: &str) -> Observed<Option<LeaseSeen>> {
    Observed::Seen(Some(LeaseSeen {
        run: RunId::parse("0123456789").unwrap(),
        holder: "process 12 of ada on deploy-1".into(),
        standing,
        since: moment("2026-11-20T11:00:00Z"),
        expires: moment(expires),
    }))
}

fn failure(error: &Error) -> Failure {
    Failure::from(error)
}

fn failed<T>(error: Error) -> Observed<T> {
    Observed::from(Err(error))
}

fn told(symptoms: &Symptoms, consent: Consent) -> String {
    let diagnosis = diagnose(symptoms, consent);
    let mut text = String::new();
    for check in &diagnosis.checks {
        let _ = writeln!(text, "{}: {}", check.what, check.seen);
    }
    for finding in &diagnosis.findings {
        let _ = writeln!(text, "\n{}: {}", finding.severity, finding.finding);
        finding.evidence.iter().for_each(|evidence| writeln!(text, "  {evidence}").unwrap());
        finding.next.iter().for_each(|next| writeln!(text, "  $ {}\n      {}", next.command, next.does).unwrap());
        finding.fix.iter().for_each(|fix| writeln!(text, "  would {fix}").unwrap());
        assert!(!finding.next.is_empty(), "{} has no next command", finding.finding);
    }
    text
}

/// Compares what is found of several symptoms with a golden file.
fn golden(name: &str, cases: &[(&str, Symptoms)]) {
    golden_with(name, Consent::NONE, cases);
}

fn golden_with(name: &str, consent: Consent, cases: &[(&str, Symptoms)]) {
    let shown: String = cases.iter().map(|(title, symptoms)| format!("# {title}\n\n{}\n", told(symptoms, consent))).collect();
    insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, shown);
    });
}

#[test]
fn messages_of_a_migrator_that_said_how_it_ended() {
    let ended = |code: &str, stage: &str| {
        let last = format!(r#"{{"appStage":"{stage}","messageId":3,"pid":5046,"exitCode":{code}}}"#);
        let queue = queue(60, &[STARTED, MIGRATING, &last]);
        Symptoms { queue, database: Observed::Seen(database()), ..symptoms() }
    };
    let older = r#"{"pid":"812","start_time":"Fri 2026-11-20 10:00","stop_time":"Fri 2026-11-20 10:05","code":"exited","status":"2","schema_version":"41"}"#;
    let cases = [
        ("exit status 0", ended("0", "Finished")),
        ("exit status 1", ended("1", "Failed")),
        ("exit status 2", ended("2", "Failed")),
        ("exit status 3", ended("3", "Failed")),
        ("exit status 4", ended("4", "Failed")),
        ("without one", Symptoms { queue: queue(60, &[r#"{"appStage":"Failed","messageId":1,"pid":1}"#]), ..symptoms() }),
        ("in the older format", Symptoms { queue: queue(60, &[older]), ..symptoms() }),
    ];
    golden("diagnosis-ended", &cases);
}

#[test]
fn messages_of_a_migrator_that_did_not_say_how_it_ended() {
    let id = MigratorId { host: HostName("deploy-1".into()), pid: ProcessId(7), started: moment("2026-11-20T11:00:00Z") };
    let nobody = Observed::Seen(database());
    let plain = || queue(10, &[STARTED, MIGRATING]);
    let cases = [
        ("it holds the lock", Symptoms { queue: plain(), database: held(session("Flyway by JDBC", None)), ..symptoms() }),
        ("it is heard", Symptoms { queue: queue(0, &[HEARTBEAT]), ..symptoms() }),
        ("its host says that it lives", Symptoms { queue: plain(), host: host(Standing::Alive, "active"), ..symptoms() }),
        ("it is silent", Symptoms { queue: queue(10, &[HEARTBEAT]), database: nobody.clone(), ..symptoms() }),
        ("its host says that it is gone", Symptoms { queue: plain(), host: host(Standing::Gone, "inactive"), ..symptoms() }),
        (
            "its process is gone",
            Symptoms { queue: queue(10, &[HEARTBEAT]), processes: [(id, LocalProcess::Gone)].into(), ..symptoms() },
        ),
        ("nobody can tell", Symptoms { queue: plain(), database: nobody, ..symptoms() }),
    ];
    golden("diagnosis-not-ended", &cases);
}

#[test]
fn signs_that_contradict_each_other_are_believed_neither_way() {
    let id = MigratorId { host: HostName("deploy-1".into()), pid: ProcessId(7), started: moment("2026-11-20T11:00:00Z") };
    let silent = || queue(10, &[HEARTBEAT]);
    let other = SessionSeen { began: Some("2026-11-20 11:55:00+00".into()), ..session("psql", None) };
    let cases = [
        ("silent, and the lock is held", Symptoms { queue: silent(), database: held(session("restage", None)), ..symptoms() }),
        (
            "heard, and its host says gone",
            Symptoms { queue: queue(0, &[HEARTBEAT]), host: host(Standing::Gone, "inactive"), ..symptoms() },
        ),
        (
            "silent, and its number is in use",
            Symptoms { queue: silent(), processes: [(id, LocalProcess::Runs)].into(), ..symptoms() },
        ),
        (
            "gone, and the lock was taken later by somebody else",
            Symptoms { queue: silent(), host: host(Standing::Gone, "inactive"), database: held(other), ..symptoms() },
        ),
    ];
    golden("diagnosis-contradictions", &cases);
}

#[test]
fn messages_that_cannot_be_read_or_seen_keep_a_queue_from_being_emptied() {
    let Observed::Seen(mut partial) = queue(60, &[r#"{"appStage":"Finished","messageId":1,"pid":1,"exitCode":0}"#]) else {
        unreachable!()
    };
    partial.peeked.count.in_flight = 3;
    let cases = [
        ("of nobody known", Symptoms { queue: queue(60, &["hello", "{}", "3", "last"]), ..symptoms() }),
        ("not all seen", Symptoms { queue: Observed::Seen(partial), ..symptoms() }),
    ];
    golden("diagnosis-unread", &cases);
    golden_with("diagnosis-purged-anyway", Consent { purge: Purge::Anybodys, ..Consent::NONE }, &cases[..1]);
}

#[test]
fn who_holds_the_database() {
    let marked =
        |run| Observed::Seen(DatabaseSeen { mark: Observed::Seen(Some(session("restage 0123456789", run))), ..database() });
    let (soon, earlier) = ("2026-11-20T12:00:30Z", "2026-11-20T11:30:00Z");
    let cases = [
        ("a migrator, as far as one can see", Symptoms { database: held(session("Flyway by JDBC", None)), ..symptoms() }),
        (
            "a dead migrator's session",
            Symptoms { database: held(session("Flyway by JDBC", None)), host: host(Standing::Gone, "inactive"), ..symptoms() },
        ),
        ("a run at work", Symptoms { lease: lease(Standing::Alive, soon), database: marked(Some("0123456789")), ..symptoms() }),
        (
            "a run at work, and what an earlier migrator left",
            Symptoms {
                queue: queue(60, &[r#"{"appStage":"Failed","messageId":1,"pid":5046,"exitCode":4}"#]),
                lease: lease(Standing::Alive, soon),
                ..symptoms()
            },
        ),
        ("a run that was cut off", Symptoms { lease: lease(Standing::Gone, soon), ..symptoms() }),
        (
            "a run that was cut off, and its session",
            Symptoms { lease: lease(Standing::Gone, soon), database: marked(Some("0123456789")), ..symptoms() },
        ),
        ("a run elsewhere", Symptoms { lease: lease(Standing::Unknown, soon), ..symptoms() }),
        ("a run elsewhere that is late", Symptoms { lease: lease(Standing::Unknown, earlier), ..symptoms() }),
        ("somebody of another store", Symptoms { lease: Observed::Seen(None), database: marked(None), ..symptoms() }),
    ];
    golden("diagnosis-held", &cases);
}

#[test]
fn rows_of_a_history_that_are_not_as_they_should_be() {
    let of = |change: &dyn Fn(&mut HistorySeen)| Symptoms { database: Observed::Seen(with_history(change)), ..symptoms() };
    let failed = |history: &mut HistorySeen| {
        history.odd = vec![odd("V5__next.sql", "5", Oddity::Failed)];
        history.repair_failed = vec!["delete the failed row of rank 5".into()];
    };
    let unfinished = |history: &mut HistorySeen| {
        failed(history);
        let told = "`V5__next.sql` was begun without a transaction and did not end: statement 1 of 2 is done";
        history.unfinished = Some(UnfinishedSeen { script: "V5__next.sql".into(), told: told.into() });
    };
    let strange = |history: &mut HistorySeen| {
        let differs = Oddity::Differs { what: "checksum".into(), applied: "17".into(), script: "-4".into() };
        history.odd = vec![
            odd("V2__b.sql", "2", differs),
            odd("V3_1__hotfix.sql", "3.1", Oddity::ScriptGone),
            odd("V9__try.sql", "9", Oddity::AboveAllScripts),
            odd("V3_5__late.sql", "3.5", Oddity::LeftOut),
        ];
        history.repair_all = vec!["align rank 2".into(), "mark rank 3 as deleted".into()];
    };
    let mut at_work = of(&unfinished);
    if let Observed::Seen(database) = &mut at_work.database {
        database.lock = Observed::Seen(Some(session("restage", None)));
    }
    let mut run_at_work = of(&failed);
    run_at_work.lease = lease(Standing::Alive, "2026-11-20T12:00:30Z");
    let mut of_production = of(&failed);
    if let Observed::Seen(database) = &mut of_production.database {
        database.protection = Protection::Production;
    }
    let cases = [
        ("nothing amiss", of(&|_| {})),
        ("failed", of(&failed)),
        ("begun and not ended", of(&unfinished)),
        ("begun, and its migrator is at work", at_work),
        ("failed, and a run is at work", run_at_work),
        ("failed in production", of_production),
        ("not what the scripts say", of(&strange)),
    ];
    golden("diagnosis-history", &cases);
    golden_with("diagnosis-aligned", Consent { history: Extent::All, ..Consent::NONE }, &cases[6..]);
}

#[test]
fn access_to_aws_and_what_the_log_and_the_models_say() {
    let missing = Code::ParameterMissing
        .error("the parameters below `/app/test/pipeline` are not in SSM's parameter store")
        .help("check the name");
    let forbidden = Code::ParameterForbidden
        .error("the parameter `/app/test/key` may not be read")
        .because("AccessDeniedException")
        .help("grant it");
    let troubles = [missing, forbidden]
        .iter()
        .map(|error| ParameterTrouble { failure: failure(error), command: "aws ssm get-parameter --name NAME".into() })
        .collect();
    let caller = || Observed::Seen("`arn:aws:iam::123456789012:role/deploy` in account 123456789012".to_owned());
    let access = |parameters| Symptoms { access: Observed::Seen(Access { caller: caller(), parameters }), ..symptoms() };
    let log = "INFO starting\nINFO migrate V5\nERROR org.postgresql.util.PSQLException: boom\n  at a.B.c\nCaused by: java.lang.Exception: x\n  at d\nMigrator completed with exit status ";
    let log =
        |status: &str| Symptoms { log: Observed::Seen(LogSeen::read("m.log".into(), &format!("{log}{status}\n"))), ..symptoms() };
    let models = Observed::Seen(vec!["the column `rooms.id` is `integer`, not `bigint`".into()]);
    let cases = [
        ("parameters that cannot be had", access(Observed::Seen((3, troubles)))),
        ("parameters that can", access(Observed::Seen((2, vec![])))),
        ("a log with exit status 2", log("2")),
        ("a log with exit status 0", log("0")),
        (
            "a database that is not what the models say",
            Symptoms { database: Observed::Seen(DatabaseSeen { models, ..database() }), ..symptoms() },
        ),
    ];
    golden("diagnosis-surroundings", &cases);
}

#[test]
fn a_check_that_could_not_be_made_is_a_finding() {
    let refused = || Code::LoginRefused.error("the server does not let `owner` in").help("check the password");
    let nothing = DatabaseSeen {
        lock: failed(refused()),
        mark: failed(refused()),
        history: failed(refused()),
        models: failed(refused()),
        ..database()
    };
    let access = Access { caller: failed(refused()), parameters: failed(refused()) };
    let unseen = Symptoms {
        queue: failed(Code::QueueForbidden.error("the queue `q` may not be read").help("grant sqs:ReceiveMessage")),
        host: host(Standing::Unknown, "exit status: 255"),
        database: Observed::Seen(nothing),
        lease: failed(refused()),
        access: Observed::Seen(access),
        log: failed(Code::FileUnreadable.error("cannot read `m.log`")),
        ..symptoms()
    };
    let silent = Symptoms { queue: queue(10, &[HEARTBEAT]), database: failed(refused()), ..symptoms() };
    golden("diagnosis-unchecked", &[("everything", unseen), ("silence where the lock cannot be seen", silent)]);
}
