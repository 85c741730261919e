use super::*;
use crate::archive::{EntryId, entry};
use crate::copy::keys::Keys;
use std::collections::{HashMap, HashSet};

fn name(text: &str) -> TableName {
    TableName::parse(text).unwrap()
}

fn table(text: &str, bytes: u64) -> TableWork {
    TableWork { name: name(text), bytes, index_bytes: bytes / 2, has_rows: true, parts: 1 }
}

fn making(id: u32, kind: &str, name: &str, needs: &[u32]) -> Entry {
    let mut entry = entry(id, kind, "public", name);
    entry.dependencies = needs.iter().copied().map(EntryId).collect();
    entry
}

/// A schedule of tables that are there already.
fn scheduled(
    tables: &[TableWork],
    entries: &[Entry],
    ids: &HashMap<EntryId, TableName>,
    parents: &BTreeMap<TableName, TableName>,
    large_object_bytes: Option<u64>,
) -> Schedule {
    let (structure, keys, tables, known_by_indexes) = (HashMap::new(), Keys::default(), tables.to_vec(), HashSet::new());
    Schedule::of(&Work {
        tables,
        structure: &structure,
        keys: &keys,
        entries,
        table_ids: ids,
        parents,
        known_by_indexes: &known_by_indexes,
        sequences: &[],
        large_object_bytes,
    })
}

fn word(task: &Task) -> String {
    match task {
        Task::Rows(Rows { structure, tables, entries, analyze }) => {
            let made: Vec<&str> = structure.iter().chain(entries).map(|entry| entry.name.as_str()).collect();
            format!("rows {tables:?} {made:?} {}", analyze.len())
        }
        Task::Part { table, part } => format!("part {part} of {table}"),
        Task::Make(entries) => entries.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>().join(" "),
        Task::Validate(key) => format!("validate {}", key.constraint),
        Task::Analyze(table) => format!("analyze {table}"),
        Task::Sequences(sequences) => format!("set {}", sequences.len()),
        Task::Count(tables) => format!("count {tables:?}"),
        Task::Refresh(view) => format!("refresh {view}"),
        Task::LargeObjects => "large objects".into(),
    }
}

/// Runs the schedule with so many workers that each finish in turn; returns the order of starting.
fn order(mut schedule: Schedule, workers: usize) -> Vec<Vec<String>> {
    let (mut rounds, mut running) = (vec![], vec![]);
    loop {
        let mut round = vec![];
        while running.len() < workers {
            match schedule.next() {
                Next::Task(at, task) => {
                    round.push(word(&task));
                    running.push(at);
                }
                Next::Wait => break,
                Next::Finished => {
                    assert!(running.is_empty());
                    return rounds;
                }
            }
        }
        if !round.is_empty() {
            rounds.push(round);
        }
        schedule.done(running.remove(0));
    }
}

#[test]
fn indexes_follow_their_rows_and_foreign_keys_both_tables() {
    let ids = HashMap::from([(EntryId(1), name("big")), (EntryId(2), name("other"))]);
    let entries = [
        making(3, "CONSTRAINT", "big_key", &[1]),
        making(4, "INDEX", "big_index", &[1]),
        making(5, "INDEX", "big_index_2", &[1]),
        making(6, "FK CONSTRAINT", "other_big", &[1, 2, 3]),
    ];
    let tables = vec![table("big", 100 << 20), table("other", 10 << 20)];
    let scheduled = || scheduled(&tables, &entries, &ids, &BTreeMap::new(), None);
    let order = order(scheduled(), 2);
    assert_eq!(order[0], ["rows [0] [] 0", "rows [1] [] 0"]);
    let all: Vec<&String> = order.iter().flatten().collect();
    let place = |word: &str| all.iter().position(|one| *one == word).unwrap();
    assert!(place("big_key") < place("big_index") && place("big_index_2") < place("other_big"), "{all:?}");
    assert!(place("analyze big") < place("big_key"), "{all:?}");
    assert_eq!(all.len(), 10, "{all:?}");
}

