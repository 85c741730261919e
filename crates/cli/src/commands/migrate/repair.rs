//! `restage migrate repair`

use super::asked::Asked;
use super::{connected, failed, misconfigured};
use crate::args::migrate::Repair as Args;
use crate::args::{Common, Format};
use crate::commands::agreed;
use crate::screen::Screen;
use restage_migrate::runner::Repaired;
use restage_providers::migrator::stop::Stop;
use restage_providers::migrator::{Access, Ended, scripts};

pub(super) async fn run(common: &Common, access: &Access, args: &Args, screen: Screen) -> Result<(), Ended> {
    let (asked, resolved) = Asked::resolved(common, screen, access, &args.which, &args.scripts, None).await?;
    let stop = Stop::never();
    let runner = connected(&resolved, &stop).await?;
    let scripts = scripts(&runner, &resolved)?;
    let planned = runner.plan_repair(&scripts).await.map_err(failed)?;
    if planned.changes.is_empty() && planned.dropped.is_none() {
        show(&planned, false, screen);
        screen.talk("There is nothing to repair.");
        return Ok(());
    }
    screen.talk_folded(&format!("In the history of `{}`, a repair would:", asked.name), 0, 2);
    planned.changes.iter().for_each(|change| screen.talk_folded(&change.to_string(), 2, 2));
    if let Some(dropped) = &planned.dropped {
        screen.talk_folded(&format!("forget how far `{}` came; what it has done stays: {dropped}", dropped.script), 2, 2);
    }
    if !agreed(screen, "Do it?", args.yes).map_err(misconfigured)? {
        show(&planned, false, screen);
        return Ok(());
    }
    let repaired = runner.repair(&scripts).await.map_err(failed)?;
    show(&repaired, true, screen);
    Ok(())
}

fn show(repaired: &Repaired, done: bool, screen: Screen) {
    match screen.format() {
        Format::Json => screen.json(&serde_json::json!({
            "exit": 0, "done": done, "changes": repaired.changes, "dropped": repaired.dropped, "errors": [],
        })),
        Format::Text if done => screen.data("repaired"),
        Format::Text => {}
    }
}
