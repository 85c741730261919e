//! Stages whose scripts have their settings and placeholders in AWS: a server that stands in for it.

use crate::look::rows;
use crate::migrated::with_scripts;
use crate::migrator_aws::Cloud;
use crate::people::{SCENARIO, people};
use crate::play::{Playing, exit};
use restage_lab::aws::{ACCESS_KEY, SECRET_KEY};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::thread::JoinHandle;

const TOKEN: &str = "very-secret-token";
const HEAD: &str = "scenario: migrate\nfrom: production\nto: preprod\nstages:\n  - migrate: { database: app, scripts: ";
const BELOW: &str = "below: [/app/preprod/common/nonsensitive, /app/preprod/pipeline]";

fn scripts(place: &str) -> String {
    format!("{{ locations: [migrations], parameters: {{ {BELOW}, {place} }} }}")
}

/// A scenario whose scripts want what is below two paths, and one more script that has a secret in it.
fn cloud() -> Cloud {
    let cloud = Cloud::above(with_scripts(people()));
    let scripts = scripts(&cloud.place());
    cloud.world.scenario("migrate", &format!("{HEAD}{scripts} }}\n"));
    cloud
        .world
        .scenario("people", &SCENARIO.replace("      keep:", &format!("      migrations: {{ apply: {scripts} }}\n      keep:")));
    let token = "create table tokens as select '${token}'::text as token, '${owner}'::text as owner;\n";
    cloud.world.write("scenarios/migrations/V5__token.sql", token);
    cloud
}

fn put_all(cloud: &Cloud) {
    cloud.put("/app/preprod/common/nonsensitive/owner", "String", "somebody");
    cloud.put("/app/preprod/common/nonsensitive/flyway.installedBy", "String", "deployer");
    cloud.put("/app/preprod/pipeline/token", "SecureString", TOKEN);
}

/// Expects the secret in no file of the installation, which has neither server's files.
#[track_caller]
fn is_nowhere_in(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            is_nowhere_in(&path);
        } else if let Ok(content) = fs::read(&path) {
            assert!(!String::from_utf8_lossy(&content).contains(TOKEN), "in {}", path.display());
        }
    }
}

#[test]
fn parameters_are_settings_and_placeholders_and_secrets_stay_secret() {
    let cloud = cloud();
    put_all(&cloud);
    cloud.restage(&["plan", "migrate"]).ends(exit::DONE).says("V5__token.sql").keeps_quiet_of(TOKEN);
    cloud.restage(&["run", "migrate", "--yes"]).ends(exit::DONE).keeps_quiet_of(TOKEN);
    assert_eq!(rows(&cloud.world.preprod, "select * from tokens"), [format!("{TOKEN}|somebody")]);
    let by = "select installed_by from flyway_schema_history where version = '5'";
    assert_eq!(rows(&cloud.world.preprod, by), ["deployer"]);
    cloud.world.write("scenarios/migrations/V6__fails.sql", "select '${token}'::int;\n");
    let failed = cloud.restage(&["run", "migrate", "--yes"]).ends(exit::HELD).says("R0316");
    failed.says("invalid input syntax").keeps_quiet_of(TOKEN);
    cloud.restage(&["show"]).says("R0316").keeps_quiet_of(TOKEN);
    is_nowhere_in(cloud.world.store().parent().unwrap());
    is_nowhere_in(&cloud.world.path("said"));
}

#[test]
fn a_copy_is_migrated_with_parameters_before_it_is_swapped_in() {
    let cloud = cloud();
    put_all(&cloud);
    cloud.restage(&["run", "people", "--yes"]).ends(exit::DONE).keeps_quiet_of(TOKEN);
    assert_eq!(rows(&cloud.world.preprod, "select * from tokens"), [format!("{TOKEN}|somebody")]);
}

#[test]
fn each_path_without_parameters_is_named_by_plan_and_diagnosis_and_nothing_starts() {
    let cloud = cloud();
    let before = rows(&cloud.world.preprod, "select * from flyway_schema_history");
    for command in [["plan", "migrate"].as_slice(), &["run", "migrate", "--yes"]] {
        let refused = cloud.restage(command).ends(exit::REFUSED).fails_with("R0107");
        refused.says("/app/preprod/common/nonsensitive").says("/app/preprod/pipeline");
    }
    assert_eq!(rows(&cloud.world.preprod, "select * from flyway_schema_history"), before);
    let found = cloud.restage(&["diagnose", "migrate"]).ends(exit::UNDONE);
    found.tells("/app/preprod/common/nonsensitive").tells("/app/preprod/pipeline").tells("aws ssm get-parameters-by-path");
    put_all(&cloud);
    cloud.restage(&["diagnose", "migrate"]).ends(exit::DONE).tells("Nothing was found").keeps_quiet_of(TOKEN);
}

/// Answers a few requests as AWS answers whoever has no right.
fn forbidding() -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = format!("region: us-east-1, endpoint: \"http://{}\"", listener.local_addr().unwrap());
    let body = r#"{"__type":"AccessDeniedException","Message":"not authorized to perform: ssm:GetParametersByPath"}"#;
    let answer = format!("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let answering = std::thread::spawn(move || {
        for stream in listener.incoming().take(2) {
            let mut stream = stream.unwrap();
            let _asked = stream.read(&mut [0; 16_384]).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (place, answering)
}

#[test]
fn each_path_that_is_forbidden_is_named_by_the_plan_with_what_aws_says() {
    let (place, answering) = forbidding();
    let world = with_scripts(people());
    world.scenario("migrate", &format!("{HEAD}{} }}\n", scripts(&place)));
    let mut command = world.command(&["plan", "migrate"]);
    command.env("AWS_ACCESS_KEY_ID", ACCESS_KEY).env("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
    let refused = Playing::start(command, &world.path("said")).finish().ends(exit::REFUSED).fails_with("R0108");
    refused.says("/app/preprod/common/nonsensitive").says("/app/preprod/pipeline").says("ssm:GetParametersByPath");
    answering.join().unwrap();
}
