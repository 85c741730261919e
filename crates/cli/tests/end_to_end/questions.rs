//! What migrators and diagnoses ask at a terminal, and what comes of each answer.

use crate::ailing::{BOTH, QUEUE as AILING, ended_with, left_in_queue, messages as left_by_others};
use crate::look::rows;
use crate::migrated::to_migrate;
use crate::migrator::{QUEUE, await_sleep, messages, site};
use crate::play::{Played, exit};
use crate::terminal::{COLUMNS, CTRL_C, CTRL_D, Seat};
use crate::world::World;

const PRODUCTION: [&str; 6] = ["migrate", "run", "--database", "production/app", "--location", "sql"];
const QUESTION: &str = "`production/app` is production. Change it? [y/N]";

/// A migrator of production that tells the local queue of itself, when it has asked.
fn asking(world: &World) -> Seat {
    let queue = format!("local:{QUEUE}");
    let seat = Seat::take(world, &[&PRODUCTION[..], &["--signals", &queue]].concat());
    seat.shows(QUESTION, 1);
    seat
}

/// Expects the last line, and the exit status in the last message.
#[track_caller]
fn told(world: &World, played: &Played, status: u8) {
    let line = format!("Migrator completed with exit status {status}");
    assert_eq!(played.out.lines().last(), Some(line.as_str()), "{played}");
    assert_eq!(messages(world).pop().unwrap()["exitCode"], status, "{played}");
}

fn is_untouched(world: &World) -> bool {
    rows(&world.production, "select to_regclass('orders') is null") == ["t"]
}

#[test]
fn production_is_changed_by_whoever_answers_yes_and_by_no_other_answer() {
    let world = site();
    for answer in ["n\n", "\n", "sure\n", CTRL_D] {
        let mut seat = asking(&world);
        seat.types(answer);
        let played = seat.ends(1).says("nobody agreed to change `production/app`; nothing was touched");
        told(&world, &played, 1);
        assert!(played.out.lines().any(|line| line.starts_with("error[R0408]")), "it stands behind the question\n{played}");
    }
    assert!(is_untouched(&world));
    let mut seat = asking(&world);
    seat.types("y\n");
    told(&world, &seat.ends(0), 0);
    assert!(!is_untouched(&world));
}

#[test]
fn ctrl_c_at_the_question_ends_a_migrator_at_once_and_the_queue_is_told() {
    let world = site();
    let mut seat = asking(&world);
    seat.types(CTRL_C);
    told(&world, &seat.ends(4), 4);
    assert!(is_untouched(&world));
}

#[test]
fn what_is_told_after_ctrl_c_begins_on_a_line_of_its_own() {
    let world = site();
    world.write("sql/V2__long.sql", "select pg_sleep(60);\n");
    let mut seat = Seat::take(&world, &["migrate", "run", "--database", "preprod/app", "--location", "sql"]);
    await_sleep(&world);
    seat.types(CTRL_C);
    let played = seat.ends(4);
    assert!(played.out.lines().any(|line| line.starts_with("error[R0404]")), "{played}");
}

#[test]
fn an_undo_and_a_baseline_to_which_nobody_agreed_are_no_success() {
    let world = site();
    for command in ["undo", "baseline"] {
        let mut seat = Seat::take(&world, &["migrate", command, "--database", "production/app", "--location", "sql"]);
        seat.shows(QUESTION, 1);
        seat.types("n\n");
        seat.ends(1).says("nobody agreed to change `production/app`");
    }
}

#[test]
fn each_fix_is_asked_about_and_made_only_by_whoever_answers_yes() {
    let world = to_migrate();
    ended_with(&world, 2);
    world.in_preprod("insert into flyway_schema_history values (4, '4', 'rooms', 'SQL', 'V4__rooms.sql', 7, 'x', now(), 1, false)");
    let mut seat = Seat::take(&world, &[&["diagnose"][..], &BOTH, &["--fix"]].concat());
    seat.shows("Shall I", 1);
    seat.types("y\n");
    seat.shows("Shall I", 2);
    seat.types("n\n");
    let played = seat.ends(exit::UNDONE).tells("Shall I delete all messages").tells("Shall I repair the history").tells("Done: ");
    assert_eq!(played.out.matches("Done: ").count(), 1, "{played}");
    let failed = rows(&world.preprod, "select count(*) from flyway_schema_history where not success");
    assert!((left_in_queue(&world) == 0) != (failed == ["0"]), "one of both was done\n{played}");
}

#[test]
fn ctrl_c_at_the_question_of_a_fix_leaves_everything_as_it_is() {
    let world = to_migrate();
    ended_with(&world, 0);
    for keys in [CTRL_C, CTRL_D] {
        let mut seat = Seat::take(&world, &[&["diagnose"][..], &AILING, &["--fix"]].concat());
        seat.shows("Shall I", 1);
        seat.types(keys);
        seat.ends(if keys == CTRL_C { exit::CANCELLED } else { exit::UNDONE });
        assert_eq!(left_in_queue(&world), 3);
    }
    world.restage(&["diagnose", "--history"]).ends(exit::DONE).tells("Nothing was fixed yet");
}

/// Lines that a terminal would break somewhere in a word; commands are there to be copied as they are.
fn too_wide(played: &Played) -> Vec<&str> {
    let lines = played.out.lines().filter(|line| line.chars().count() > COLUMNS);
    lines.filter(|line| !line.trim_start().trim_start_matches("next").trim_start().starts_with("restage ")).collect()
}

#[test]
fn at_a_terminal_no_word_is_cut_by_its_edge() {
    let world = site();
    for number in 2..6 {
        world.write(&format!("sql/V{number}__a_description_that_is_rather_long.sql"), "select 1;\n");
    }
    let words = ["migrate", "validate", "--database", "preprod/app", "--location", "sql"];
    let played = Seat::take(&world, &words).ends(2).tells("`V2__a_description_that_is_rather_long.sql`) was not applied");
    assert_eq!(too_wide(&played), [""; 0], "{played}");
    let words = ["migrate", "run", "--database", "preprod/app", "--location", "sql"];
    let played = Seat::take(&world, &words).ends(0).tells("to apply: V1__orders.sql, V2__a_description");
    assert_eq!(too_wide(&played), [""; 0], "{played}");
    let world = to_migrate();
    ended_with(&world, 3);
    let mut seat = Seat::take(&world, &[&["diagnose"][..], &BOTH, &["--fix"]].concat());
    seat.shows("[y/N]", 1);
    seat.types("n\n");
    let played = seat.ends(exit::UNDONE);
    assert_eq!(too_wide(&played), [""; 0], "{played}");
}

#[test]
fn a_terminal_is_shown_nothing_that_it_would_obey() {
    let world = to_migrate();
    let text = "\u{1b}]0;pwned\u{7}\u{1b}[2Jdone";
    left_by_others(&world, 0, &[text]);
    let mut seat = Seat::take(&world, &[&["diagnose"][..], &AILING, &["--fix", "--purge-anyway"]].concat());
    seat.shows("Shall I", 1);
    seat.types("n\n");
    seat.ends(exit::UNDONE).tells("in no known format").tells("pwned").keeps_quiet_of("\u{1b}]").keeps_quiet_of("\u{7}");
}