#[test]
fn what_many_keys_wait_for_comes_first_and_keys_follow_as_soon_as_they_can() {
    let ids: HashMap<EntryId, TableName> =
        (1..=200).map(|n| (EntryId(n), name(&format!("t{n}")))).chain([(EntryId(999), name("owners"))]).collect();
    let keys: Vec<Entry> = (1..=200).map(|n| making(1000 + n, "FK CONSTRAINT", &format!("k{n}"), &[n, 999])).collect();
    // The table that all refer to is the smallest, and the last of the list.
    let tables: Vec<TableWork> = (1..=200).map(|n| table(&format!("t{n}"), 1000)).chain([table("owners", 10)]).collect();
    let all = order(scheduled(&tables, &keys, &ids, &BTreeMap::new(), None), 2).concat();
    let place = |what: &str| all.iter().position(|one| one.contains(what)).unwrap();
    assert!(place("199, 200]") < place("rows [128"), "{all:?}");
    assert!(place("k1 k2") < place("rows [160"), "the first keys do not wait for the last rows: {all:?}");
}

#[test]
fn sequences_are_set_after_the_rows_and_keys_of_their_tables() {
    let ids = HashMap::from([(EntryId(1), name("big"))]);
    let sequences = [(name("big_id_seq"), [name("big")].into()), (name("free"), [].into())];
    let (structure, keys, known) = (HashMap::new(), Keys::default(), HashSet::new());
    let work = Work {
        tables: vec![table("big", 100 << 20)],
        structure: &structure,
        keys: &keys,
        entries: &[making(2, "CONSTRAINT", "big_key", &[1])],
        table_ids: &ids,
        parents: &BTreeMap::new(),
        known_by_indexes: &known,
        sequences: &sequences,
        large_object_bytes: None,
    };
    let all = order(Schedule::of(&work), 1).concat();
    assert_eq!(all, ["rows [0] [] 0", "analyze big", "big_key", "count [0]", "set 2"]);
}

#[test]
fn foreign_keys_to_one_table_are_validated_at_the_same_time() {
    let ids = HashMap::from([(EntryId(1), name("users")), (EntryId(2), name("a")), (EntryId(3), name("b"))]);
    let key = |id, of: u32, named: &str| {
        let mut key = making(id, "FK CONSTRAINT", named, &[1, of]);
        key.sql =
            format!("ALTER TABLE ONLY public.{}\n    ADD CONSTRAINT x FOREIGN KEY (u) REFERENCES public.users(id);\n", &named[..1]);
        key
    };
    let mut unchecked = key(6, 3, "b unchecked");
    unchecked.sql = unchecked.sql.replace(";\n", " NOT VALID;\n");
    let entries = [key(4, 2, "a a_users"), key(5, 3, "b b_users"), unchecked];
    let tables = vec![table("a", 100 << 20), table("b", 90 << 20), table("users", 80 << 20)];
    let scheduled = || scheduled(&tables, &entries, &ids, &BTreeMap::new(), None);
    let rounds = order(scheduled(), 2);
    let words = rounds.concat();
    let mut schedule = scheduled();
    let mut validating = Vec::new();
    while validating.len() < 2 {
        match schedule.next() {
            Next::Task(_, task) if matches!(*task, Task::Validate(_)) => validating.push(word(&task)),
            Next::Task(at, _) => schedule.done(at),
            Next::Wait | Next::Finished => panic!("{validating:?} {words:?}"),
        }
    }
    assert_eq!(words.iter().filter(|word| word.starts_with("validate")).count(), 2, "{words:?}");
    assert!(words.contains(&"b unchecked".to_owned()));
}

