//! What is observed before a plan is made.

use crate::site::{PASSWORD, Site, run_id};
use restage_core::document::Source;
use restage_core::environment::Environments;
use restage_core::facts::Facts;
use restage_core::provider::Databases;
use restage_core::scenario::{Family, PromptValues};
use restage_core::schema::TableName;
use restage_core::{Code, Result};
use restage_lab::dataset::{self, PREPROD_OWNER, PRODUCTION_READER, Scale};
use restage_lab::{Cluster, Major};
use restage_providers::jobs::NoOutput;
use restage_providers::secrets::Secrets;
use restage_providers::{Settings, World};
use restage_sim::queues::{QueueFaults, SimQueues};
use std::path::Path;
use std::sync::Arc;

struct Ground {
    production: Site,
    preprod: Site,
}

fn url(cluster: &Cluster, database: &str, user: &str) -> String {
    format!("{}?sslmode=disable", cluster.url(database, user))
}

impl Ground {
    fn new() -> Self {
        let (production, preprod) = (Site::start(Major::V15), Site::start(Major::V15));
        dataset::production(&production.cluster, "production", Scale::TINY).unwrap();
        dataset::preprod(&preprod.cluster, "preprod", Scale::TINY).unwrap();
        Self { production, preprod }
    }

    fn environments(&self, target: &str) -> Environments {
        let production = url(&self.production.cluster, "production", PRODUCTION_READER.user);
        let text = format!(
            "environments:\n  production:\n    production: true\n    databases:\n      app: {{ url: \"{production}\", password: {{ env: READER }} }}\n  \
             preprod:\n    databases:\n      app: {{ url: \"{target}\", password: {{ env: OWNER }} }}\n"
        );
        Environments::parse(&Source::new("environments.yaml", text)).unwrap()
    }

    fn preprod_url(&self) -> String {
        url(&self.preprod.cluster, "preprod", PREPROD_OWNER.user)
    }

    fn world() -> World {
        let secrets = Secrets::with_variables(|name| match name {
            "READER" => Some(PRODUCTION_READER.password.into()),
            "OWNER" => Some(PREPROD_OWNER.password.into()),
            "SITE" => Some(PASSWORD.into()),
            "MASK" => Some("sixteen bytes or more".into()),
            _ => None,
        });
        let settings = Settings {
            jobs: std::env::temp_dir().join("restage-never-used"),
            output: Arc::new(NoOutput),
            keepers: restage_providers::jobs::Keepers::None,
            queues: Arc::new(SimQueues::new(0, QueueFaults::None)),
        };
        World::with_secrets(settings, secrets)
    }

    async fn facts(&self, environments: &Environments) -> Result<Facts> {
        let outer = "scenario: outer\nfrom: production\nto: preprod\nstages:\n  - parallel:\n      - scenario: inner\n";
        let inner = "scenario: inner\nfrom: production\nto: preprod\nmask-secret: { env: MASK }\nstages:\n  - copy-database:\n      \
                     database: app\n      keep:\n        - { table: users, on-conflict: keep-target }\n        - user_role_assignments\n      \
                     mask:\n        - { column: people.email, with: email }\n";
        let (outer, inner) = (Source::new("outer.yaml", outer), Source::new("inner.yaml", inner));
        let family = Family::parse(&outer, &[inner], environments, &PromptValues::default()).unwrap();
        Self::world().gather(&family.root, &family.nested, environments, Path::new(".")).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ends_are_observed_for_scenarios_within_scenarios_and_nothing_is_touched() {
    let ground = Ground::new();
    let before = (ground.production.cluster.dump("production").unwrap(), ground.preprod.cluster.dump("preprod").unwrap());
    let facts = ground.facts(&ground.environments(&ground.preprod_url())).await.unwrap();
    assert_eq!(facts.copies.len(), 1);
    let copy = &facts.copies[0].1;
    assert_eq!(copy.source.identity, ground.production.identity("production"));
    assert_eq!(copy.target.identity, ground.preprod.identity("preprod"));
    let users = &copy.keep[&TableName::new("public", "users")];
    assert_eq!((users.target_only, users.conflicts), (20, 2));
    assert!(copy.keep.contains_key(&TableName::new("public", "user_role_assignments")));
    assert!(copy.target.schema.views.keys().any(|view| view.name == "user_summary"));
    assert!(copy.leftovers.is_empty());
    let after = (ground.production.cluster.dump("production").unwrap(), ground.preprod.cluster.dump("preprod").unwrap());
    assert!(before == after, "looking has changed something");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_earlier_runs_left_is_told_with_whether_they_are_alive() {
    let ground = Ground::new();
    let environments = ground.environments(&ground.preprod_url());
    let target =
        environments.iter().find(|(name, _)| name.as_str() == "preprod").unwrap().1.databases.values().next().unwrap().clone();
    let world = Ground::world();
    ground.preprod.set_password(PREPROD_OWNER.user, PREPROD_OWNER.password);
    let by_owner = ground.preprod.address("preprod", PREPROD_OWNER.user);
    assert!(ground.facts(&environments).await.unwrap().copies[0].1.leftovers.is_empty());
    for run in ["0000000001", "0000000002"] {
        let spec = ground.preprod.shadow_spec(&by_owner, &run_id(run)).await;
        ground.preprod.postgres().ensure_shadow(&spec, &run_id(run)).await.unwrap();
    }
    ground.preprod.psql("postgres", "CREATE DATABASE preprod_restage_0000000003");
    let _claim = world.claim(&target, &run_id("0000000002")).await.unwrap();
    let facts = ground.facts(&environments).await.unwrap();
    let left: Vec<(&str, &str, bool)> =
        facts.copies[0].1.leftovers.iter().map(|left| (left.database.as_str(), left.run.as_str(), left.alive)).collect();
    let wanted = [("preprod_restage_0000000001", "0000000001", false), ("preprod_restage_0000000002", "0000000002", true)];
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(wanted.iter().all(|one| left.contains(one)), "{left:?}");
    assert!(facts.copies[0].1.leftovers.iter().all(|left| left.bytes > 1_000_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_of_either_end_is_told_by_its_server() {
    let ground = Ground::new();
    ground.preprod.psql("postgres", &format!("ALTER ROLE {} PASSWORD 'changed-secret-word'", PREPROD_OWNER.user));
    let error = ground.facts(&ground.environments(&ground.preprod_url())).await.unwrap_err();
    assert_eq!(error.code, Code::LoginRefused);
    assert!(error.message.contains(&ground.preprod.cluster.port().to_string()), "{}", error.message);
}
