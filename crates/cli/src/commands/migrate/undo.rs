//! `restage migrate undo`

use super::asked::{Asked, wrong};
use super::{connected, failed, misconfigured};
use crate::args::migrate::{Scripts, UndoMigrations as Args};
use crate::args::{Common, Format};
use crate::render::plural;
use crate::screen::Screen;
use restage_migrate::version::Version;
use restage_providers::migrator::stop::Stop;
use restage_providers::migrator::{Access, Ended, scripts};

pub(super) async fn run(common: &Common, access: &Access, args: &Args, screen: Screen) -> Result<(), Ended> {
    let down_to = args.scripts.target.as_deref().map(Version::parse).transpose();
    let down_to = down_to.map_err(|error| misconfigured(wrong(format!("`--target`: {}", error.message)).into()))?;
    // It says what stays, and not how far a run would go.
    let settings = Scripts { target: None, ..args.scripts.clone() };
    let (asked, resolved) = Asked::resolved(common, screen, access, &args.which, &settings, None).await?;
    let stop = Stop::never();
    asked.may_change(screen, args.yes, &stop).await.map_err(|error| misconfigured(error.into()))?;
    let runner = connected(&resolved, &stop).await?;
    let scripts = scripts(&runner, &resolved)?;
    let undone = runner.undo(&scripts, down_to.as_ref()).await.map_err(failed)?;
    let names: Vec<&str> = undone.applied.iter().map(|applied| applied.script.as_str()).collect();
    match screen.format() {
        Format::Json => screen.json(&serde_json::json!({
            "exit": 0, "before": undone.before, "after": undone.after, "applied": names, "errors": [],
        })),
        Format::Text => {
            let at = undone.after.map_or("no version".to_owned(), |version| format!("version {version}"));
            screen.data(&format!("{} run; the schema of `{}` is at {at}", plural(names.len() as u64, "undo script"), asked.name));
        }
    }
    Ok(())
}
