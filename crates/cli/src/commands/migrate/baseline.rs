//! `restage migrate baseline`

use super::asked::Asked;
use super::{connected, failed, misconfigured};
use crate::args::migrate::Baseline as Args;
use crate::args::{Common, Format};
use crate::screen::Screen;
use restage_migrate::scripts::Scripts;
use restage_providers::migrator::stop::Stop;
use restage_providers::migrator::{Access, Ended};

pub(super) async fn run(common: &Common, access: &Access, args: &Args, screen: Screen) -> Result<(), Ended> {
    let (asked, resolved) = Asked::resolved(common, screen, access, &args.which, &args.scripts, None).await?;
    let stop = Stop::never();
    asked.may_change(screen, args.yes, &stop).await.map_err(|error| misconfigured(error.into()))?;
    let runner = connected(&resolved, &stop).await?;
    // Of scripts only callbacks matter here, and there need not be any.
    let scripts = if resolved.settings.locations.is_empty() {
        Scripts::default()
    } else {
        restage_providers::migrator::scripts(&runner, &resolved)?
    };
    let baselined = runner.baseline(&scripts).await.map_err(failed)?;
    match screen.format() {
        Format::Json => screen.json(&serde_json::json!({
            "exit": 0, "version": baselined.version, "had_it": baselined.had_it,
            "created_schemas": baselined.created_schemas, "errors": [],
        })),
        Format::Text if baselined.had_it => screen.data(&format!("the history begins with version {} already", baselined.version)),
        Format::Text => screen.data(&format!("the history of `{}` begins with version {}", asked.name, baselined.version)),
    }
    Ok(())
}