#[test]
fn small_tables_share_a_task_with_their_own_indexes() {
    let ids: HashMap<EntryId, TableName> = (1..=40).map(|n| (EntryId(n), name(&format!("t{n}")))).collect();
    let keys: Vec<Entry> = (1..=40).map(|n| making(100 + n, "CONSTRAINT", &format!("k{n}"), &[n])).collect();
    let tables: Vec<TableWork> = (1..=40).map(|n| table(&format!("t{n}"), 1000)).collect();
    let scheduled = || scheduled(&tables, &keys, &ids, &BTreeMap::new(), None);
    let order = order(scheduled(), 4);
    assert_eq!((order[0].len(), order[1].len(), order.len()), (2, 1, 2), "{order:?}");
    assert!(order[0][0].contains("\"k1\", \"k2\"") && order[1][0].starts_with("count [0, 1"));
}

#[test]
fn parts_of_a_table_are_copied_at_the_same_time_and_its_index_follows_the_last() {
    let ids = HashMap::from([(EntryId(1), name("giant"))]);
    let entries = [making(2, "INDEX", "index", &[1])];
    let tables = vec![TableWork { parts: 3, ..table("giant", 900 << 20) }, table("other", 100 << 20)];
    let scheduled = || scheduled(&tables, &entries, &ids, &BTreeMap::new(), None);
    let all: Vec<String> = order(scheduled(), 2).concat();
    let expected = [
        "part 0 of 0",
        "part 1 of 0",
        "part 2 of 0",
        "rows [1] [] 0",
        "analyze giant",
        "count [0]",
        "index",
        "analyze other",
        "count [1]",
    ];
    assert_eq!(all, expected);
}

#[test]
fn what_takes_no_time_is_not_kept_waiting_by_what_could_begin_before_it() {
    let lock = |lock| BTreeMap::from([(name("big"), lock)]);
    let mut schedule = Schedule::default();
    for nth in 1..=3 {
        let index = vec![making(nth, "INDEX", &format!("index {nth}"), &[])];
        schedule.add(Task::Make(index), 10, &BTreeSet::new(), lock(Lock::Share));
    }
    let key = vec![making(4, "CONSTRAINT", "key", &[])];
    schedule.add_at_once(Task::Make(key), &[0].into(), lock(Lock::AccessExclusive));
    schedule.weigh();
    assert_eq!(order(schedule, 2), [vec!["index 1", "index 2"], vec!["key"], vec!["index 3"]]);
}

#[test]
fn an_index_that_says_more_of_its_table_has_the_table_for_itself() {
    let ids = HashMap::from([(EntryId(1), name("big"))]);
    let mut clustered = making(2, "INDEX", "clustered", &[1]);
    clustered.sql += "\nALTER TABLE public.big CLUSTER ON clustered;\n";
    let (entries, tables) = ([clustered, making(3, "INDEX", "plain", &[1])], vec![table("big", 100 << 20)]);
    let rounds = order(scheduled(&tables, &entries, &ids, &BTreeMap::new(), None), 2);
    assert_eq!(rounds, [vec!["rows [0] [] 0"], vec!["analyze big", "count [0]"], vec!["plain"], vec!["clustered"]]);
}

#[test]
fn a_foreign_key_waits_for_every_partition() {
    let ids = HashMap::from([(EntryId(1), name("whole")), (EntryId(2), name("part")), (EntryId(3), name("other"))]);
    let parents = BTreeMap::from([(name("part"), name("whole"))]);
    let entries = [making(5, "FK CONSTRAINT", "key", &[1, 3])];
    let tables = vec![table("part", 100 << 20), table("other", 50 << 20)];
    let scheduled = || scheduled(&tables, &entries, &ids, &parents, Some(1));
    let all: Vec<String> = order(scheduled(), 1).concat();
    let expected =
        ["rows [0] [] 0", "rows [1] [] 0", "analyze whole", "analyze other", "key", "count [0]", "count [1]", "large objects"];
    assert_eq!(all, expected);
}
