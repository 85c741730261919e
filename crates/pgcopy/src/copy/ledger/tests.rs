//! The ledger's own logic, without a server.

use super::super::statements::{Failure, Statement};
use super::*;
use restage_core::provider::TableFilled;

fn name(text: &str) -> TableName {
    TableName::parse(text).unwrap()
}

fn with_rows(table: &str) -> Done {
    let filled =
        TableFilled { rows_read: 7, rows_written: 7, rows_found: None, bytes: 70, seconds: 0.5, masked: vec![], checksum: None };
    Done { tables: [(name(table), filled)].into(), ..Done::default() }
}

fn ledger(finished: &[(&str, &str, Done)]) -> Ledger {
    let snapshot = Snapshot {
        name: "00000003-0000001B-1".into(),
        taken_at: "2026-01-02T03:04:05Z".parse().unwrap(),
        source: restage_core::facts::Identity { system: "7".into(), oid: 5 },
        visible: "10:20:10,14".into(),
    };
    let line = |(name, digest, done): &(&str, &str, Done)| {
        ((*name).to_owned(), Finished { digest: (*digest).to_owned(), done: done.clone() })
    };
    let finished = finished.iter().map(line).collect();
    Ledger(Some(Book { header: Header::new(&snapshot, "basis".into(), Sizes::default()), finished }))
}

fn statement(doing: &str) -> Statement {
    Statement { doing: doing.into(), sql: String::new(), failure: Failure::Noted }
}

#[test]
fn without_a_ledger_nothing_is_written_and_nothing_was_done() {
    let none = Ledger::default();
    assert_eq!((none.line("task 1", "", &Done::default()), none.end(), none.is_about("basis")), (String::new(), None, false));
    assert!(none.done("task 1").is_none() && none.told(&[]).is_none());
}

#[test]
fn statements_are_done_only_as_the_ones_they_were() {
    let sent = [statement("grant a"), statement("grant b")];
    let recording = |ledger| Recording::In(ledger, "grants".into());
    let empty = ledger(&[]);
    let line = recording(&empty).batch(3, &sent).line(Some("it's noted"));
    assert!(line.contains("'grants, batch 3'") && line.contains("it''s noted") && line.ends_with(';'), "{line}");
    let digest = line.split('\'').nth(3).unwrap();
    let noted = Done { notes: vec!["noted".into()], ..Done::default() };
    let after = ledger(&[("grants, batch 3", digest, noted)]);
    assert_eq!(recording(&after).batch(3, &sent).notes(), Some(&["noted".to_owned()][..]));
    assert_eq!(recording(&after).batch(2, &sent).notes(), None);
    assert_eq!(recording(&after).batch(3, &sent[..1]).notes(), None);
    assert_eq!(recording(&after).batch(3, &[statement("grant a"), statement("grant c")]).notes(), None);
    assert_eq!(Recording::Nowhere.batch(3, &sent).line(None), "");
}

#[test]
fn one_statement_of_a_batch_is_told_from_the_others() {
    let (ledger, sent) = (ledger(&[]), [statement("x"), statement("x")]);
    let batch = Recording::In(&ledger, "owners".into()).batch(0, &sent);
    let lines = [0, 1].map(|nth| batch.statement(nth, &sent[nth]).line(None));
    assert!(lines[0].contains("'owners, batch 0, statement 0'") && lines[0] != lines[1], "{lines:?}");
}

#[test]
fn tables_are_told_as_there_when_all_of_their_parts_are() {
    let table = |text: &str, parts: Vec<Part>| TableCopy {
        name: name(text),
        columns: vec![],
        masks: BTreeMap::new(),
        format: crate::mask::Format::Text,
        rows: super::super::table::Rows::All,
        parts,
        bytes: 0,
        of_extension: false,
    };
    let halves = vec![Part::Pages { from: 0, to: Some(5) }, Part::Pages { from: 5, to: None }];
    let tables = [table("whole", vec![Part::Whole]), table("split", halves), table("other", vec![Part::Whole])];
    let half = ledger(&[("task 0", "", with_rows("whole")), ("task 1", "", with_rows("split"))]);
    let told = half.told(&tables).unwrap();
    assert!(told.contains("2026-01-02T03:04:05Z, with the rows of 1 of 3 tables") && told.contains("parts of split"), "{told}");
    let both = ledger(&[("task 1", "", with_rows("split")), ("task 2", "", with_rows("split"))]);
    assert!(both.told(&tables).unwrap().contains("of 1 of 3 tables"));
}

#[test]
fn whatever_the_steps_follow_from_changes_the_digest() {
    let (one, other) = (BTreeMap::from([("a", 1)]), BTreeMap::from([("a", 2)]));
    assert_eq!(digest(&(&one, "x")), digest(&(&one.clone(), "x")));
    assert_ne!(digest(&(&one, "x")), digest(&(&other, "x")));
    assert_ne!(digest(&("ab", "c")), digest(&("a", "bc")));
}

#[test]
fn a_header_is_read_as_it_was_written() {
    let header = ledger(&[]).0.unwrap().header;
    let mut sizes = Sizes::default();
    sizes.estimates.insert(name("\"odd name\".t"), restage_core::facts::TableEstimate::default());
    let header = Header { sizes, ..header };
    assert_eq!(serde_json::from_str::<Header>(&serde_json::to_string(&header).unwrap()).unwrap(), header);
}
