//! A copy, and everything that can tell it from its source: counts, checksums, and what `pg_dump` writes of both.

use crate::place::{Plain, assert_same, dump, endpoint};
use restage_core::provider::{Carried, Filled, Verified, Verify};
use restage_lab::Cluster;
use restage_pgcopy::connect::Endpoint;
use restage_pgcopy::copy::{self, Filling, Route};
use restage_pgcopy::stop::Stop;
use restage_pgcopy::{Result, verify};
use std::num::NonZeroUsize;

/// Sessions that sum up a copy.
const WORKERS: NonZeroUsize = NonZeroUsize::new(2).unwrap();
/// Of grants and publications nothing is copied unless asked.
const COMPARED: [&str; 3] = ["--no-privileges", "--no-publications", "--encoding=UTF8"];

/// A database of a cluster.
#[derive(Clone, Copy)]
pub(crate) struct Database<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) name: &'a str,
}

impl Database<'_> {
    pub(crate) fn endpoint(&self) -> Endpoint {
        endpoint(self.cluster, self.name)
    }

    /// Makes it, with further words of `CREATE DATABASE`.
    pub(crate) fn create(&self, options: &str) {
        self.cluster.psql("postgres", &format!("CREATE DATABASE \"{}\" TEMPLATE template0 {options}", self.name)).unwrap();
    }

    pub(crate) fn psql(&self, sql: &str) -> String {
        self.cluster.psql(self.name, sql).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// From where to where a database is copied.
#[derive(Clone, Copy)]
pub(crate) struct Journey<'a> {
    pub(crate) from: Database<'a>,
    pub(crate) to: Database<'a>,
}

impl<'a> Journey<'a> {
    /// From `app` of one cluster to `copy` of another.
    pub(crate) fn between(source: &'a Cluster, target: &'a Cluster) -> Self {
        Self { from: Database { cluster: source, name: "app" }, to: Database { cluster: target, name: "copy" } }
    }

    /// Makes both databases, and fills the source.
    pub(crate) fn arranged(source: &'a Cluster, target: &'a Cluster, sql: &str) -> Self {
        let journey = Self::between(source, target);
        journey.from.create("");
        journey.from.psql(sql);
        journey.to.create("");
        journey
    }

    pub(crate) fn route(&self) -> Route {
        Route { source: self.from.endpoint(), target: self.to.endpoint() }
    }

    /// Everything, with checksums.
    pub(crate) async fn carried(&self) -> Carried {
        let facts = Plain::onto(self.to.cluster).facts(&self.from.endpoint()).await;
        Carried { verify: Verify::Checksums, ..copy::everything(&facts) }
    }

    /// Copies over a route of its own, such as one through a proxy.
    pub(crate) async fn fill_by(&self, route: &Route, carried: &Carried, stop: &Stop) -> Result<Filled> {
        copy::fill(route, &Filling { stop, ..Plain::onto(self.to.cluster).filling(carried) }).await
    }

    pub(crate) async fn fill(&self, carried: &Carried) -> Result<Filled> {
        self.fill_by(&self.route(), carried, &Stop::never()).await
    }

    /// Compares the rows with what the copy says of the source's.
    pub(crate) async fn verify(&self, filled: &Filled) -> Result<Verified> {
        verify::rows(&self.to.endpoint(), filled, WORKERS, &Stop::never()).await
    }

    /// Copies everything and finds no difference.
    pub(crate) async fn faithful(&self) -> Filled {
        let filled = self.fill(&self.carried().await).await.unwrap_or_else(|error| panic!("{}", told(&error)));
        self.assert_equal(&filled, &[]).await;
        filled
    }

    /// Neither a checksum nor a line of a dump differs.
    pub(crate) async fn assert_equal(&self, filled: &Filled, options: &[&str]) {
        let verified = self.verify(filled).await.unwrap_or_else(|error| panic!("{}", told(&error)));
        let summed = filled.tables.values().filter(|table| table.checksum.is_some()).count();
        assert_eq!(verified.checksums, summed as u64);
        let options = [&COMPARED, options].concat();
        let newest = self.from.cluster.major().max(self.to.cluster.major());
        let dumps = [self.from, self.to].map(|database| dump(database.cluster, database.name, newest, &options));
        assert_same(&dumps[0], &dumps[1]);
    }
}

/// An error with its cause.
pub(crate) fn told(error: &restage_pgcopy::Error) -> String {
    format!("{error}: {:?}", std::error::Error::source(error))
}
