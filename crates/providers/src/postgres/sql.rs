//! SQL of the user's, in one transaction.

use super::servers::{Caller, Servers};
use super::statements::expect_no_transactions;
use super::transaction::{self, Transaction};
use super::trouble::told;
use super::work::Setting;
use futures::TryStreamExt;
use restage_core::name::JobName;
use restage_core::provider::{SqlDone, SqlSpec};
use restage_core::schema::quote_literal;
use restage_core::{Code, Error, Result};
use restage_pgcopy::Kind;
use restage_pgcopy::connect::{TargetClient, WATCH_CLIENT};
use serde_json::Value;
use tokio_postgres::SimpleQueryMessage;

/// Runs the statements, unless an earlier attempt has committed them.
pub(super) async fn run(servers: &Servers, spec: &SqlSpec, setting: &Setting) -> Result<Value> {
    expect_no_transactions(&spec.statement)?;
    if let Some(receipt) = transaction::committed(&setting.folder, servers, &spec.address).await? {
        return Ok(receipt);
    }
    let client = servers.write(&spec.address, &Caller::job(&setting.job)).await?;
    set_up(&client, &setting.job).await?;
    let transaction = Transaction::begin(&client, &setting.folder).await?;
    let done = match client.guard(&setting.stop, statements(&client, &spec.statement)).await {
        Ok(done) => done,
        Err(error) => {
            transaction::roll_back(&client).await;
            return Err(refused(error));
        }
    };
    let receipt = serde_json::to_value(done).expect("receipts are plain data");
    transaction.commit(&client, &setting.folder, servers, &spec.address, receipt).await
}

/// Gives the session the settings that the database and the role have, as in `psql`; only the server's time limits give way to
/// the stage's.
async fn set_up(client: &TargetClient, job: &JobName) -> Result<()> {
    let name = quote_literal(Caller::job(job).as_str());
    let settings = format!(
        "RESET ALL; SET application_name = {name}; SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; \
         SET standard_conforming_strings = on"
    );
    client.run("set the session up", &settings).await.map_err(told)?;
    // Not every system's server can watch its clients.
    let watch = format!("SET client_connection_check_interval = {}", WATCH_CLIENT.as_millis());
    let _ = client.run("set the session up", &watch).await;
    Ok(())
}

/// Runs a script and counts the rows of all its statements; the rows themselves are thrown away as they come.
async fn statements(client: &TargetClient, script: &str) -> restage_pgcopy::Result<SqlDone> {
    let failed = |error: &tokio_postgres::Error| {
        restage_pgcopy::Error::postgres(format!("cannot run the statements in {}", client.endpoint()), error)
    };
    let messages = client.simple_query_raw(script).await.map_err(|error| failed(&error))?;
    let mut messages = std::pin::pin!(messages);
    let mut rows = 0;
    while let Some(message) = messages.try_next().await.map_err(|error| failed(&error))? {
        if let SimpleQueryMessage::CommandComplete(count) = message {
            rows += count;
        }
    }
    Ok(SqlDone { rows })
}

/// What the server says of the user's statements is the user's to read, rows it quotes left out.
fn refused(error: restage_pgcopy::Error) -> Error {
    let statement = matches!(error.kind, Kind::Query | Kind::Missing | Kind::ConstraintViolated);
    let told = told(error);
    if !statement {
        return told;
    }
    let said = std::error::Error::source(&told).map(ToString::to_string).unwrap_or_default();
    let error = Code::QueryFailed.error(format!("{}: {said}", told.message));
    error.help("nothing of them was committed: mend what they meet and `restage resume`, or `restage undo`, correct them and run again; a run keeps its statements").because(told)
}
