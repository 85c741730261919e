//! Every way in which preprod drifts away from production, one by one. None may lose a user, attach a role to the wrong
//! person, or say success wrongly.

use crate::look::{Both, nothing_is_at_work, rows};
use crate::people::{SCENARIO, add_testers, people, rights, rights_of_both};
use crate::play::exit;
use crate::world::{APP, World};

/// Refreshes and expects that everybody has exactly the rights they had on either end.
#[track_caller]
fn refreshes_right(world: &World) {
    let (before, wanted) = (Both::of(world), rights_of_both(world));
    world.restage(&["run", "people", "--yes"]).ends(exit::DONE).says("refreshed");
    assert_eq!(rights(&world.preprod), wanted);
    before.production_is_as_before(world);
    nothing_is_at_work(world);
    world.restage(&["undo"]).ends(exit::DONE);
    before.nothing_was_touched(world);
    world.restage(&["run", "people", "--yes"]).ends(exit::DONE);
    world.restage(&["retire", "last", "--now"]).ends(exit::DONE);
}

/// Expects that the plan is refused with a code and these words, that so is the run, and that nothing was touched.
#[track_caller]
fn is_refused(world: &World, code: &str, words: &[&str]) {
    let before = Both::of(world);
    for command in [&["plan", "people"][..], &["run", "people", "--yes"]] {
        let refused = world.restage(command).ends(exit::REFUSED).fails_with(code).says("nothing was touched");
        words.iter().fold(refused, |refused, word| refused.says(word));
    }
    before.nothing_was_touched(world);
}

#[test]
fn an_extra_view_on_a_table_of_production_comes_back_with_its_grants() {
    let world = people();
    add_testers(&world);
    world.in_preprod(
        "create view who as select username, role from users join user_roles on user_id = users.id;
         create view administrators as select username from who where role = 'administrator';
         grant select on who to public; comment on view who is 'preprod only'",
    );
    world.restage(&["plan", "people"]).ends(exit::DONE).says("view `who`").says("view `administrators`");
    refreshes_right(&world);
    assert_eq!(rows(&world.preprod, "select * from administrators"), ["tester"]);
    assert_eq!(
        rows(&world.preprod, "select has_table_privilege('preprod_owner', 'who', 'select'), obj_description('who'::regclass)"),
        ["t|preprod only"]
    );
}

#[test]
fn row_security_and_the_owner_of_public_stay_as_they_are_on_the_target() {
    let world = people();
    add_testers(&world);
    world
        .preprod
        .psql("postgres", "create role keeper; grant keeper to preprod_owner; alter role preprod_owner bypassrls")
        .unwrap();
    world.preprod.psql(APP, "grant create on database app to keeper; alter schema public owner to keeper; grant all on schema public to preprod_owner").unwrap();
    world.in_preprod(
        "create policy few on bookings using (id < 5); alter table bookings enable row level security;
         alter table accounts enable row level security, force row level security; grant select on bookings to keeper",
    );
    let seen = "select (select string_agg(concat_ws(' ', relname, relrowsecurity, relforcerowsecurity), ', ' order by relname)
        from pg_class where relname in ('accounts', 'bookings', 'users')), pg_get_userbyid(nspowner), (select string_agg(polname, ',') from pg_policy)
        from pg_namespace where nspname = 'public'";
    let before = rows(&world.preprod, seen);
    assert_eq!(before, ["accounts t t, bookings t f, users f f|keeper|few"]);
    let plan = world.restage(&["plan", "people", "--output", "json"]).ends(exit::DONE);
    plan.says("\"row-security\"").keeps_quiet_of("schema `public`");
    refreshes_right(&world);
    assert_eq!(rows(&world.preprod, seen), before);
}

