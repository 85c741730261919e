//! `restage migrate snapshot`

use super::asked::{Asked, wrong};
use super::misconfigured;
use crate::args::migrate::Snapshot as Args;
use crate::args::{Common, Format};
use crate::screen::Screen;
use restage_core::schema::TablePattern;
use restage_providers::migrator::{Access, Ended, snapshot};

pub(super) async fn run(common: &Common, access: &Access, args: &Args, screen: Screen) -> Result<(), Ended> {
    let only = args.only.iter().map(|pattern| TablePattern::parse(pattern)).collect::<Result<Vec<_>, _>>();
    let only = only.map_err(|message| misconfigured(wrong(message).into()))?;
    let asked = Asked::read(common, &args.which, None, None).map_err(misconfigured)?;
    let endpoint = asked.configuration.endpoint(access).await;
    let endpoint = endpoint.map_err(|error| misconfigured(error.into()))?;
    let models = snapshot(&endpoint, &only).await?;
    match screen.format() {
        Format::Json => screen.json(&serde_json::json!({ "exit": 0, "models": models.to_string(), "errors": [] })),
        Format::Text => screen.data(&models.to_string()),
    }
    Ok(())
}
