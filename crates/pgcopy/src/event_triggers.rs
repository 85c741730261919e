//! Production's event triggers, which are in the copy by the time the target's own is brought back: they are not meant for that.

use crate::Result;
use crate::catalog::EVENT_TRIGGERS_OF_USERS;
use crate::connect::TargetClient;
use restage_core::schema::quote_identifier;

/// What puts event triggers back as they were.
pub(crate) struct Paused(Vec<String>);

/// Disables them within the transaction that is open, until [`resume`].
pub(crate) async fn pause(client: &TargetClient) -> Result<Paused> {
    let mut paused = Vec::new();
    // Those that would fire, and that the login role may disable; an extension's are no business of anybody's.
    let firing = format!(
        "SELECT evtname::text, evtenabled::text FROM pg_event_trigger t \
         WHERE evtenabled <> 'D' AND pg_has_role(evtowner, 'USAGE') AND {EVENT_TRIGGERS_OF_USERS} ORDER BY evtname"
    );
    for row in client.reader().query("list the event triggers", &firing, &[]).await? {
        let (name, word) = (quote_identifier(row.get(0)), enabling(row.get(1)));
        client.run("disable event triggers", &format!("ALTER EVENT TRIGGER {name} DISABLE")).await?;
        paused.push(format!("ALTER EVENT TRIGGER {name} {word}"));
    }
    Ok(Paused(paused))
}

/// How a trigger of any sort is enabled again as the catalogs say that it was.
pub(crate) fn enabling(state: &str) -> &'static str {
    match state {
        "A" => "ENABLE ALWAYS",
        "R" => "ENABLE REPLICA",
        _ => "ENABLE",
    }
}

/// Puts them back as they were.
pub(crate) async fn resume(client: &TargetClient, paused: &Paused) -> Result<()> {
    if paused.0.is_empty() {
        return Ok(());
    }
    client.run("enable event triggers", &paused.0.join("; ")).await
}
