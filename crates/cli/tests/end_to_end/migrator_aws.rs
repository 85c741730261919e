//! A migrator whose settings, password and queue are in AWS: a server that stands in for it.

use crate::look::rows;
use crate::migrator::{site, words};
use crate::play::{Played, Playing};
use crate::world::World;
use restage_lab::SUPERUSER_PASSWORD;
use restage_lab::aws::{ACCESS_KEY, Aws, REGION, SECRET_KEY};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;

/// How the names of FIFO queues end.
const FIFO: &str = ".fifo";

/// A world and an AWS.
pub(crate) struct Cloud {
    pub(crate) world: World,
    server: Aws,
}

impl Cloud {
    fn start() -> Self {
        Self::above(site())
    }
    pub(crate) fn above(world: World) -> Self {
        let server = Aws::start().unwrap_or_else(|error| panic!("{error}: {:?}", error.help()));
        Self { world, server }
    }

    /// Where it is, as scenarios say it.
    pub(crate) fn place(&self) -> String {
        format!("region: {REGION}, endpoint: \"{}\"", self.server.endpoint())
    }

    /// Plays a command to its end that finds AWS.
    pub(crate) fn restage(&self, words: &[&str]) -> Played {
        let mut command = self.world.command(words);
        command.env("AWS_ACCESS_KEY_ID", ACCESS_KEY).env("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
        Playing::start(command, &self.world.path("said")).finish()
    }

    /// Asks a service without going through the product.
    #[track_caller]
    fn ask(&self, service: &str, action: &str, body: &Value) -> Value {
        let endpoint = self.server.endpoint();
        let host = endpoint.trim_start_matches("http://");
        let (body, scope) = (body.to_string(), format!("{ACCESS_KEY}/20260101/{REGION}/{service}/aws4_request"));
        let target = if service == "sqs" { "AmazonSQS" } else { "AmazonSSM" };
        let mut stream = TcpStream::connect(host).unwrap();
        write!(
            stream,
            "POST / HTTP/1.0\r\nHost: {host}\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: {target}.{action}\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{action}: {answer}");
        serde_json::from_str(body).unwrap_or(Value::Null)
    }

    fn make_queue(&self, name: &str) -> String {
        let attributes = if name.ends_with(FIFO) { json!({ "FifoQueue": "true" }) } else { json!({}) };
        let made = self.ask("sqs", "CreateQueue", &json!({ "QueueName": name, "Attributes": attributes }));
        made["QueueUrl"].as_str().unwrap().to_owned()
    }

    pub(crate) fn put(&self, name: &str, kind: &str, value: &str) {
        self.ask("ssm", "PutParameter", &json!({ "Name": name, "Type": kind, "Value": value }));
    }

    /// Runs a migrator on preprod that finds AWS.
    fn run(&self, more: &[&str]) -> Played {
        let endpoint = self.server.endpoint();
        let place = ["--region", REGION, "--endpoint", &endpoint];
        self.restage(&words("run", &[more, &place].concat()))
    }

    /// Runs a migrator that tells this queue of itself, and expects its end on all three ways that it is told.
    #[track_caller]
    fn ends(&self, queue: &str, url: &str, status: i64, more: &[&str]) -> Played {
        let played = self.run(&[&["--signals", queue], more].concat()).ends(i32::try_from(status).unwrap());
        assert_eq!(played.err.lines().last(), Some(format!("Migrator completed with exit status {status}").as_str()), "{played}");
        let messages = self.taken(url);
        let last = messages.iter().max_by_key(|message| message["messageId"].as_u64()).unwrap();
        assert_eq!(last["exitCode"].as_i64(), Some(status), "{last}\n{played}");
        played
    }

    /// All messages of a queue, which are taken out.
    fn taken(&self, url: &str) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let some = self.ask("sqs", "ReceiveMessage", &json!({ "QueueUrl": url, "MaxNumberOfMessages": 10 }));
            let Some(some) = some["Messages"].as_array().filter(|some| !some.is_empty()) else { return all };
            for message in some {
                all.push(serde_json::from_str(message["Body"].as_str().unwrap()).unwrap());
                self.ask("sqs", "DeleteMessage", &json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] }));
            }
        }
    }
}

