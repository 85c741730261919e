//! The refresh in one transaction: the content is the old one until it is committed, and whoever
//! uses it waits for that.

use super::fill::{mask_key, tools};
use super::listing::list;
use super::mark::{Mark, Origin, Role};
use super::servers::{Caller, Servers};
use super::shadow::{LOCK_LIMIT, comment_on};
use super::surviving;
use super::transaction::{self, Transaction};
use super::trouble::told;
use super::work::Setting;
use futures::future::BoxFuture;
use jiff::Timestamp;
use restage_core::environment::DatabaseAddress;
use restage_core::name::RunId;
use restage_core::provider::{Filled, InPlaceSpec, Refreshed, Verified};
use restage_core::schema::{Schema, Table, TableKind, TableName};
use restage_core::{Code, Result};
use restage_pgcopy::archive::Archive;
use restage_pgcopy::connect::TargetClient;
use restage_pgcopy::copy::{self, Filling, Inherited, Keeping};
use restage_pgcopy::delta::{self, Restoration};
use restage_pgcopy::keep::{self, Follow};
use restage_pgcopy::mask::MaskKey;
use restage_pgcopy::tools::Tools;
use restage_pgcopy::{catalog, facts, verify};
use serde_json::Value;
use std::time::Instant;

/// Whether the run's refresh of that database was committed: its mark was set in the same transaction.
pub(super) async fn was_refreshed_by(servers: &Servers, address: &DatabaseAddress, run: &RunId) -> Result<bool> {
    let client = servers.maintain(address, &Caller::run(run)).await?;
    let listing = list(&client).await?;
    let comment = listing.find(address.database.as_str()).map(super::listing::Listed::comment).unwrap_or_default();
    Ok(matches!(comment.mark_of(run).map(|mark| &mark.role), Some(Role::Live(_))))
}

/// Refreshes, unless an earlier attempt has committed.
pub(super) fn refresh<'a>(servers: &'a Servers, spec: &'a InPlaceSpec, setting: &'a Setting) -> BoxFuture<'a, Result<Value>> {
    Box::pin(async move {
        if let Some(receipt) = transaction::committed(&setting.folder, servers, &spec.target).await? {
            return Ok(receipt);
        }
        let tools = tools(servers, &spec.source, &spec.target).await?;
        let archive = servers.archives().now(&servers.read(&spec.target).await?, &tools, &setting.stop).await.map_err(told)?;
        let client = servers.write(&spec.target, &Caller::job(&setting.job)).await?;
        expect_target(&client, &archive, spec).await?;
        let transaction = Transaction::begin(&client, &setting.folder).await?;
        let mask_key = mask_key(servers, spec.carried.mask_secret.as_ref()).await?;
        let refreshing =
            Refreshing { servers, spec, setting, tools: &tools, archive: &archive, client: &client, mask_key: mask_key.as_ref() };
        let refreshed = match refreshing.run().await {
            Ok(refreshed) => refreshed,
            Err(error) => {
                transaction::roll_back(&client).await;
                return Err(error);
            }
        };
        let receipt = serde_json::to_value(refreshed).expect("receipts are plain data");
        transaction.commit(&client, &setting.folder, servers, &spec.target, receipt).await
    })
}

/// Refuses a target that is not the one that was planned for.
async fn expect_target(client: &TargetClient, archive: &Archive, spec: &InPlaceSpec) -> Result<()> {
    let identity = facts::identity(client.reader()).await.map_err(told)?;
    let stale = |what: &str| {
        let error = Code::PlanStale.error(format!("{what} of {} was changed since the plan was made", spec.target));
        Err(error.help("plan again, read what changed, and start a new run"))
    };
    if identity == spec.carried.source_identity {
        let error = Code::SameDatabase.error(format!("{} and {} are the same database", spec.source, spec.target));
        return Err(error.help("correct the addresses in the environments file"));
    }
    if identity != spec.target_identity {
        return stale("the identity");
    }
    if facts::schema_digest(archive) != spec.target_structure {
        return stale("the structure");
    }
    Ok(())
}

/// The work within the open transaction.
struct Refreshing<'a> {
    servers: &'a Servers,
    spec: &'a InPlaceSpec,
    setting: &'a Setting,
    tools: &'a Tools,
    archive: &'a Archive,
    client: &'a TargetClient,
    mask_key: Option<&'a MaskKey>,
}

