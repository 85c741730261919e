use super::*;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

const BEAT: HeartbeatSeconds = HeartbeatSeconds(30);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + seconds).unwrap()
}

fn migrator(pid: u64) -> MigratorId {
    MigratorId { host: HostName("db-migrator".into()), pid: ProcessId(pid), started: at(0) }
}

fn script(stage: ScriptStage, version: &str) -> MigrationStage {
    let migration_file = Some(format!("V{version}__x.sql"));
    MigrationStage { stage, migration_file, version: Some(SchemaVersion(version.into())) }
}

fn writer(format: Format) -> Writer {
    Writer::new(migrator(5046), format, Some(BEAT))
}

fn following<'h>(heard: impl IntoIterator<Item = &'h Heard>) -> Following {
    let mut following = Following::default();
    heard.into_iter().for_each(|heard| following.hear(heard.clone()));
    following
}

/// What a whole migration says, a message every ten seconds, without its end.
fn story(writer: &mut Writer) -> Vec<Heard> {
    let mut told = Vec::new();
    let mut seconds = 0;
    let mut tell = |signal: Option<Signal>| {
        told.extend(signal.map(|signal| Heard { at: at(seconds), signal }));
        seconds += 10;
    };
    tell(writer.progress(Progress::Started, at(0)));
    tell(writer.progress(Progress::Connected, at(10)));
    tell(writer.progress(Progress::Migrating(script(ScriptStage::AfterFile, "1")), at(20)));
    tell(writer.heartbeat(at(30)));
    tell(writer.progress(Progress::Migrating(script(ScriptStage::AfterFile, "2")), at(40)));
    tell(writer.progress(Progress::Migrating(script(ScriptStage::BeforeFile, "3")), at(50)));
    told
}

fn nameless(messages: &[(i64, &str)]) -> Vec<Heard> {
    messages.iter().map(|(seconds, text)| Heard { at: at(*seconds), signal: Signal::decode(text) }).collect()
}

