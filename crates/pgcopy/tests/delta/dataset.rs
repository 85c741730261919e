//! The made-up application with its drifted preprod, as ordinary roles see it.

use crate::world::{Keep, World, endpoint, keep, name};
use restage_core::provider::{Deltas, Kept};
use restage_core::schema::TableName;
use restage_lab::dataset::{self, PREPROD_OWNER, PRODUCTION_OWNER, PRODUCTION_READER, Scale};
use restage_lab::{Config, Installation, Major, TcpAuth};
use restage_pgcopy::connect::{self, Endpoint};
use restage_pgcopy::delta::{self, Restoration};
use restage_pgcopy::keep::{self as engine, Follow};
use restage_pgcopy::stop::Stop;
use restage_pgcopy::verify::{self, Shortcomings};
use std::collections::BTreeSet;

fn drifted(major: Major) -> World {
    let config = Config { tcp_auth: TcpAuth::Trust, ..Config::of(Installation::find(major).unwrap()) };
    let cluster = config.start().unwrap();
    dataset::production(&cluster, "production", Scale::TINY).unwrap();
    dataset::preprod(&cluster, "preprod", Scale::TINY).unwrap();
    let (theirs, ours) = (PRODUCTION_OWNER.user, PREPROD_OWNER.user);
    cluster.psql("postgres", &format!("CREATE DATABASE shadow TEMPLATE production OWNER {ours}")).unwrap();
    cluster.psql("shadow", &format!("REASSIGN OWNED BY {theirs} TO {ours}")).unwrap();
    World { cluster }
}

fn as_role(world: &World, database: &str, user: &str) -> Endpoint {
    Endpoint { user: user.into(), ..endpoint(&world.cluster, database) }
}

fn kept() -> Vec<Keep> {
    vec![
        keep("users").target_wins(),
        keep("user_role_assignments"),
        keep("user_qualification_assignments"),
        keep("accounts").matched(&["login"]).renumber(),
        keep("account_role_assignments"),
    ]
}

async fn restored(world: &World, keeps: &[Keep]) -> (Deltas, Kept) {
    let (deltas, schema, archive) = (world.deltas().await, world.schema("preprod").await, world.archive("preprod").await);
    let tables = world.joined(keeps, &deltas, Follow::Referring).await;
    let names: BTreeSet<TableName> = tables.iter().map(|table| table.plan.table.clone()).collect();
    let target = connect::source(&as_role(world, "preprod", PREPROD_OWNER.user)).await.unwrap();
    let shadow = connect::target(&as_role(world, "shadow", PREPROD_OWNER.user)).await.unwrap();
    let what = Restoration { archive: &archive, schema: &schema, deltas: &deltas, kept: &names };
    let restored = delta::restore(&target, &shadow, what, &Stop::never()).await.unwrap();
    let carried = engine::carry(&target, &shadow, &tables, &deltas, &Stop::never()).await.unwrap();
    let shadow = connect::source(&as_role(world, "shadow", PREPROD_OWNER.user)).await.unwrap();
    let verified = verify::whole(&shadow, &target, &tables, &Shortcomings::default(), &Stop::never()).await.unwrap();
    assert_eq!(verified.kept_rows, carried.tables.values().map(|table| table.found).sum::<u64>());
    (restored, carried)
}

const WHO: &str = "SELECT string_agg(username || ' ' || role, ',' ORDER BY username, role) FROM users u JOIN user_role_assignments r ON r.user_id = u.id WHERE username LIKE 'tester.%'";
const ACCOUNTS: &str = "SELECT string_agg(login || ' ' || email || ' ' || role || ' ' || granted_at, ',' ORDER BY login, role) FROM accounts a JOIN account_role_assignments r ON r.account_id = a.id WHERE login LIKE";

#[tokio::test]
async fn a_drifted_preprod_keeps_its_people_and_objects_with_the_rights_of_an_ordinary_owner() {
    for major in [Major::V14, Major::V15, Major::V18] {
        let world = drifted(major);
        let reader = connect::source(&as_role(&world, "production", PRODUCTION_READER.user)).await.unwrap();
        assert!(verify::shortcomings(reader.reader()).await.is_ok());
        let found = world.compare(&kept()).await.unwrap();
        let (users, accounts) = (&found[&name("users")].facts, &found[&name("accounts")].facts);
        assert_eq!((users.target_only, users.conflicts, users.found), (20, 2, users.same + 22), "{users:?}");
        assert_eq!((accounts.found, accounts.target_only, accounts.collisions), (15, 15, 10), "{accounts:?}");
        assert!(found.values().all(|table| table.facts.dangling.is_empty() && table.clashes.is_empty()), "{found:?}");
        assert!(world.dangling(&kept()).await.is_empty());

        let theirs = world.sql("production", &format!("{ACCOUNTS} 'account-%'"));
        let (deltas, carried) = restored(&world, &kept()).await;
        assert_eq!((deltas.restored.len(), deltas.rows.len()), (world.deltas().await.len(), 0));
        assert_eq!((carried.tables[&name("users")].added, carried.tables[&name("users")].kept_target), (20, 2));
        assert_eq!((carried.tables[&name("accounts")].renumbered, carried.tables[&name("test_scenarios")].added), (10, 50));

        for check in [
            WHO,
            &format!("{ACCOUNTS} 'preprod-%'"),
            "SELECT string_agg(t.id || title || steps || username, ',' ORDER BY t.id) FROM test_scenarios t JOIN users u ON u.id = owner_id",
            // Were the trigger not silent, the time of the change would be now.
            "SELECT string_agg(username || test_persona || updated_at, ',' ORDER BY username) FROM users WHERE username LIKE 'tester.%'",
            "SELECT string_agg(email, ',' ORDER BY username) FROM users WHERE id IN (md5('user 1')::uuid, md5('user 2')::uuid)",
            "SELECT string_agg(s::text, ',' ORDER BY username) FROM user_summary s WHERE username LIKE 'tester.%'",
            "SELECT obj_description('test_scenarios'::regclass)",
            "SELECT string_agg(a::text, ',' ORDER BY a::text) FROM pg_class, unnest(relacl) a WHERE oid IN ('test_scenarios'::regclass, 'user_summary'::regclass)",
            "SELECT attacl FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'test_persona'",
        ] {
            assert_eq!(world.shadow(check), world.sql("preprod", check), "{major}: {check}");
        }
        assert_eq!(world.shadow(&format!("{ACCOUNTS} 'account-%'")), theirs, "production's own are untouched");
        assert_eq!(
            world.shadow("INSERT INTO test_scenarios (owner_id, title) SELECT id, 'x' FROM users LIMIT 1 RETURNING id"),
            "51"
        );
        let once = world.cluster.dump("shadow").unwrap();
        restored(&world, &kept()).await;
        assert_eq!(world.cluster.dump("shadow").unwrap(), once, "bringing back again changed something");
    }
}
