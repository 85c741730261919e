//! `restage migrate validate`

use super::asked::Asked;
use super::{connected, failed, passed_over};
use crate::args::migrate::Validate as Args;
use crate::args::{Common, Format};
use crate::render::plural;
use crate::screen::Screen;
use restage_core::signal::ExitStatus;
use restage_providers::migrator::stop::Stop;
use restage_providers::migrator::{Access, Ended, Resolved, differences, overlooked, scripts, told_of_migrations};

pub(super) async fn run(common: &Common, access: &Access, args: &Args, screen: Screen) -> Result<(), Ended> {
    let (_, resolved) = Asked::resolved(common, screen, access, &args.which, &args.scripts, args.models.as_deref()).await?;
    let only_models = resolved.settings.locations.is_empty() && resolved.models.is_some();
    let migrations = if only_models { None } else { Some(history(&resolved, screen).await?) };
    let tables = models(&resolved).await?;
    match screen.format() {
        Format::Json => screen.json(&serde_json::json!({ "exit": 0, "migrations": migrations, "models": tables, "errors": [] })),
        Format::Text => {
            if let Some(count) = migrations {
                screen.data(&format!("history and scripts agree on {}", plural(count as u64, "migration")));
            }
            if let Some(count) = tables {
                screen.data(&format!(
                    "{} as the models say",
                    if count == 1 { "1 table is".to_owned() } else { format!("{count} tables are") }
                ));
            }
        }
    }
    Ok(())
}

/// Compares scripts and history; the number of scripts if they agree.
async fn history(resolved: &Resolved, screen: Screen) -> Result<usize, Ended> {
    let stop = Stop::never();
    let runner = connected(resolved, &stop).await?;
    let scripts = scripts(&runner, resolved)?;
    passed_over(&overlooked(&scripts), screen);
    let found = runner.validate(&scripts).await.map_err(failed)?;
    if found.is_empty() {
        return Ok(scripts.migrations.len());
    }
    Err(Ended::by(ExitStatus::MigrationFailed, found.into_iter().map(told_of_migrations).collect()))
}

async fn models(resolved: &Resolved) -> Result<Option<usize>, Ended> {
    let Some(models) = &resolved.models else { return Ok(None) };
    let found = differences(&resolved.endpoint, models).await?;
    if found.is_empty() { Ok(Some(models.tables.len())) } else { Err(Ended::by(ExitStatus::ValidationFailed, found)) }
}
