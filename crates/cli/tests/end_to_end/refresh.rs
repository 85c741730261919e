//! The main job, on the demo's own scenario: refreshed, masked, with all that is preprod's own; undone; retired.

use crate::look::{Both, looks, made_by_runs, nothing_is_at_work, nothing_is_left, same};
use crate::play::exit;
use crate::truth::Truth;
use crate::world::{APP, World};
use serde_json::Value;

#[test]
fn a_refresh_masks_keeps_and_verifies_and_undo_brings_the_old_preprod_back() {
    let world = World::drifted();
    let (before, truth) = (Both::of(&world), Truth::of(&world));

    let ran = world.restage(&["run", "preprod", "--yes"]).ends(exit::DONE).says("refreshed");
    truth.holds_in(&world);
    before.production_is_as_before(&world);
    nothing_is_at_work(&world);
    assert_eq!(made_by_runs(&world).len(), 1, "the old database is kept for undo\n{ran}");
    world
        .restage(&["show"])
        .ends(exit::DONE)
        .says("kept rows")
        .says("brings the old database back until")
        .says("outage of the target");

    let report = world.restage(&["show", "--output", "json"]).ends(exit::DONE).json();
    report_is_complete(&world, &report);

    world.restage(&["undo"]).ends(exit::DONE).says("undone");
    before.nothing_was_touched(&world);
    world.restage(&["undo"]).ends(exit::USAGE).fails_with("R0408");
    world.restage(&["resume"]).ends(exit::USAGE).fails_with("R0408");
    let status = &world.restage(&["show", "--output", "json"]).json()["status"];
    assert_eq!(status, "undone");
}

/// Every number that people ask for is there, and is the number that the databases show.
#[track_caller]
fn report_is_complete(world: &World, report: &Value) {
    let at = |path: &str| report.pointer(path).unwrap_or_else(|| panic!("`{path}` is not in {report:#}"));
    let number = |path: &str| at(path).as_u64().unwrap_or_else(|| panic!("`{path}` is no number in {report:#}"));
    assert_eq!((at("/status"), at("/by"), at("/scenario")), (&"refreshed".into(), &"ada".into(), &"preprod".into()));
    for (table, rows) in report["tables"].as_object().unwrap() {
        let count = format!("select count(*) from only {table}");
        let wanted: u64 = world.production.psql(APP, &count).unwrap().parse().unwrap();
        let partitioned =
            world.production.psql(APP, &format!("select relkind from pg_class where oid = '{table}'::regclass")).unwrap() == "p";
        let read = rows["rows_read"].as_u64().unwrap();
        assert_eq!((read, &rows["rows_written"]), (wanted, &rows["rows_read"]), "{table}");
        assert!(partitioned || rows["bytes"].as_u64().is_some() && rows["seconds"].as_f64().is_some(), "{table}: {rows}");
    }
    let people = report["tables"].as_object().unwrap().iter().find(|(name, _)| name.ends_with("people")).unwrap().1;
    assert_eq!(people["masked"].as_array().unwrap().len(), 7);
    assert_eq!(number("/large_objects"), 5);
    let kept = at("/kept/tables").as_object().unwrap();
    let of = |table: &str| kept.iter().find(|(name, _)| name.ends_with(table)).unwrap_or_else(|| panic!("{table}: {kept:?}")).1;
    assert_eq!((&of("users")["added"], &of("users")["kept_target"]), (&20.into(), &2.into()), "{kept:#?}");
    assert_eq!((&of("accounts")["added"], &of("accounts")["renumbered"]), (&15.into(), &10.into()), "{kept:#?}");
    assert!(at("/deltas/restored").as_array().unwrap().len() >= 3, "{report:#}");
    assert_eq!(of("test_scenarios")["added"], 50, "rows that refer to kept ones come with them");
    assert!(number("/verified/tables") > 10 && number("/verified/rows") > 3_000 && number("/verified/constraints") > 10);
    assert!(number("/verified/sequences") > 3 && number("/verified/kept_rows") >= 20 + 15);
    assert!(at("/outage_seconds").as_f64().unwrap() > 0.0 && at("/data_of").is_string() && at("/undo_until").is_string());
    assert!(at("/steps").as_array().unwrap().iter().all(|step| step["seconds"].is_number()), "{report:#}");

    let identity = |cluster: &restage_lab::Cluster, database: &str| {
        let oid = cluster.psql("postgres", &format!("select oid from pg_database where datname = '{database}'")).unwrap();
        (cluster.system_identifier().unwrap().to_string(), oid)
    };
    let (system, oid) = identity(&world.production, APP);
    assert_eq!(at("/source"), &Value::from(format!("{system}/{oid}")));
    let old = &made_by_runs(world)[0];
    for (path, database) in [("/swapped/before", old.as_str()), ("/swapped/after", APP)] {
        let (system, oid) = identity(&world.preprod, database);
        assert_eq!((at(path)["system"].as_str().unwrap(), at(path)["oid"].to_string()), (system.as_str(), oid), "{path}");
    }
}