#[test]
fn each_exit_status_is_the_last_message_of_a_queue_in_sqs() {
    let cloud = Cloud::start();
    let world = &cloud.world;
    let (fifo, standard) = (cloud.make_queue("preprod-migrator.fifo"), cloud.make_queue("preprod-migrator"));
    world.write("models.yaml", "tables:\n  orders:\n    columns: { id: integer }\n");
    cloud.ends("sqs:preprod-migrator.fifo", &fifo, 0, &["--models", "models.yaml"]);
    cloud.ends(&format!("sqs:{standard}"), &standard, 0, &[]);
    cloud.ends("sqs:preprod-migrator.fifo", &fifo, 1, &["--set", "group=perhaps"]);
    world.write("models.yaml", "tables:\n  orders:\n    columns: { id: bigint }\n");
    cloud.ends("sqs:preprod-migrator.fifo", &fifo, 3, &["--models", "models.yaml"]);
    world.write("sql/V2__broken.sql", "select 1 / 0;\n");
    cloud.ends("sqs:preprod-migrator", &standard, 2, &[]);
    cloud.ends("sqs:preprod-migrator", &standard, 4, &["--set", "initSql=select pg_terminate_backend(pg_backend_pid())"]);
}

#[test]
fn a_queue_that_is_missing_is_an_invalid_configuration_and_nothing_runs() {
    let cloud = Cloud::start();
    cloud.run(&["--signals", "sqs:preprod-migrator"]).ends(1).fails_with("R0314").says("Migrator completed with exit status 1");
    assert_eq!(rows(&cloud.world.preprod, "select to_regclass('orders') is null"), ["t"]);
}

#[test]
fn settings_placeholders_and_the_password_come_from_parameters_and_secrets_stay_secret() {
    let cloud = Cloud::start();
    cloud.put("/app/test/common/nonsensitive/flyway.table", "String", "schema_version");
    cloud.put("/app/test/common/sensitive/owner/token", "SecureString", "very-secret-token");
    cloud.put("/app/test/migrator/password", "SecureString", SUPERUSER_PASSWORD);
    cloud.world.write("sql/V2__token.sql", "create table tokens as select '${owner.token}'::text as token;\n");
    let paths = ["--parameters", "/app/test/common/nonsensitive", "--parameters", "/app/test/common/sensitive"];
    let password = ["--password-from", "ssm:/app/test/migrator/password"];
    let played = cloud.run(&[&paths[..], &password].concat()).ends(0);
    played.keeps_quiet_of("very-secret-token").keeps_quiet_of(SUPERUSER_PASSWORD);
    assert_eq!(rows(&cloud.world.preprod, "select token from tokens"), ["very-secret-token"]);
    assert_eq!(rows(&cloud.world.preprod, "select count(*) from schema_version"), ["2"]);
    cloud.world.write("sql/V3__fails.sql", "select '${owner.token}'::int;\n");
    let failed = cloud.run(&[&paths[..], &password].concat()).ends(2).fails_with("R0316");
    failed.says("invalid input syntax").keeps_quiet_of("very-secret-token");
}

#[test]
fn each_parameter_that_is_missing_is_named() {
    let cloud = Cloud::start();
    cloud.put("/app/test/flyway.mixed", "SecureString", "w0w!");
    let wrong = ["--parameters", "/app/test", "--parameters", "/app/nothing", "--password-from", "ssm:/app/nowhere"];
    let played = cloud.run(&wrong).ends(1).says("/app/nothing").says("/app/nowhere");
    played.says("Migrator completed with exit status 1");
    let played = cloud.run(&wrong[..2]).ends(1).says("/app/test/flyway.mixed").keeps_quiet_of("w0w!");
    played.fails_with("R0101");
}