impl Refreshing<'_> {
    async fn run(&self) -> Result<Refreshed> {
        let (client, stop, surviving) = (self.client, &self.setting.stop, &self.spec.surviving);
        let schema: Schema = client.guard(stop, catalog::read(client.reader())).await.map_err(told)?;
        let tables = surviving::tables(surviving, &schema, Follow::All);
        let source = self.servers.read(&self.spec.source).await?;
        let theirs = verify::shortcomings(source.reader()).await.map_err(told)?;
        drop(source);
        let accepted = theirs.and(verify::shortcomings(client.reader()).await.map_err(told)?);
        let locked = Instant::now();
        self.lock(&schema).await?;
        client.guard(stop, keep::set_aside(client, &tables)).await.map_err(told)?;
        let standings = delta::standings(client.reader(), &schema, &surviving.deltas).await.map_err(told)?;
        let mut notes = client
            .guard(stop, copy::clear_within(client, &self.spec.carried.source_identity, self.archive, stop))
            .await
            .map_err(told)?;
        let mut filled = self.fill().await?;
        notes.append(&mut filled.notes);
        filled.notes = notes;
        let counted = verify::rows_within(client, &filled, stop).await.map_err(told)?;
        let kept = surviving::names(&tables);
        let what = Restoration { archive: self.archive, schema: &schema, deltas: &surviving.deltas, kept: &kept };
        let deltas = delta::restore_structure(client, what, &standings, stop).await.map_err(told)?;
        let kept = keep::carry_aside(client, &tables, &surviving.deltas, stop).await.map_err(told)?;
        let sound = verify::whole_within(client, &accepted, stop).await.map_err(told)?;
        let kept_rows = kept.tables.values().map(|table| table.found - table.dropped).sum();
        let verified = Verified { tables: counted.tables, rows: counted.rows, checksums: counted.checksums, kept_rows, ..sound };
        self.mark(&filled).await?;
        Ok(Refreshed { filled, deltas, kept, verified, outage_seconds: locked.elapsed().as_secs_f64() })
    }

    /// Keeps everybody out of the tables: whatever is written to a kept table from here on would be lost, and locks that are
    /// taken one by one as tables are dropped would meet those of others.
    async fn lock(&self, schema: &Schema) -> Result<()> {
        let own = |table: &&(&TableName, &Table)| table.1.kind != TableKind::Foreign && table.1.extension_config.is_none();
        let tables: Vec<_> = schema.tables.iter().collect();
        let names: Vec<String> = tables.iter().filter(own).map(|(name, _)| name.sql()).collect();
        let mut sql = format!("SET LOCAL lock_timeout = {}", LOCK_LIMIT.as_millis());
        if !names.is_empty() {
            sql = format!("{sql}; LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", names.join(", "));
        }
        let doing = format!("lock the tables of `{}`", self.spec.target.database);
        self.client.guard(&self.setting.stop, self.client.run(doing, &sql)).await.map_err(told)
    }

    async fn fill(&self) -> Result<Filled> {
        let filling = Filling {
            carried: &self.spec.carried,
            keeping: Keeping::Itself,
            inherited: &Inherited::from_archive(self.archive),
            mask_key: self.mask_key,
            tools: self.tools,
            archives: self.servers.archives(),
            stop: &self.setting.stop,
            reporter: &self.setting.reporter,
        };
        let source = self.servers.endpoint(&self.spec.source).await?;
        copy::fill_within(&source, self.client, &filling).await.map_err(told)
    }

    /// Part of the transaction, so that the mark is there if and only if the new content is.
    async fn mark(&self, filled: &Filled) -> Result<()> {
        let name = self.spec.target.database.as_str();
        let listing = list(self.client).await?;
        let comment = listing.find(name).map(super::listing::Listed::comment).unwrap_or_default();
        let origin = Origin { source: filled.source.clone(), data_at: filled.snapshot_at };
        let mark = Mark { run: self.spec.run.clone(), of: name.to_owned(), at: Timestamp::now(), role: Role::Live(origin) };
        self.client.run(format!("mark `{name}`"), &comment_on(name, &comment.only(mark))).await.map_err(told)
    }
}
