//! Production's event triggers, which are in the copy by the time the target's own is brought back: they are not meant for that.

use crate::Result;
use crate::connect::TargetClient;
use restage_core::schema::quote_identifier;

/// Those that would fire, and that the login role may disable; an extension's are no business of anybody's.
const FIRING: &str = "SELECT evtname::text, evtenabled::text FROM pg_event_trigger t \
     WHERE evtenabled <> 'D' AND pg_has_role(evtowner, 'USAGE') AND NOT EXISTS \
       (SELECT FROM pg_depend d WHERE d.classid = 'pg_event_trigger'::regclass AND d.objid = t.oid AND d.deptype = 'e') \
     ORDER BY evtname";

/// What puts event triggers back as they were.
pub(crate) struct Paused(Vec<String>);

/// Disables them within the transaction that is open, until [`resume`].
pub(crate) async fn pause(client: &TargetClient) -> Result<Paused> {
    let mut paused = Vec::new();
    for row in client.reader().query("list the event triggers", FIRING, &[]).await? {
        let name = quote_identifier(row.get(0));
        let word = match row.get(1) {
            "A" => "ENABLE ALWAYS",
            "R" => "ENABLE REPLICA",
            _ => "ENABLE",
        };
        client.run("disable event triggers", &format!("ALTER EVENT TRIGGER {name} DISABLE")).await?;
        paused.push(format!("ALTER EVENT TRIGGER {name} {word}"));
    }
    Ok(Paused(paused))
}

/// Puts them back as they were.
pub(crate) async fn resume(client: &TargetClient, paused: &Paused) -> Result<()> {
    if paused.0.is_empty() {
        return Ok(());
    }
    client.run("enable event triggers", &paused.0.join("; ")).await
}
