//! Whether a query gives an answer.

use super::{LOOK_LIMIT, short};
use crate::postgres::{Caller, Servers, expect_one_harmless, told};
use restage_core::environment::DatabaseAddress;
use restage_core::provider::Look;
use restage_core::{Code, Error, Result};
use restage_pgcopy::Kind;

/// Runs the query once in a transaction that can write nothing.
pub(super) async fn look(servers: &Servers, address: &DatabaseAddress, query: &str, returns: Option<&str>) -> Result<Look> {
    expect_one_harmless(query)?;
    match tokio::time::timeout(LOOK_LIMIT, ask(servers, address, query)).await {
        Ok(Ok(answer)) => Ok(compare(&answer, returns)),
        Ok(Err(error)) if is_passing(&error) => Ok(Look::NotYet(told_short(&error))),
        Ok(Err(error)) => Err(error),
        Err(_) => Ok(Look::NotYet(format!("no answer within {} s", LOOK_LIMIT.as_secs()))),
    }
}

/// What may be otherwise a little later: a server that is down, a table that is not there yet. A refused login stays refused.
fn is_passing(error: &Error) -> bool {
    error.retry || matches!(error.code, Code::CannotConnect | Code::ConnectionLost | Code::QueryFailed | Code::Interrupted)
}

fn told_short(error: &Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    short(&format!("{}{cause}", error.message))
}

/// What a query returned.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    NoRow,
    /// The first column of the first row as text; NULL is empty, as `psql` prints it.
    Row(String),
}

async fn ask(servers: &Servers, address: &DatabaseAddress, query: &str) -> Result<Answer> {
    let client = servers.write(address, &Caller::looking()).await?;
    let limit = LOOK_LIMIT.as_millis();
    let settings = format!("RESET ALL; SET statement_timeout = {limit}; SET lock_timeout = {limit}; BEGIN READ ONLY");
    client.run("set the session up", &settings).await.map_err(told)?;
    let rows = client.reader().rows("look", query).await.map_err(|error| {
        let error =
            if error.kind == Kind::PermissionDenied { error.help("grant the privilege, or ask for something else") } else { error };
        told(error)
    })?;
    Ok(rows.first().map_or(Answer::NoRow, |row| Answer::Row(row.try_get(0).ok().flatten().unwrap_or_default().to_owned())))
}

fn compare(answer: &Answer, returns: Option<&str>) -> Look {
    match (answer, returns) {
        (Answer::NoRow, _) => Look::NotYet("it returns no row".into()),
        (Answer::Row(_), None) => Look::Holds("it returns a row".into()),
        (Answer::Row(seen), Some(wanted)) => {
            let said = format!("it returns `{}`", short(seen));
            if seen == wanted { Look::Holds(said) } else { Look::NotYet(said) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_holds_when_it_is_the_one_wanted() {
        let answer = |text: &str| Answer::Row(text.to_owned());
        assert!(matches!(compare(&answer("t"), Some("t")), Look::Holds(_)));
        assert_eq!(compare(&answer("f"), Some("t")), Look::NotYet("it returns `f`".into()));
        assert!(matches!(compare(&Answer::NoRow, None), Look::NotYet(_)));
        assert!(matches!(compare(&answer(""), None), Look::Holds(_)));
        assert!(matches!(compare(&answer(""), Some("")), Look::Holds(_)));
    }
}