#[test]
fn an_extra_table_with_a_foreign_key_to_users_comes_back_with_its_rows() {
    let world = people();
    add_testers(&world);
    world.in_preprod(
        "create table scenarios (id serial primary key, owner uuid not null references users on delete cascade, title text unique);
         create table runs (id bigint generated always as identity primary key, scenario int references scenarios, at timestamptz);
         create index on runs (at); create table notes_of_users (user_id uuid primary key references users, note text);
         insert into scenarios (owner, title) values (md5('tester')::uuid, 'one'), (md5('user 1')::uuid, 'two');
         insert into runs (scenario, at) values (1, '2024-01-01'), (2, '2024-01-02');
         insert into notes_of_users values (md5('tester')::uuid, 'line 1' || chr(10) || 'line 2')",
    );
    let query = "select s.*, u.username, r.* from scenarios s join users u on u.id = owner join runs r on r.scenario = s.id";
    let before = rows(&world.preprod, query);
    assert_eq!(before.len(), 2);
    refreshes_right(&world);
    assert_eq!(rows(&world.preprod, query), before);
    assert_eq!(rows(&world.preprod, "select u.username from notes_of_users join users u on u.id = user_id"), ["tester"]);
    world.in_preprod(
        "insert into scenarios (owner, title) select owner, 'three' from scenarios limit 1; insert into runs (scenario) values (3)",
    );
    let cascade = world
        .preprod
        .psql(APP, "begin; delete from runs; delete from user_roles; delete from users where username = 'tester'; rollback");
    assert!(cascade.unwrap_err().to_string().contains("notes_of_users"), "the foreign key without a cascade is gone");
}

#[test]
fn rows_of_an_extra_table_that_refer_to_a_user_who_will_be_gone_are_refused_in_the_plan() {
    let world = people();
    add_testers(&world);
    world.in_preprod(
        "create table scenarios (id serial primary key, owner uuid not null constraint owners references users);
         insert into scenarios (owner) values (md5('tester')::uuid)",
    );
    world.scenario(
        "people",
        &SCENARIO
            .lines()
            .filter(|line| !line.contains("users") && !line.contains("user_roles"))
            .fold(String::new(), |text, line| text + line + "\n"),
    );
    is_refused(&world, "R0211", &["scenarios", "owners", "users"]);
}

#[test]
fn a_table_that_only_production_has_is_new_in_preprod() {
    let world = people();
    add_testers(&world);
    world.in_production(
        "create table premises (id serial primary key, manager uuid references users); insert into premises (manager) select id from users;
         alter table bookings add column premises int references premises",
    );
    world.restage(&["plan", "people"]).ends(exit::DONE);
    refreshes_right(&world);
    assert_eq!(rows(&world.preprod, "select count(*) from premises join users on users.id = manager"), ["5"]);
    world.in_preprod("insert into premises (manager) values (null)");
}

#[test]
fn an_extra_column_on_users_keeps_its_values_and_production_gets_the_default() {
    let world = people();
    add_testers(&world);
    world.in_preprod(
        "alter table users add column persona text not null default 'none', add column number int generated by default as identity;
         update users set persona = 'a tester' where username = 'tester'",
    );
    refreshes_right(&world);
    let personas = "select username, persona from users where username in ('tester', 'user.1')";
    assert_eq!(rows(&world.preprod, personas), ["tester|a tester", "user.1|none"]);
}

#[test]
fn an_extra_column_that_production_s_rows_cannot_have_is_refused_in_the_plan() {
    let world = people();
    world.in_preprod(
        "alter table users add column badge text; update users set badge = username; alter table users alter badge set not null",
    );
    is_refused(&world, "R0211", &["badge", "NOT NULL"]);
}

#[test]
fn the_same_uuid_for_another_person_is_refused_or_renumbered_and_roles_follow_the_person() {
    let world = people();
    // In production this id is user.9; preprod gave it to its tester.
    world.in_production(
        "insert into users values (md5('same')::uuid, 'user.9', 'nine@example.com');
         insert into user_roles values (md5('nine')::uuid, md5('same')::uuid, 'reader')",
    );
    world.in_preprod(
        "insert into users values (md5('same')::uuid, 'tester', 'tester@preprod.example.com');
         insert into user_roles values (md5('tester role')::uuid, md5('same')::uuid, 'administrator');
         create table desks (holder uuid references users); insert into desks values (md5('same')::uuid)",
    );
    let id = world.preprod.psql(APP, "select md5('same')::uuid").unwrap();
    world.scenario(
        "people",
        &SCENARIO.replace(
            "match: [username], on-conflict: keep-target, on-collision: renumber",
            "match: [username], on-conflict: keep-target",
        ),
    );
    is_refused(&world, "R0209", &["users", &id]);
    world.scenario(
        "people",
        &SCENARIO.replace("- { table: users, match: [username], on-conflict: keep-target, on-collision: renumber }", "- users"),
    );
    is_refused(&world, "R0209", &["users", &id]);

    world.scenario("people", SCENARIO);
    refreshes_right(&world);
    assert_eq!(rows(&world.preprod, "select username from users where id = md5('same')::uuid"), ["user.9"]);
    assert_eq!(rows(&world.preprod, "select username from desks join users on users.id = holder"), ["tester"]);
}

