//! What is copied. A further set is a variant here, with what fills it and what its scenario says.

use restage_lab::dataset::{self as application, PREPROD_OWNER, PRODUCTION_READER, Scale};
use restage_lab::{Cluster, SUPERUSER, SUPERUSER_PASSWORD};

use std::str::FromStr;

use super::Course;
use crate::program::must;
use crate::site::{DATABASE, Login, Site, told};

const MIXED: &str = include_str!("dataset/mixed.sql");
const SMALL: &str = include_str!("dataset/small.sql");
const SUPERUSER_LOGIN: Login = Login { user: SUPERUSER, password: SUPERUSER_PASSWORD };
/// What of the mixed set the target has before: something, so that its structure is there.
const MIXED_TARGET_SHARE: f64 = 0.01;
/// The tables of the application whose rows in the target survive.
const APPLICATION_KEEP: &str = "
      keep:
        - { table: users, on-conflict: keep-target }
        - { table: user_role_assignments, on-conflict: keep-target }
        - { table: user_qualification_assignments, on-conflict: keep-target }
        - { table: accounts, match: [login], on-conflict: keep-target, on-collision: renumber }
        - { table: account_role_assignments, on-conflict: keep-target }";

/// Three text columns of the mixed set's largest table.
pub(super) const THREE_MASKS: [(&str, &str); 3] =
    [("letters.sender", "name"), ("letters.email", "email"), ("letters.body", "text")];

/// A source to be copied, and a target as it is before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Dataset {
    /// The made-up application of the demo: 1.4 million rows in many tables, a drifted target with users of its own.
    Application,
    /// 2 GB: text, jsonb, bytea, numbers, rows of megabytes, several indexes, foreign keys.
    Mixed,
    /// What `pgbench` makes at 100 times the scale: nearly all of it one table.
    Pgbench,
    /// Many small tables.
    Small,
}

impl FromStr for Dataset {
    type Err = ();
    fn from_str(name: &str) -> Result<Self, ()> {
        match name {
            "application" => Ok(Self::Application),
            "mixed" => Ok(Self::Mixed),
            "pgbench" => Ok(Self::Pgbench),
            "small" => Ok(Self::Small),
            _ => Err(()),
        }
    }
}

impl Dataset {
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Application => "the demo's application: many tables, kept rows, a drifted target",
            Self::Mixed => "mixed: text, jsonb, bytea, numbers, large rows, several indexes",
            Self::Pgbench => "pgbench: one table is nearly all of it",
            Self::Small => "many small tables, each with a key, an index and a foreign key",
        }
    }

    /// Starts the servers and fills them.
    pub(super) fn site(self, course: &Course) -> Result<Site, String> {
        println!("filling two servers: {}", self.title());
        match self {
            Self::Application => {
                let logins = [PRODUCTION_READER, PREPROD_OWNER].map(|login| Login { user: login.user, password: login.password });
                let site = Site::start(&course.program, logins)?;
                application::production(&site.source, DATABASE, Scale(course.scale)).map_err(told)?;
                application::preprod(&site.target, DATABASE, Scale(course.scale)).map_err(told)?;
                Ok(site)
            }
            Self::Pgbench => {
                let site = Site::start(&course.program, [SUPERUSER_LOGIN; 2])?;
                site.source.create_database(DATABASE).map_err(told)?;
                let mut fill = site.source.client("pgbench");
                let scale = format!("{:.0}", (course.scale * 100.0).max(1.0));
                fill.args(["--initialize", "--quiet", "--init-steps=dtgvpf", "--scale", &scale, DATABASE]);
                must(fill)?;
                Ok(site)
            }
            Self::Small => {
                let site = Site::start(&course.program, [SUPERUSER_LOGIN; 2])?;
                fill(&site.source, SMALL, course.scale)?;
                Ok(site)
            }
            Self::Mixed => {
                let site = Site::start(&course.program, [SUPERUSER_LOGIN; 2])?;
                fill(&site.source, MIXED, course.scale)?;
                fill(&site.target, MIXED, course.scale * MIXED_TARGET_SHARE)?;
                Ok(site)
            }
        }
    }

    /// The stages of a refresh that masks these columns, each with its mask.
    pub(super) fn stages(self, masks: &[(&str, &str)]) -> String {
        let keep = if self == Self::Application { APPLICATION_KEEP } else { "" };
        let masks: Vec<String> = masks.iter().map(|(column, with)| format!("{{ column: {column}, with: {with} }}")).collect();
        let masks = masks.join(", ");
        format!(
            "stages:\n  - copy-database:\n      database: {DATABASE}{keep}\n      mask: [{masks}]\n      swap: {{ drain: 0s, within: 30s }}\n"
        )
    }

    /// How much is copied, for the findings.
    pub(super) fn size(site: &Site) -> Result<String, String> {
        let question = format!("SELECT pg_size_pretty(pg_database_size('{DATABASE}'))");
        site.source.psql(DATABASE, &question).map_err(told)
    }
}

fn fill(cluster: &Cluster, sql: &str, scale: f64) -> Result<(), String> {
    cluster.create_database(DATABASE).map_err(told)?;
    cluster.psql(DATABASE, &format!("\\set scale {scale}\n{sql}")).map(drop).map_err(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site;

    #[test]
    fn the_scenarios_are_valid() {
        for stages in [Dataset::Application.stages(&[]), Dataset::Mixed.stages(&[]), Dataset::Mixed.stages(&THREE_MASKS)] {
            site::check_scenario(&stages);
        }
    }
}
