use super::*;

fn read(texts: &[&str], chosen: Option<&str>, variables: &[(&str, &str)]) -> Result<Reading, Vec<(Option<usize>, String)>> {
    let files: Vec<_> = texts.iter().map(|text| (Path::new("flyway.toml"), *text)).collect();
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut reading = Reading::default();
    let errors = reading.toml(&files, chosen, &variables);
    assert!(errors.iter().all(|error| error.kind == Kind::Setting && error.help.is_some()), "{errors:?}");
    if errors.is_empty() {
        return Ok(reading);
    }
    Err(errors.into_iter().map(|error| (error.place.and_then(|place| place.line), error.message)).collect())
}

const PROJECT: &str = r#"
id = "4711"

[flyway]
locations = ["filesystem:sql", "filesystem:more"]
table = "history"
outOfOrder = true
lockRetryCount = 7
baselineVersion = 1.10
ignoreMigrationPatterns = []
environment = "test"
postgresql.transactional.lock = false

[flyway.placeholders]
owner = "me"
"db.name" = "${env.DATABASE}_$${env.DATABASE}"

[flyway.check]
majorRules = ["a,b"]

[environments.test]
url = "jdbc:postgresql://db.test/app"
password = "${vault.password}"
schemas = ["app", "audit"]
initSql = "SET x = 1"
connectRetries = 3
jdbcProperties = { a = "b" }

[environments.test.flyway]
table = "history_of_test"
placeholders.owner = "tester"

[environments.prod]
schemas = ["prod"]
nonsense = 1
"#;

#[test]
fn a_file_is_read_with_the_environment_that_counts() {
    let reading = read(&[PROJECT], None, &[("DATABASE", "app")]).unwrap();
    let settings = &reading.settings;
    assert_eq!(settings.locations, ["filesystem:sql".parse().unwrap(), "filesystem:more".parse().unwrap()]);
    assert!(settings.out_of_order && !settings.transactional_lock && settings.ignore_migration_patterns.is_empty());
    assert_eq!((settings.lock_retry_count, settings.baseline_version.as_str()), (7, "1.10"));
    assert_eq!(settings.placeholders["db.name"], "app_${env.DATABASE}");
    assert_eq!(settings.schemas, ["app", "audit"]);
    assert_eq!((settings.init_sql.as_deref(), settings.connect_retries), (Some("SET x = 1"), 3));
    assert_eq!((settings.table.as_str(), settings.placeholders["owner"].as_str()), ("history_of_test", "tester"));
    assert_eq!(reading.environment.as_deref(), Some("test"));
    let mut unused: Vec<_> =
        reading.unused.iter().map(|(key, place)| (key.as_str(), place.as_ref().unwrap().line.unwrap())).collect();
    unused.sort_unstable();
    assert_eq!(
        unused,
        [
            ("environments.test.jdbcProperties.a", 27),
            ("environments.test.password", 23),
            ("environments.test.url", 22),
            ("flyway.check.majorRules", 19),
            ("id", 2),
        ]
    );
}

#[test]
fn a_later_file_and_a_chosen_environment_win() {
    let later = "[flyway]\ntable = \"later\"\n[environments.mine]\nschemas = [\"mine\"]\n";
    let reading = read(&[PROJECT, later], Some("mine"), &[("DATABASE", "")]).unwrap();
    assert_eq!((reading.settings.table.as_str(), &reading.settings.schemas[..]), ("later", &["mine".to_owned()][..]));
    assert_eq!(reading.environment.as_deref(), Some("mine"));
    let reading = read(&["[environments.default]\nschemas = [\"a\"]"], None, &[]).unwrap();
    assert_eq!((reading.settings.schemas, reading.environment), (vec!["a".to_owned()], None));
}

#[test]
fn a_byte_order_mark_and_other_line_ends_do_no_harm() {
    let reading = read(&["\u{feff}[flyway]\r\ntable = \"a\"\r\n"], None, &[]).unwrap();
    assert_eq!((reading.settings.table.as_str(), reading.unused.len()), ("a", 0));
    assert_eq!(read(&["\u{feff}[flyway]\r\ntabel = \"a\"\r\n"], None, &[]).unwrap_err()[0].0, Some(2));
}

#[test]
fn all_that_is_wrong_is_named_with_its_line() {
    for (text, line, message) in [
        ("[flyway]\ntabel = \"x\"", 2, "Flyway has no setting `flyway.tabel`"),
        ("[flyway]\n\nmixed = 1", 3, "`flyway.mixed` cannot be `1`: it is neither `true` nor `false`"),
        ("[flyway]\nschemas = [\"a\"]", 2, "`schemas` is a setting of environments, and stands in `[flyway]`"),
        ("[flyway]\nlocations = [\"a,b\"]", 2, "`locations` cannot be used: `a,b` has a comma"),
        ("[flyway]\nlocations = [[\"a\"]]", 2, "`locations` cannot be used: it has a list or a table in a list"),
        ("[flyway]\ntable = \"${env.NONE}\"", 2, "`table` cannot be used: the variable `NONE` is not set"),
        (
            "[flyway]\ntable = \"${vault.a}\"",
            2,
            "`table` cannot be used: `${vault.a}` is for a resolver that only Flyway itself has",
        ),
        ("[environments.default]\nschema = \"a\"", 2, "Flyway has no setting `environments.default.schema`"),
        ("[environments.default.flyway]\ntabel = \"a\"", 2, "Flyway has no setting `flyway.tabel`"),
        ("[environments]\ndefault = 1", 2, "`environments.default` is no table"),
    ] {
        assert_eq!(read(&[text], None, &[]).unwrap_err(), [(Some(line), message.to_owned())], "{text}");
    }
    let missing = read(&[PROJECT], Some("none"), &[("DATABASE", "")]).unwrap_err();
    assert_eq!(missing, [(None, "there is no `[environments.none]`, which `environment` names".to_owned())]);
    for (text, line) in [("[flyway\n", 1), ("[flyway]\ntable = x", 2), ("[flyway]\ntable = \"a\"\ntable = \"b\"", 3)] {
        let errors = read(&[text], None, &[]).unwrap_err();
        assert_eq!((errors.len(), errors[0].0), (1, Some(line)), "{errors:?}");
        assert!(errors[0].1.starts_with("`flyway.toml` is no TOML: "), "{errors:?}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_text_is_resolved_or_refused(text in "[$é{}.env a]{0,30}") {
        let _ = resolved(&text, &BTreeMap::from([("a".to_owned(), "b".to_owned())]));
        let _ = read(&[&text], None, &[]);
    }
}
