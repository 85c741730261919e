//! What a refreshed preprod must show of the demo's data: production's rows masked, and all that was preprod's own.

use crate::look::{rows, same};
use crate::world::World;
use restage_lab::Cluster;
use std::collections::{BTreeMap, BTreeSet};

/// What preprod had of its own, and what production has, noted before the refresh.
pub(crate) struct Truth {
    rights: BTreeSet<String>,
    accounts: BTreeSet<String>,
    own: Vec<(&'static str, Vec<String>)>,
    untouched: Vec<(&'static str, Vec<String>)>,
}

/// Who has which roles and qualifications, by name: what attaches to a person must not depend on keys.
pub(crate) const RIGHTS: &str = "select u.username || ' ' || r.role from user_role_assignments r join users u on u.id = r.user_id
    union all select u.username || ' is qualified for ' || q.qualification
    from user_qualification_assignments q join users u on u.id = q.user_id";
/// The same of accounts, whose keys are numbers that both sides gave out.
const ACCOUNTS: &str = "select a.login || ' ' || a.email || ' ' || coalesce(r.role || ' ' || r.granted_at, 'nothing')
    from accounts a left join account_role_assignments r on r.account_id = a.id";

/// What must look the same in preprod before and after, each by a query.
const OWN: [(&str, &str); 9] = [
    ("testers", "select * from users where username like 'tester.%'"),
    ("changed users", "select * from users where email like '%@preprod.example.com'"),
    ("the table of its own", "select s.*, u.username from test_scenarios s join users u on u.id = s.owner_id"),
    ("the view of its own", "select * from user_summary where username like 'tester.%'"),
    ("structure of its own", "select table_name, column_name, column_default, is_nullable from information_schema.columns
        where table_name in ('test_scenarios', 'user_summary') or column_name = 'test_persona'
        union all select 'index', indexdef, '', '' from pg_indexes where tablename = 'test_scenarios'
        union all select 'key', conname, pg_get_constraintdef(oid), '' from pg_constraint where conrelid = 'test_scenarios'::regclass
        union all select 'comment', obj_description('test_scenarios'::regclass), '', ''"),
    ("grants on objects", "select c.oid::regclass, c.relowner::regrole, a.grantee::regrole, a.privilege_type, a.is_grantable
        from pg_class c cross join aclexplode(c.relacl) a where c.relnamespace::regnamespace::text in ('public', 'audit', 'reporting')"),
    ("grants on columns", "select attrelid::regclass, attname, a.grantee::regrole, a.privilege_type
        from pg_attribute cross join aclexplode(attacl) a where attrelid >= 16384"),
    ("grants on schemas and by default", "select nspname, nspowner::regrole, a.grantee::regrole, a.privilege_type
        from pg_namespace cross join aclexplode(nspacl) a where nspname in ('public', 'audit', 'reporting')
        union all select defaclobjtype::text || defaclnamespace::regnamespace, defaclrole::regrole, a.grantee::regrole, a.privilege_type
        from pg_default_acl cross join aclexplode(defaclacl) a"),
    ("the database itself", "select datdba::regrole, encoding, datcollate, datctype, datconnlimit, datallowconn, datacl
        from pg_database d where datname = current_database()
        union all select setrole::text::regrole, null, setting, null, null, null, null from pg_db_role_setting, unnest(setconfig) setting
        where setdatabase = (select oid from pg_database where datname = current_database())"),
];

/// What must be in preprod exactly as production has it.
const UNTOUCHED: [(&str, &str); 7] = [
    ("migrations", "select * from flyway_schema_history"),
    ("unmasked columns of people", "select id, reference, postcode, risk, created_at, updated_at from people"),
    ("bookings", "select * from bookings"),
    ("assessments", "select * from assessments"),
    ("events in their partitions", "select (select relname from pg_class where oid = event.tableoid), * from audit.events event"),
    ("documents with their content", "select id, name, lo_get(content), thumbnail from documents"),
    ("the materialized view", "select * from reporting.occupancy"),
];

impl Truth {
    /// Notes what both have.
    pub(crate) fn of(world: &World) -> Self {
        let both = |query| rows(&world.production, query).into_iter().chain(rows(&world.preprod, query)).collect();
        Self {
            rights: both(RIGHTS),
            accounts: both(ACCOUNTS),
            own: OWN.map(|(what, query)| (what, rows(&world.preprod, query))).into(),
            untouched: UNTOUCHED.map(|(what, query)| (what, rows(&world.production, query))).into(),
        }
    }

    /// Expects that preprod is refreshed and right.
    #[track_caller]
    pub(crate) fn holds_in(&self, world: &World) {
        let preprod = &world.preprod;
        assert_eq!(rows(preprod, RIGHTS).into_iter().collect::<BTreeSet<_>>(), self.rights);
        assert_eq!(rows(preprod, ACCOUNTS).into_iter().collect::<BTreeSet<_>>(), self.accounts);
        for ((what, before), (_, query)) in self.own.iter().zip(OWN) {
            let after: BTreeSet<String> = rows(preprod, query).into_iter().collect();
            let lost: Vec<&String> = before.iter().filter(|row| !after.contains(*row)).collect();
            assert!(lost.is_empty(), "{what} lost {lost:#?}\nand now has {after:#?}");
        }
        for ((what, wanted), (_, query)) in self.untouched.iter().zip(UNTOUCHED) {
            same(&format!("of what production has, {what}"), &wanted.join("\n"), &rows(preprod, query).join("\n"));
        }
        keys_work(preprod);
        masked(world);
    }
}

/// Keys that sequences give out are free, and everything belongs to preprod's owner.
#[track_caller]
fn keys_work(preprod: &Cluster) {
    let insert = "begin; insert into accounts (login, email, created_at) values ('new', 'n@example.com', now());
        insert into beds (premises_id, name) values (1, 'new');
        insert into test_scenarios (owner_id, title) select id, 'new' from users limit 1; rollback";
    preprod.psql("app", insert).unwrap();
    let strangers =
        "select c.oid::regclass from pg_class c where relnamespace::regnamespace::text in ('public', 'audit', 'reporting')
        and relowner <> 'preprod_owner'::regrole";
    assert_eq!(rows(preprod, strangers), [] as [String; 0]);
    let unready = "select relname from pg_class where relkind = 'm' and not relispopulated
        union all select conname from pg_constraint where not convalidated
        union all select indexrelid::regclass::text from pg_index where not indisvalid";
    assert_eq!(rows(preprod, unready), [] as [String; 0]);
}

/// Columns whose masked values may be compared as sets: none of production's may be there.
const MASKED: [(&str, &str); 10] = [
    ("people", "first_name || ' ' || last_name"),
    ("people", "email"),
    ("people", "phone"),
    ("people", "address"),
    ("people", "national_number"),
    ("contacts", "name"),
    ("contacts", "phone"),
    ("emergency_contacts", "name"),
    ("emergency_contacts", "phone"),
    ("notes", "body"),
];

#[track_caller]
fn masked(world: &World) {
    for (table, column) in MASKED {
        let query = format!("select replace({column}, chr(10), ' / ') from {table} where {column} is not null");
        let real: BTreeSet<String> = rows(&world.production, &query).into_iter().collect();
        let fake = rows(&world.preprod, &query);
        assert!(!real.is_empty() && fake.len() >= real.len(), "{table}.{column} has {} fakes of {}", fake.len(), real.len());
        let leaked: Vec<&String> = fake.iter().filter(|value| real.contains(*value)).collect();
        assert!(leaked.is_empty(), "{table}.{column} shows what production has: {leaked:?}");
        let empty = format!("select count(*) from {table} where {column} is null");
        assert_eq!(rows(&world.production, &empty), rows(&world.preprod, &empty), "{table}.{column}");
    }
    birthdays_moved(world);
    same_fakes_everywhere(world);
    let generated = "select count(*) from people where full_name <> first_name || ' ' || last_name";
    assert_eq!(rows(&world.preprod, generated), ["0"]);
}

/// Every date is another one, and none is further away than asked for.
#[track_caller]
fn birthdays_moved(world: &World) {
    let dates = |cluster| -> BTreeMap<String, i64> {
        let rows = rows(cluster, "select id, date_of_birth - date '1900-01-01' from people");
        rows.iter().map(|row| row.split_once('|').unwrap()).map(|(id, day)| (id.to_owned(), day.parse().unwrap())).collect()
    };
    let (real, fake) = (dates(&world.production), dates(&world.preprod));
    assert_eq!(real.len(), fake.len());
    for (id, day) in &real {
        let moved = (fake[id] - day).abs();
        assert!((1..=60).contains(&moved), "the birthday of {id} was moved by {moved} days");
    }
}

/// One telephone number is one fake, in whichever table it stands.
#[track_caller]
fn same_fakes_everywhere(world: &World) {
    const PHONES: &str = "select 'people ' || id, phone from people where phone is not null
        union all select tableoid::regclass || ' ' || id, phone from contacts";
    let phones = |cluster| -> BTreeMap<String, String> {
        let rows = rows(cluster, PHONES);
        rows.iter().map(|row| row.split_once('|').unwrap()).map(|(place, phone)| (place.to_owned(), phone.to_owned())).collect()
    };
    let (real, fake) = (phones(&world.production), phones(&world.preprod));
    let mut fakes: BTreeMap<&String, BTreeSet<&String>> = BTreeMap::new();
    let mut tables: BTreeMap<&String, BTreeSet<&str>> = BTreeMap::new();
    for (place, phone) in &real {
        fakes.entry(phone).or_default().insert(&fake[place]);
        tables.entry(phone).or_default().insert(place.split(' ').next().unwrap());
    }
    assert!(tables.values().any(|tables| tables.len() > 1), "no number stands in two tables, so this shows nothing");
    for (phone, fakes) in fakes {
        assert_eq!(fakes.len(), 1, "{phone} became {fakes:?}");
    }
}