#[test]
fn what_is_for_programs_is_json() {
    let world = World::drifted();
    assert_eq!(world.restage(&["runs", "--output", "json"]).ends(exit::DONE).json(), Value::Array(vec![]));
    assert_eq!(world.restage(&["check", "--output", "json"]).ends(exit::DONE).json()["problems"], Value::Array(vec![]));
    let plan = world.restage(&["plan", "preprod", "--output", "json"]).ends(exit::DONE).json();
    let digest = plan["digest"].as_str().unwrap().to_owned();
    assert!(plan["plan"]["steps"].as_array().unwrap().len() > 5);

    let lines =
        world.restage(&["run", "preprod", "--yes", "--plan", &digest[..12], "--output", "json"]).ends(exit::DONE).json_lines();
    let (report, events) = lines.split_last().unwrap();
    assert_eq!((&report["status"], &report["plan"]), (&"refreshed".into(), &digest.as_str().into()));
    assert_eq!(events[0]["event"], "run-started");
    assert!(events.iter().all(|event| event["at"].is_string()));
    assert_eq!(&world.restage(&["show", "--output", "json"]).ends(exit::DONE).json(), report);
    let runs = world.restage(&["runs", "--output", "json"]).ends(exit::DONE).json();
    assert_eq!(runs[0]["run"], report["run"]);
    world.restage(&["logs", "--output", "json"]).ends(exit::DONE).json_lines();
    let run = report["run"].as_str().unwrap();
    let undone = world.restage(&["undo", &run[..4], "--output", "json"]).ends(exit::DONE).json_lines();
    assert_eq!(undone.last().unwrap()["status"], "undone");
    let refused = world.restage(&["undo", run, "--output", "json"]).ends(exit::USAGE).json();
    assert_eq!((&refused["exit"], &refused["errors"][0]["code"]), (&2.into(), &"R0408".into()));
    let unknown = world.restage(&["show", "zzzzzz", "--output", "json"]).ends(exit::USAGE).json();
    assert_eq!(unknown["errors"][0]["code"], "R0504");
}

#[test]
fn retiring_drops_the_old_database_and_with_it_the_way_back() {
    let world = World::drifted();
    let before = Both::of(&world);
    world.restage(&["run", "preprod", "--yes"]).ends(exit::DONE);
    let refreshed = looks(&world.preprod, APP);
    world.restage(&["retire"]).ends(exit::DONE).says("0 old databases");
    assert_eq!(made_by_runs(&world).len(), 1);
    world.restage(&["retire", "last", "--now"]).ends(exit::DONE).says("1 old database");
    nothing_is_left(&world);
    same("the refreshed preprod", &refreshed, &looks(&world.preprod, APP));
    world.restage(&["undo"]).ends(exit::REFUSED).fails_with("R0406");
    same("the refreshed preprod", &refreshed, &looks(&world.preprod, APP));
    before.production_is_as_before(&world);
}

#[test]
fn a_second_refresh_of_a_refreshed_preprod_changes_nothing_and_undoes_to_the_first() {
    let world = World::drifted();
    let truth = Truth::of(&world);
    world.restage(&["run", "preprod", "--yes"]).ends(exit::DONE);
    let first = looks(&world.preprod, APP);
    world.restage(&["run", "preprod", "--yes"]).ends(exit::DONE);
    truth.holds_in(&world);
    world.restage(&["undo"]).ends(exit::DONE);
    same("the first refresh", &first, &looks(&world.preprod, APP));
    assert_eq!(made_by_runs(&world).len(), 1);
}

#[test]
fn with_checksums_the_content_is_compared_too() {
    let world = World::drifted();
    let truth = Truth::of(&world);
    let text = crate::world::DEMO.replace("deltas: restore", "deltas: restore\n      verify: checksums");
    world.scenario("preprod", &text);
    world.restage(&["run", "preprod", "--yes"]).ends(exit::DONE);
    truth.holds_in(&world);
    let report = world.restage(&["show", "--output", "json"]).json();
    assert!(report["verified"]["checksums"].as_u64().unwrap() > 10, "{report:#}");
}