#[test]
fn the_same_number_for_another_account_is_refused_or_renumbered_and_roles_follow_the_account() {
    let world = people();
    world.in_production("insert into accounts values (6, 'account.6'); insert into account_roles values (6, 'reader')");
    world.in_preprod("insert into accounts values (6, 'tester'), (7, 'other'); insert into account_roles values (6, 'administrator'), (7, 'owner')");
    world.scenario(
        "people",
        &SCENARIO.replace(
            "match: [login], on-conflict: keep-target, on-collision: renumber",
            "match: [login], on-conflict: keep-target",
        ),
    );
    is_refused(&world, "R0209", &["accounts", "6"]);

    world.scenario("people", SCENARIO);
    refreshes_right(&world);
    assert_eq!(rows(&world.preprod, "select login from accounts where id in (6, 7)"), ["account.6", "other"]);
    let fresh = world.in_preprod("insert into accounts (login) values ('next') returning id > (select max(id) from accounts)");
    assert_eq!(fresh, "t", "the sequence is behind the renumbered keys");
}

#[test]
fn the_same_person_with_other_content_is_refused_until_somebody_chooses() {
    let world = people();
    world.in_preprod("update users set email = 'changed@preprod.example.com' where username = 'user.2'");
    let with = |choice: &str| SCENARIO.replacen("on-conflict: keep-target", &format!("on-conflict: {choice}"), 1);
    world.scenario("people", &with("refuse"));
    let id = world.preprod.psql(APP, "select md5('user 2')::uuid").unwrap();
    is_refused(&world, "R0209", &["users", &id]);
    let email = "select email from users where username = 'user.2'";
    world.scenario("people", &with("keep-target"));
    refreshes_right(&world);
    assert_eq!(rows(&world.preprod, email), ["changed@preprod.example.com"]);
    world.scenario("people", &with("keep-source"));
    refreshes_right(&world);
    assert_eq!(rows(&world.preprod, email), ["user.2@example.com"]);
}

#[test]
fn a_kept_role_of_a_user_who_will_be_gone_is_refused_or_dropped_and_never_moved() {
    let world = people();
    add_testers(&world);
    let without_users = |on_missing: &str| {
        let text = SCENARIO
            .replace("        - { table: users, match: [username], on-conflict: keep-target, on-collision: renumber }\n", "");
        text.replace("table: user_roles,", &format!("table: user_roles, on-missing: {on_missing},"))
    };
    world.scenario("people", &without_users("refuse"));
    is_refused(&world, "R0210", &["user_roles", "users"]);
    world.scenario("people", &without_users("drop"));
    world.restage(&["run", "people", "--yes"]).ends(exit::DONE);
    let mut wanted = rights_of_both(&world);
    wanted.retain(|right| !right.starts_with("user tester"));
    assert_eq!(rights(&world.preprod), wanted);
    let kept = &world.restage(&["show", "--output", "json"]).json()["kept"]["tables"];
    assert_eq!(kept.as_object().unwrap().iter().find(|(name, _)| name.ends_with("user_roles")).unwrap().1["dropped"], 1);
}

#[test]
fn as_many_migrations_but_different_ones_are_refused_by_name() {
    let world = people();
    let another =
        "insert into flyway_schema_history values (4, '4', 'another', 'SQL', 'V4__another.sql', 4001, 'x', now(), 1, true)";
    world.in_production(another);
    world.in_preprod(&another.replace("'4'", "'4.1'").replace("V4__another", "V4_1__other"));
    is_refused(&world, "R0205", &["that only production has: `4`", "that only the target has: `4.1`"]);
    world.in_preprod(&format!("delete from flyway_schema_history where installed_rank = 4; {}", another.replace("4001", "4002")));
    is_refused(&world, "R0205", &["other content", "`4`"]);
}

#[test]
fn what_only_preprod_has_can_be_given_up_or_forbidden() {
    let world = people();
    world.in_preprod("create view who as select username from users; create table own (id int primary key)");
    let with = |deltas: &str| SCENARIO.replace("      swap:", &format!("      deltas: {deltas}\n      swap:"));
    world.scenario("people", &with("refuse"));
    is_refused(&world, "R0211", &["table `own`", "view `who`"]);
    world.scenario("people", &with("drop"));
    world.restage(&["plan", "people"]).ends(exit::DONE).says("will lose: table `own`, view `who`");
    refreshes_right(&world);
    assert_eq!(rows(&world.preprod, "select to_regclass('who'), to_regclass('own')"), ["|"]);
}
