//! Two servers with their databases, and the folder of a project that brings one into the other.

use crate::play::{Played, Playing};
use restage_lab::dataset::{self, Login, PREPROD_OWNER, PREPROD_SERVICE, PRODUCTION_OWNER, PRODUCTION_READER, Scale};
use restage_lab::{Cluster, Installation, Major, SUPERUSER_PASSWORD};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The database's name on both servers.
pub(crate) const APP: &str = "app";
/// The key of the masks, easily recognised where it must not appear.
pub(crate) const MASK_KEY: &str = "lab-mask-key-1Fs5-of-32-characters";
/// The demo's own scenario.
pub(crate) const DEMO: &str = include_str!("../../demo/scenarios/preprod.yaml");

/// Variables that lead to secrets, with the secrets.
const SECRETS: [(&str, &str); 7] = [
    ("PRODUCTION_PASSWORD", PRODUCTION_READER.password),
    ("PREPROD_PASSWORD", PREPROD_OWNER.password),
    ("PRODUCTION_OWNER_PASSWORD", PRODUCTION_OWNER.password),
    ("PREPROD_SERVICE_PASSWORD", PREPROD_SERVICE.password),
    ("SUPERUSER_PASSWORD", SUPERUSER_PASSWORD),
    ("WRONG_PASSWORD", "lab-nobodys-0Zz0"),
    ("MASK_SECRET", MASK_KEY),
];

/// Where a test plays.
pub(crate) struct World {
    pub(crate) production: Cluster,
    pub(crate) preprod: Cluster,
    folder: TempDir,
}

impl World {
    /// The demo's data: a realistic production, and a preprod that has drifted from it. The scenario is `preprod`.
    pub(crate) fn drifted() -> Self {
        Self::filled(Cluster::any().unwrap(), Cluster::any().unwrap(), Scale::TINY)
    }
    /// The same between servers of two versions.
    pub(crate) fn drifted_between(source: Major, target: Major) -> Self {
        Self::filled(Cluster::start(source).unwrap(), Cluster::start(target).unwrap(), Scale::TINY)
    }
    /// The same on these servers, with so many rows.
    pub(crate) fn filled(production: Cluster, preprod: Cluster, scale: Scale) -> Self {
        dataset::production(&production, APP, scale).unwrap();
        dataset::preprod(&preprod, APP, scale).unwrap();
        let world = Self::on(production, preprod);
        world.scenario("preprod", DEMO);
        world
    }
    /// These servers as they are, and a project without scenarios.
    pub(crate) fn on(production: Cluster, preprod: Cluster) -> Self {
        let world = Self { production, preprod, folder: TempDir::new().unwrap() };
        for folder in ["project/scenarios", "said", "tmp", "home"] {
            fs::create_dir_all(world.path(folder)).unwrap();
        }
        let source = reached(&world.production.url(APP, PRODUCTION_READER.user), "PRODUCTION_PASSWORD");
        let target = reached(&world.preprod.url(APP, PREPROD_OWNER.user), "PREPROD_PASSWORD");
        world.environments(&source, &target);
        world
    }

    /// A path in the world's own folder, where everything is that restage may write: `project`, `store`, `tmp`, `home`.
    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(path)
    }
    /// Writes a file of the project, in a folder that is made for it.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path("project").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    /// Writes a scenario.
    pub(crate) fn scenario(&self, name: &str, text: &str) {
        self.write(&format!("scenarios/{name}.yaml"), text);
    }
    /// Writes the environments: how `app` is reached in production and in preprod.
    pub(crate) fn environments(&self, production: &str, preprod: &str) {
        self.write("environments.yaml", &environments(production, preprod));
    }

    /// A command of restage, not yet started. It finds nothing in its environment but what belongs to this world.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let bin = Installation::find(self.preprod.major()).unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        let homes = bin.bin_dir().parent().and_then(Path::parent).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_restage"));
        command.args(words).env_clear().envs(SECRETS).current_dir(self.path("project"));
        command.env("PATH", format!("{}:{path}", bin.bin_dir().display())).env("RESTAGE_POSTGRES_HOME", homes);
        command.env("HOME", self.path("home")).env("TMPDIR", self.path("tmp")).env("TZ", "UTC");
        command.env("RESTAGE_STORE", self.store()).env("RESTAGE_USER", "ada");
        command
    }
    /// Starts a command.
    pub(crate) fn start(&self, words: &[&str]) -> Playing {
        Playing::start(self.command(words), &self.path("said"))
    }
    /// Runs a command to its end.
    #[track_caller]
    pub(crate) fn restage(&self, words: &[&str]) -> Played {
        self.start(words).finish()
    }
    /// Runs a command to its end, as somebody else.
    #[track_caller]
    pub(crate) fn restage_as(&self, person: &str, words: &[&str]) -> Played {
        let mut command = self.command(words);
        command.env("RESTAGE_USER", person);
        Playing::start(command, &self.path("said")).finish()
    }
    /// The store's folder.
    pub(crate) fn store(&self) -> PathBuf {
        self.path("store")
    }

    /// Runs SQL on preprod as its owner.
    #[track_caller]
    pub(crate) fn in_preprod(&self, sql: &str) -> String {
        as_role(&self.preprod, PREPROD_OWNER, sql)
    }
    /// Runs SQL on production as its owner.
    #[track_caller]
    pub(crate) fn in_production(&self, sql: &str) -> String {
        as_role(&self.production, PRODUCTION_OWNER, sql)
    }
}

#[track_caller]
fn as_role(cluster: &Cluster, login: Login, sql: &str) -> String {
    cluster.psql(APP, &format!("set role {};\n{sql}", login.user)).unwrap()
}

/// The environments file: production and preprod with a database each.
pub(crate) fn environments(production: &str, preprod: &str) -> String {
    format!(
        "environments:\n  production:\n    production: true\n    databases:\n      app: {production}\n  \
         preprod:\n    databases:\n      app: {preprod}\n"
    )
}

/// A database of the environments file, with its password in a variable.
pub(crate) fn reached(url: &str, variable: &str) -> String {
    format!("{{ url: \"{url}\", password: {{ env: {variable} }} }}")
}
