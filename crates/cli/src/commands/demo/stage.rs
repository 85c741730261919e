//! The two servers with their data, and the project's folder.

use restage_core::{Code, Error};
use restage_lab::dataset::{self, PREPROD_OWNER, PRODUCTION_READER, Scale};
use restage_lab::{Cluster, OutageWatch};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const SCENARIO: &str = include_str!("../../../demo/scenarios/preprod.yaml");

/// Everything that the demo plays on; gone when dropped.
pub(super) struct Stage {
    production: Cluster,
    preprod: Cluster,
    folder: TempDir,
}

fn lab(error: restage_lab::Error) -> Error {
    let help = error.help().unwrap_or("run `./demo`, which installs what is missing");
    Code::ToolMissing.error("a throwaway server cannot be had").help(help).because(error)
}

fn disk(cause: std::io::Error) -> Error {
    Code::FileUnreadable
        .error("the demo's folder cannot be written")
        .help("free some room in the temporary directory")
        .because(cause)
}

impl Stage {
    pub(super) fn build(scale: f64) -> Result<Self, Error> {
        let production = Cluster::any().map_err(lab)?;
        let preprod = Cluster::any().map_err(lab)?;
        dataset::production(&production, "app", Scale(scale)).map_err(lab)?;
        dataset::preprod(&preprod, "app", Scale(scale)).map_err(lab)?;
        let folder = TempDir::new().map_err(disk)?;
        fs::create_dir(folder.path().join("scenarios")).map_err(disk)?;
        fs::write(folder.path().join("scenarios/preprod.yaml"), SCENARIO).map_err(disk)?;
        let stage = Self { production, preprod, folder };
        fs::write(stage.folder().join("environments.yaml"), stage.environments()).map_err(disk)?;
        Ok(stage)
    }

    fn environments(&self) -> String {
        let database = |cluster: &Cluster, user: &str, variable: &str| {
            format!("{{ url: \"{}\", password: {{ env: {variable} }} }}", cluster.url("app", user))
        };
        format!(
            "environments:\n  production:\n    production: true\n    databases:\n      app: {}\n  preprod:\n    databases:\n      app: {}\n",
            database(&self.production, PRODUCTION_READER.user, "PRODUCTION_PASSWORD"),
            database(&self.preprod, PREPROD_OWNER.user, "PREPROD_PASSWORD"),
        )
    }

    /// The project's folder.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }
    /// The store's folder.
    pub(super) fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }
    /// What the commands find in their environment.
    pub(super) fn variables(&self) -> [(&'static str, String); 4] {
        let home = self.preprod.installation().bin_dir().parent().and_then(Path::parent).map(|path| path.display().to_string());
        [
            ("PRODUCTION_PASSWORD", PRODUCTION_READER.password.into()),
            ("PREPROD_PASSWORD", PREPROD_OWNER.password.into()),
            ("MASK_SECRET", "a key for the demo's masks".into()),
            ("RESTAGE_POSTGRES_HOME", home.unwrap_or_default()),
        ]
    }
    pub(super) fn preprod(&self) -> &Cluster {
        &self.preprod
    }

    /// A client that keeps connecting to preprod.
    pub(super) fn watch_for_outage(&self) -> Result<OutageWatch, Error> {
        OutageWatch::start(&self.preprod, "app").map_err(lab)
    }

    pub(super) fn describe(&self) -> Result<String, Error> {
        let rows = "select sum((xpath('/row/c/text()', query_to_xml(format('select count(*) as c from %s', oid::regclass), false, true, '')))[1]::text::bigint)
            from pg_class where relkind = 'r' and relnamespace::regnamespace::text in ('public', 'audit')";
        let rows = self.production.psql("app", rows).map_err(lab)?;
        let size = self.production.psql("app", "select pg_size_pretty(pg_database_size('app'))").map_err(lab)?;
        Ok(format!(
            "production: PostgreSQL {} on port {}, {} rows, {}\npreprod: port {}, with its own users, accounts, a view, a table and a column that production lacks",
            self.production.major().number(),
            self.production.port(),
            rows.trim(),
            size.trim(),
            self.preprod.port(),
        ))
    }
    /// Preprod as its dump shows it.
    pub(super) fn looks(&self) -> Result<String, Error> {
        self.preprod.dump("app").map_err(lab)
    }
    /// Production as its dump shows it.
    pub(super) fn production_looks(&self) -> Result<String, Error> {
        self.production.dump("app").map_err(lab)
    }
    /// Whether preprod's own users are there with their roles.
    pub(super) fn has_own_users(&self) -> Result<bool, Error> {
        let query = "select count(distinct u.id) from users u join user_role_assignments a on a.user_id = u.id where u.username like 'tester.%'";
        Ok(self.preprod.psql("app", query).map_err(lab)?.trim() == "20")
    }
}
