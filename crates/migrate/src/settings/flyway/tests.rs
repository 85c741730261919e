use super::*;
use crate::settings::{IgnorePattern, Target};

fn read_one(text: &str) -> Result<Reading, Vec<Error>> {
    read(&[("flyway.conf".into(), text.to_owned())], &BTreeMap::new())
}

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_file_is_read_as_flyway_reads_it() {
    let text = r"
# comment = no
! flyway.table=no
flyway.url=jdbc:postgresql://host/db?a=b
flyway.schemas = app , audit,
flyway.locations=filesystem:sql,\
    filesystem:more
flyway.installedBy: someone
flyway.initSql = SET x = 'c:\temp\'
flyway.target=5?
flyway.placeholders.owner=me
flyway.ignoreMigrationPatterns=
flyway.postgresql.transactional.lock=FALSE
flyway.baselineVersion=0
";
    let reading = read_one(text).unwrap();
    let settings = reading.settings;
    assert_eq!(settings.schemas, ["app", "audit"]);
    assert_eq!(settings.locations, ["filesystem:sql".parse().unwrap(), "filesystem:more".parse().unwrap()]);
    assert_eq!(settings.installed_by.as_deref(), Some("someone"));
    assert_eq!(settings.init_sql.as_deref(), Some(r"SET x = 'c:\temp\'"));
    assert_eq!(settings.target, "5?".parse::<Target>().unwrap());
    assert_eq!(settings.placeholders["owner"], "me");
    assert_eq!(settings.ignore_migration_patterns, Vec::<IgnorePattern>::new());
    assert!(!settings.transactional_lock);
    assert_eq!(settings.baseline_version.as_str(), "0");
    assert_eq!(reading.unused, [("flyway.url".to_owned(), Some(Place { file: "flyway.conf".into(), line: Some(4) }))]);
}

#[test]
fn unknown_keys_and_values_are_named_with_file_and_line() {
    let errors =
        read_one("flyway.tabel=x\n\nflyway.mixed=perhaps\ntable=x\nflyway.lockRetryCount=many\nflyway.target=soon").unwrap_err();
    let seen: Vec<_> = errors.iter().map(|error| (error.place.as_ref().unwrap().line.unwrap(), error.message.as_str())).collect();
    assert_eq!(
        seen,
        [
            (1, "Flyway has no setting `flyway.tabel`"),
            (3, "`flyway.mixed` cannot be `perhaps`: it is neither `true` nor `false`"),
            (4, "Flyway has no setting `table`"),
            (5, "`flyway.lockRetryCount` cannot be `many`: it is no such number"),
            (6, "`flyway.target` cannot be `soon`: `soon` is no target"),
        ]
    );
    assert!(errors.iter().all(|error| error.kind == Kind::Setting && error.help.is_some()));
}

#[test]
fn a_later_file_wins_over_an_earlier_one_and_the_environment_over_all() {
    let files = [
        ("one".into(), "flyway.table=one\nflyway.encoding=one\nflyway.installedBy=one".to_owned()),
        ("two".into(), "flyway.table=two\nflyway.encoding=two".to_owned()),
    ];
    let environment = variables(&[
        ("FLYWAY_TABLE", "three"),
        ("FLYWAY_SQL_MIGRATION_PREFIX", "M"),
        ("FLYWAY_PLACEHOLDERS_Some_NAME", "value"),
        ("FLYWAY_POSTGRESQL_TRANSACTIONAL_LOCK", "false"),
        ("FLYWAY_PASSWORD", "secret"),
        ("FLYWAY_HOME", "/opt"),
        ("PATH", "/bin"),
    ]);
    let Reading { settings, unused, .. } = read(&files, &environment).unwrap();
    assert_eq!([settings.table, settings.encoding, settings.installed_by.unwrap()], ["three", "two", "one"]);
    assert_eq!(settings.sql_migration_prefix, "M");
    assert_eq!(settings.placeholders["some_name"], "value");
    assert!(!settings.transactional_lock);
    assert_eq!(unused, [("flyway.password".to_owned(), None)]);
}

#[test]
fn variables_of_the_environment_stand_in_files() {
    let files =
        [("one".into(), "flyway.table=${NAME}_history${GONE}\nflyway.placeholderPrefix=${\nflyway.installedBy=${a-b}".into())];
    let settings = read(&files, &variables(&[("NAME", "app")])).unwrap().settings;
    assert_eq!(settings.table, "app_history");
    assert_eq!(settings.placeholder_prefix, "${");
    assert_eq!(settings.installed_by.as_deref(), Some("${a-b}"));
}

#[test]
fn a_path_that_ends_with_a_backslash_is_not_joined_to_the_next_property() {
    let settings = read_one("flyway.initSql=x\\\nflyway.table=y\nflyway.tablespace=z\\\n\n").unwrap().settings;
    assert_eq!([settings.init_sql.unwrap(), settings.table, settings.tablespace.unwrap()], ["x\\", "y", "z\\"]);
}
