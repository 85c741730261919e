//! The databases of the demo and the end-to-end tests: a made-up application's production, and a preprod that has drifted.
//!
//! The rows are the same every time: two productions of the same scale have equal dumps.

use crate::{Cluster, Result};

const SCHEMA: &str = include_str!("dataset/schema.sql");
const ROWS: &str = include_str!("dataset/rows.sql");
const CONSTRAINTS: &str = include_str!("dataset/constraints.sql");
const DRIFT: &str = include_str!("dataset/drift.sql");

/// A role that may log in, with its password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Login {
    /// The role's name.
    pub user: &'static str,
    /// Its password; no secret, but easily recognised where it must not appear.
    pub password: &'static str,
}

/// Owns production.
pub const PRODUCTION_OWNER: Login = Login { user: "production_owner", password: "lab-owner-9Xk4" };
/// May read all of production and write nothing: what a refresh should use.
pub const PRODUCTION_READER: Login = Login { user: "production_reader", password: "lab-reader-3Vt8" };
/// What the application itself uses in production.
pub const PRODUCTION_SERVICE: Login = Login { user: "production_service", password: "lab-service-5Hn1" };
/// Owns preprod and may create databases beside it.
pub const PREPROD_OWNER: Login = Login { user: "preprod_owner", password: "lab-preprod-6Jw7" };
/// What the application itself uses in preprod.
pub const PREPROD_SERVICE: Login = Login { user: "preprod_service", password: "lab-service-2Rb6" };
/// A tester, with rights in preprod that production knows nothing of.
pub const PREPROD_TESTER: Login = Login { user: "preprod_tester", password: "lab-tester-8Cz5" };

/// How many rows there are, as a share of the full size.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Scale(pub f64);

impl Scale {
    /// 1.4 million rows, about 300 MB; made in about ten seconds.
    pub const FULL: Self = Self(1.0);
    /// A thousandth of the full size, for tests.
    pub const TINY: Self = Self(0.001);

    /// The variables that the script of the rows expects.
    fn variables(self) -> String {
        let counts = [
            ("users", 5_000_f64),
            ("people", 200_000.0),
            ("applications", 150_000.0),
            ("assessments", 250_000.0),
            ("bookings", 300_000.0),
            ("notes", 250_000.0),
            ("events", 250_000.0),
        ];
        // A few of each are needed for the tables to refer to each other and for the drift to have its two users.
        counts.map(|(name, full)| format!("\\set {name} {:.0}\n", (full * self.0).max(10.0))).concat()
    }
}

/// Creates the database `name` as production, with its roles.
pub fn production(cluster: &Cluster, name: &str, scale: Scale) -> Result<()> {
    create_role(cluster, PRODUCTION_OWNER, "")?;
    create_role(cluster, PRODUCTION_READER, "")?;
    create_role(cluster, PRODUCTION_SERVICE, "")?;
    let (reader, service) = (PRODUCTION_READER.user, PRODUCTION_SERVICE.user);
    let grants = format!(
        "GRANT USAGE ON SCHEMA public, audit, reporting TO {reader}, {service};
         GRANT SELECT ON ALL TABLES IN SCHEMA public, audit, reporting TO {reader};
         GRANT SELECT ON ALL SEQUENCES IN SCHEMA public, audit, reporting TO {reader};
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public, audit TO {service};
         SELECT format('GRANT SELECT ON LARGE OBJECT %s TO {reader}', content) FROM documents \\gexec
         ALTER DEFAULT PRIVILEGES IN SCHEMA public, audit, reporting GRANT SELECT ON TABLES TO {reader};"
    );
    build(cluster, name, PRODUCTION_OWNER, &[SCHEMA, &scale.variables(), ROWS, CONSTRAINTS, &grants])
}

/// Creates the database `name` as preprod: the same schema with rows of its own scale, then the drift.
///
/// The drift: own users and accounts with their roles and qualifications, two users who differ from production's, the column
/// `users.test_persona`, the table `test_scenarios` that refers to users, the view `user_summary`, grants, database settings.
pub fn preprod(cluster: &Cluster, name: &str, scale: Scale) -> Result<()> {
    create_role(cluster, PREPROD_OWNER, "CREATEDB IN ROLE pg_signal_backend")?;
    create_role(cluster, PREPROD_SERVICE, "")?;
    create_role(cluster, PREPROD_TESTER, "")?;
    build(cluster, name, PREPROD_OWNER, &[SCHEMA, &scale.variables(), ROWS, CONSTRAINTS, DRIFT])
}

fn create_role(cluster: &Cluster, login: Login, options: &str) -> Result<()> {
    let Login { user, password } = login;
    cluster.psql("postgres", &format!("CREATE ROLE {user} LOGIN PASSWORD '{password}' {options}")).map(drop)
}

fn build(cluster: &Cluster, name: &str, owner: Login, parts: &[&str]) -> Result<()> {
    cluster.create_database(name)?;
    let owner = owner.user;
    cluster.psql("postgres", &format!("ALTER DATABASE \"{name}\" OWNER TO {owner}"))?;
    let script = format!("SET client_min_messages = warning;\nSET ROLE {owner};\n{}", parts.join("\n"));
    cluster.psql(name, &script).map(drop)
}