#[test]
fn messages_of_the_migrator_are_read_and_written_as_it_does() {
    for text in [
        r#"{"appStage":"Started","messageId":1,"pid":5046}"#,
        r#"{"appStage":"Migrating","messageId":2,"migrationStage":{"stage":"Completed","migrationFile":"V1__x.sql","version":"1"},"pid":5046}"#,
        r#"{"appStage":"Migrating","messageId":3,"migrationStage":{"stage":"Preparing"},"pid":5046}"#,
        r#"{"appStage":"Migrating","messageId":3,"migrationStage":{"stage":"SomethingNew"},"pid":5046}"#,
        r#"{"appStage":"Failed","messageId":9,"pid":5046,"exitCode":3}"#,
        r#"{"start_time":"Tue 2023-10-10 14:00:00 UTC","stop_time":"n/a","pid":"5046","code":"(null)","status":"0/0"}"#,
        r#"{"start_time":"a","stop_time":"b","pid":"5046","code":"exited","status":"0","schema_version":"12"}"#,
    ] {
        let signal = Signal::decode(text);
        assert!(!matches!(signal, Signal::Unknown(_)), "{text}");
        assert_eq!(signal.encode(), text);
    }
    let with_nulls = r#"{"appStage":"Started","messageId":1,"migrationStage":null,"pid":5046,"later":true}"#;
    assert_eq!(Signal::decode(with_nulls).encode(), r#"{"appStage":"Started","messageId":1,"pid":5046}"#);
}

#[test]
fn what_restage_adds_stands_beside_what_the_format_has() {
    let mut writer = writer(Format::Current);
    let text = |signal: Option<Signal>| signal.unwrap().encode();
    let who = r#""migrator":{"host":"db-migrator","pid":5046,"started":"2026-09-21T14:13:20Z"},"sentAt":"2026-09-21T14:13:21Z"}"#;
    let started = text(writer.progress(Progress::Started, at(1)));
    assert_eq!(started, format!(r#"{{"appStage":"Started","messageId":1,"pid":5046,"heartbeat":30,{who}"#));
    let connected = text(writer.progress(Progress::Connected, at(1)));
    assert_eq!(connected, format!(r#"{{"appStage":"Connected","messageId":2,"pid":5046,{who}"#));
    let beat = text(writer.heartbeat(at(1)));
    assert_eq!(beat, format!(r#"{{"appStage":"Connected","messageId":3,"pid":5046,"heartbeat":30,{who}"#));
    let last = text(writer.end(ExitStatus::ValidationFailed, at(1)));
    assert_eq!(last, format!(r#"{{"appStage":"Failed","messageId":4,"pid":5046,"exitCode":3,{who}"#));
}

#[test]
fn nothing_follows_the_last_message() {
    for format in [Format::Current, Format::Older] {
        let mut writer = writer(format);
        assert!(writer.end(ExitStatus::Success, at(0)).is_some());
        let late =
            [writer.progress(Progress::Connected, at(1)), writer.heartbeat(at(1)), writer.end(ExitStatus::Unexpected, at(1))];
        assert_eq!(late, [None, None, None]);
    }
}

#[test]
fn the_older_format_tells_start_life_and_end() {
    let mut writer = writer(Format::Older);
    let told = story(&mut writer);
    let running = r#"{"start_time":"Mon 2026-09-21 14:13:20 UTC","stop_time":"n/a","pid":"5046","code":"(null)","status":"0/0"}"#;
    assert_eq!(told.iter().map(|heard| heard.signal.encode()).collect::<Vec<_>>(), [running, running]);
    assert!(matches!(following(&told).state(at(31)), State::Running { .. }));
    let end = Heard { at: at(70), signal: writer.end(ExitStatus::MigrationFailed, at(60)).unwrap() };
    let last = r#"{"start_time":"Mon 2026-09-21 14:13:20 UTC","stop_time":"Mon 2026-09-21 14:14:20 UTC","pid":"5046","code":"exited","status":"2","schema_version":"2"}"#;
    assert_eq!(end.signal.encode(), last);
    let ended = following(told.iter().chain([&end]));
    assert_eq!(ended.state(at(9_999)), State::Ended { status: ExitStatus::MigrationFailed, heard: at(70) });
    assert_eq!(ended.version(at(9_999)), Some(SchemaVersion("2".into())));
}

#[test]
fn a_service_that_was_killed_has_no_exit_status() {
    for (code, status) in [("killed", "9/KILL"), ("dumped", "11/SEGV"), ("exited", "")] {
        let message = OlderMessage { code: code.into(), status: status.into(), ..OlderMessage::running("1".into(), "a".into()) };
        assert_eq!(message.state(), OlderState::Killed, "{code} {status}");
    }
    let named = OlderMessage { code: "exited".into(), status: "1/FAILURE".into(), ..OlderMessage::running("1".into(), "a".into()) };
    assert_eq!(named.state(), OlderState::Ended(ExitStatus::InvalidConfiguration));
}

#[test]
fn what_is_in_no_known_format_is_kept_with_its_text() {
    let texts =
        ["", "hello", "{}", "[1]", "7", r#"{"appStage":"Sleeping","messageId":1,"pid":1}"#, r#"{"appStage":"Started","pid":1}"#];
    for text in texts {
        assert_eq!(Signal::decode(text), Signal::Unknown(text.to_owned()));
    }
    let following = following(&nameless(&[(1, "hello"), (2, r#"{"appStage":"Started","messageId":1,"pid":1}"#)]));
    assert_eq!(following.unknown().collect::<Vec<_>>(), [("hello", at(1))]);
    assert!(matches!(following.state(at(3)), State::Running { .. }));
}

#[test]
fn every_exit_status_has_its_number_and_sentence() {
    for (status, number) in ExitStatus::ALL.into_iter().zip(0..) {
        assert_eq!(status.to_string(), format!("Migrator completed with exit status {number}"));
        assert_eq!(ExitStatus::of(number), status);
    }
    for other in [-1, 5, 137, i64::MAX] {
        assert_eq!(ExitStatus::of(other), ExitStatus::Unexpected);
    }
}

#[test]
fn silence_means_death_once_three_heartbeats_are_missing() {
    let told = story(&mut writer(Format::Current));
    let following = following(&told);
    assert_eq!(following.migrators(at(60)).len(), 1);
    let reached = Reached { stage: Some(AppStage::Migrating), migration: Some(script(ScriptStage::BeforeFile, "3")) };
    let State::Running { reached: running, heard } = following.state(at(50 + 90)) else { panic!("it is alive") };
    assert_eq!((&running, heard), (&reached, at(50)));
    assert_eq!(following.state(at(50 + 91)), State::Silent { reached, heard: at(50), missed: 3 });
    assert_eq!(following.version(at(60)), Some(SchemaVersion("2".into())), "script 3 has not run");
}

#[test]
fn one_that_dies_before_its_first_heartbeat_is_found_dead() {
    let first = Heard { at: at(0), signal: writer(Format::Current).progress(Progress::Started, at(0)).unwrap() };
    assert!(matches!(following([&first]).state(at(91)), State::Silent { .. }));
}

#[test]
fn silence_says_nothing_without_a_promise() {
    let told = nameless(&[(0, r#"{"appStage":"Migrating","messageId":3,"pid":7}"#)]);
    assert!(matches!(following(&told).state(at(1_000_000)), State::Running { .. }));
}

#[test]
fn an_end_without_a_code_is_told_as_such() {
    let failed = nameless(&[(0, r#"{"appStage":"Failed","messageId":3,"pid":7}"#)]);
    assert_eq!(following(&failed).state(at(1)), State::EndedWithoutCode { heard: at(0) });
    let finished = nameless(&[(0, r#"{"appStage":"Finished","messageId":3,"pid":7}"#)]);
    assert_eq!(following(&finished).state(at(1)), State::Ended { status: ExitStatus::Success, heard: at(0) });
    let contradiction = nameless(&[(0, r#"{"appStage":"Failed","messageId":3,"pid":7,"exitCode":0}"#)]);
    assert_eq!(following(&contradiction).state(at(1)), State::EndedWithoutCode { heard: at(0) });
}

#[test]
fn messages_that_were_not_heard_are_counted() {
    let mut told = story(&mut writer(Format::Current));
    assert_eq!(following(&told).migrators(at(60))[0].missing, 0);
    told.remove(1);
    told.remove(1);
    assert_eq!(following(&told).migrators(at(60))[0].missing, 2);
}

#[test]
fn two_processes_of_the_same_number_are_told_apart() {
    let first = [
        (0, r#"{"appStage":"Started","messageId":1,"pid":1}"#),
        (1, r#"{"appStage":"Connected","messageId":2,"pid":1}"#),
        (5, r#"{"appStage":"Failed","messageId":3,"pid":1}"#),
    ];
    let second =
        [(600, r#"{"appStage":"Started","messageId":1,"pid":1}"#), (601, r#"{"appStage":"Connected","messageId":2,"pid":1}"#)];
    let both = nameless(&[&first[..], &second[..]].concat());
    let migrators = following(&both).migrators(at(700));
    let states: Vec<_> = migrators.iter().map(|one| (one.sender.clone(), &one.state)).collect();
    let nth = |nth| Sender::Process { pid: ProcessId(1), nth };
    let reached = Reached { stage: Some(AppStage::Connected), migration: None };
    assert_eq!(
        states,
        [(nth(1), &State::EndedWithoutCode { heard: at(5) }), (nth(2), &State::Running { reached, heard: at(601) })]
    );
}

#[test]
fn a_message_that_was_sent_again_makes_no_second_process() {
    let told = nameless(&[
        (0, r#"{"appStage":"Started","messageId":1,"pid":1}"#),
        (9, r#"{"appStage":"Started","messageId":1,"pid":1}"#),
        (10, r#"{"appStage":"Connected","messageId":2,"pid":1}"#),
        (10, r#"{"appStage":"Started","messageId":1,"pid":1}"#),
    ]);
    assert_eq!(following(&told).migrators(at(11)).len(), 1);
}

/// Messages of several migrators and strangers, in the order of sending.
fn mixture() -> impl Strategy<Value = Vec<Heard>> {
    let named = (1_u64..4, 0_usize..7, proptest::option::of(0_i64..6)).prop_map(|(pid, length, status)| {
        let mut writer = Writer::new(migrator(pid), Format::Current, Some(BEAT));
        let mut told = story(&mut writer);
        told.truncate(length);
        let end = status.and_then(|status| writer.end(ExitStatus::of(status), at(90)));
        told.extend(end.map(|signal| Heard { at: at(90), signal }));
        told
    });
    let text = prop_oneof![
        (1_u64..9, 1_u64..3, 0_usize..5).prop_map(|(number, pid, stage)| {
            let stage = ["Started", "Connected", "Migrating", "Finished", "Failed"][stage];
            format!(r#"{{"appStage":"{stage}","messageId":{number},"pid":{pid}}}"#)
        }),
        (1_u64..3, 0_usize..4).prop_map(|(pid, end)| {
            let (code, status) = [("(null)", "0/0"), ("exited", "0"), ("exited", "2"), ("killed", "9/KILL")][end];
            format!(r#"{{"start_time":"a","stop_time":"b","pid":"{pid}","code":"{code}","status":"{status}"}}"#)
        }),
        "[a-c]{0,2}",
    ];
    let other = (0_i64..100, text).prop_map(|(seconds, text)| Heard { at: at(seconds), signal: Signal::decode(&text) });
    (proptest::collection::vec(named, 0..3), proptest::collection::vec(other, 0..12))
        .prop_map(|(named, other)| named.into_iter().flatten().chain(other).collect())
}

proptest! {
    #[test]
    fn neither_order_nor_repetition_matters(
        (sent, delivered) in mixture().prop_flat_map(|sent| {
            let again = proptest::collection::vec(0..sent.len().max(1), 0..8);
            let delivered = again.prop_flat_map({
                let sent = sent.clone();
                move |again| {
                    let twice = again.into_iter().filter_map(|index| sent.get(index).cloned());
                    Just(sent.iter().cloned().chain(twice).collect::<Vec<_>>()).prop_shuffle()
                }
            });
            (Just(sent), delivered)
        }),
        seconds in 0_i64..2_000,
    ) {
        let (one, other) = (following(&sent), following(&delivered));
        prop_assert_eq!(one.migrators(at(seconds)), other.migrators(at(seconds)));
        prop_assert_eq!(one.state(at(seconds)), other.state(at(seconds)));
        prop_assert_eq!(one.version(at(seconds)), other.version(at(seconds)));
        prop_assert_eq!(one.unknown().collect::<Vec<_>>(), other.unknown().collect::<Vec<_>>());
    }

    #[test]
    fn a_migrator_that_ended_stays_ended_whatever_is_heard_late(order in Just((0..7).collect::<Vec<usize>>()).prop_shuffle(), heard in 1_usize..8) {
        let mut writer = writer(Format::Current);
        let mut told = story(&mut writer);
        told.push(Heard { at: at(60), signal: writer.end(ExitStatus::MigrationFailed, at(60)).unwrap() });
        let some: Vec<&Heard> = order.iter().take(heard).map(|index| &told[*index]).collect();
        let state = following(some.iter().copied()).state_of(&migrator(5046), at(61));
        let has_end = order[..heard].contains(&6);
        prop_assert_eq!(matches!(state, State::Ended { status: ExitStatus::MigrationFailed, .. }), has_end);
    }

    #[test]
    fn every_signal_is_read_as_it_was_written(text in ".{0,40}", sent in mixture()) {
        prop_assert_eq!(Signal::decode(&text).encode(), text);
        for heard in sent {
            prop_assert_eq!(Signal::decode(&heard.signal.encode()), heard.signal);
        }
    }

    #[test]
    fn a_clock_that_goes_ahead_kills_nobody(ahead in 0_i64..10_000) {
        let told = story(&mut writer(Format::Current));
        let now = at(50).checked_sub(SignedDuration::from_secs(ahead)).unwrap();
        let alive = matches!(following(&told).state(now), State::Running { .. });
        prop_assert!(alive);
    }
}
