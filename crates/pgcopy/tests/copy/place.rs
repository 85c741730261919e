//! Where the tests copy from and to.

use restage_core::facts::DatabaseFacts;
use restage_core::provider::{Carried, Filled};
use restage_lab::{Cluster, Installation, Major, SUPERUSER, SUPERUSER_PASSWORD};
use restage_pgcopy::archive::Archives;
use restage_pgcopy::connect::{Endpoint, Tls, TlsMode};
use restage_pgcopy::copy::{self, Filling, Inherited, Keeping, Route};
use restage_pgcopy::facts::gather_database;
use restage_pgcopy::mask::MaskKey;
use restage_pgcopy::reporter::{Reporter, Silent};
use restage_pgcopy::stop::Stop;
use restage_pgcopy::tools::Tools;
use restage_pgcopy::{Result, archive, connect};
use std::process::Command;

/// A database of a cluster, as its superuser.
pub(crate) fn endpoint(cluster: &Cluster, database: &str) -> Endpoint {
    as_role(cluster, database, SUPERUSER, SUPERUSER_PASSWORD)
}

/// A database of a cluster, as somebody.
pub(crate) fn as_role(cluster: &Cluster, database: &str, user: &str, password: &str) -> Endpoint {
    Endpoint {
        host: "127.0.0.1".into(),
        port: cluster.port(),
        user: user.into(),
        password: Some(password.into()),
        database: database.into(),
        tls: Tls { mode: TlsMode::Prefer, root_certificate: None },
    }
}

/// The `pg_dump` of a cluster's own version.
pub(crate) fn tools(cluster: &Cluster) -> Tools {
    Tools { pg_dump: cluster.installation().bin("pg_dump"), major: cluster.major().number() }
}

/// What masks are keyed with.
pub(crate) fn mask_key() -> MaskKey {
    MaskKey::new(b"a secret of thirty-two bytes, or so").unwrap()
}

/// What a plain copy takes besides its two ends: nobody hands anything down, stops it or hears of it.
pub(crate) struct Plain {
    pub(crate) tools: Tools,
    pub(crate) inherited: Inherited,
    pub(crate) archives: Archives,
    pub(crate) stop: Stop,
}

impl Plain {
    /// For copies onto databases of a cluster.
    pub(crate) fn onto(target: &Cluster) -> Self {
        let (inherited, archives) = (Inherited::default(), Archives::default());
        Self { tools: tools(target), inherited, archives, stop: Stop::never() }
    }

    pub(crate) fn filling<'a>(&'a self, carried: &'a Carried) -> Filling<'a> {
        Filling {
            carried,
            keeping: Keeping::Itself,
            inherited: &self.inherited,
            mask_key: None,
            tools: &self.tools,
            archives: &self.archives,
            stop: &self.stop,
            reporter: &Silent,
        }
    }

    /// What is in a database to be copied.
    pub(crate) async fn facts(&self, source: &Endpoint) -> DatabaseFacts {
        let client = connect::source(source).await.unwrap();
        gather_database(&client, &self.archives, &self.tools, &self.stop).await.unwrap()
    }
}

/// From `app` of one cluster to `copy` of another, or the same.
pub(crate) struct Pair<'a> {
    pub(crate) source: &'a Cluster,
    pub(crate) target: &'a Cluster,
}

impl Pair<'_> {
    pub(crate) fn route(&self) -> Route {
        Route { source: endpoint(self.source, "app"), target: endpoint(self.target, "copy") }
    }

    /// Makes an empty `copy` and says what is in `app`.
    pub(crate) async fn facts(&self) -> DatabaseFacts {
        self.target.psql("postgres", "CREATE DATABASE copy TEMPLATE template0").unwrap();
        Plain::onto(self.target).facts(&endpoint(self.source, "app")).await
    }

    /// Copies what is carried, handing down what the database `old` of the target has, if one is named.
    pub(crate) async fn fill(&self, carried: &Carried, old: Option<&str>) -> Result<Filled> {
        self.fill_telling(carried, old, &Silent).await
    }

    /// As [`Pair::fill`], with somebody who hears of progress.
    pub(crate) async fn fill_telling(&self, carried: &Carried, old: Option<&str>, reporter: &dyn Reporter) -> Result<Filled> {
        let mut plain = Plain::onto(self.target);
        if let Some(old) = old {
            let archive = archive::dump(&plain.tools, &endpoint(self.target, old), None, &plain.stop).await.unwrap();
            plain.inherited = Inherited::from_archive(&archive);
        }
        let key = mask_key();
        copy::fill(&self.route(), &Filling { mask_key: Some(&key), reporter, ..plain.filling(carried) }).await
    }

    /// Copies what is carried, in a snapshot that is kept so.
    pub(crate) async fn fill_keeping(&self, carried: &Carried, keeping: Keeping<'_>) -> Result<Filled> {
        copy::fill(&self.route(), &Filling { keeping, ..Plain::onto(self.target).filling(carried) }).await
    }

    /// Copies everything.
    pub(crate) async fn fill_all(&self) -> Filled {
        let carried = copy::everything(&self.facts().await);
        self.fill(&carried, None).await.unwrap_or_else(|error| panic!("{error}: {:?}", std::error::Error::source(&error)))
    }
}

const OLD_PUBLIC: &str = "--
-- Name: public; Type: SCHEMA; Schema: -; Owner: postgres
--

-- *not* creating schema, since initdb creates it


ALTER SCHEMA public OWNER TO postgres;

";

/// A dump as text by one version of `pg_dump`, without what differs between any two.
pub(crate) fn dump(cluster: &Cluster, database: &str, by: Major, options: &[&str]) -> String {
    let mut command = Command::new(Installation::find(by).unwrap().bin("pg_dump"));
    command.args(["-h", "127.0.0.1", "-p", &cluster.port().to_string(), "-U", SUPERUSER, "-d", database]).args(options);
    let output = command.env("PGPASSWORD", SUPERUSER_PASSWORD).env("LC_ALL", "C").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let dump = String::from_utf8(output.stdout).unwrap();
    let always = ["-- Dumped", "\\restrict", "\\unrestrict"];
    // Since version 15 the schema `public` has another owner, which newer versions of `pg_dump` tell of older servers.
    let dump = dump.replace(OLD_PUBLIC, "");
    dump.lines()
        .filter(|line| always.iter().all(|start| !line.starts_with(start)))
        .fold(String::new(), |text, line| text + line + "\n")
}

/// Fails with the first lines that differ.
#[track_caller]
pub(crate) fn assert_same(one: &str, other: &str) {
    if one == other {
        return;
    }
    let (ours, theirs): (Vec<&str>, Vec<&str>) = (one.lines().collect(), other.lines().collect());
    let at = ours.iter().zip(&theirs).position(|(one, other)| one != other).unwrap_or(ours.len().min(theirs.len()));
    let around = |lines: &[&str]| lines[at.saturating_sub(6).min(lines.len())..lines.len().min(at + 8)].join("\n");
    panic!("they differ at line {at}:\n--- source\n{}\n--- copy\n{}", around(&ours), around(&theirs));
}
