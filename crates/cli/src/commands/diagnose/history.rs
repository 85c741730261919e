//! `restage diagnose --history`: what was fixed, by whom, and why.

use crate::args::Format;
use crate::desk::Desk;
use crate::fault::{Fault, exit};
use crate::render;
use crate::screen::Screen;

/// Fixes that are shown.
const SHOWN: usize = 50;

pub(super) async fn show(desk: &Desk, screen: Screen) -> Result<u8, Fault> {
    let fixes = desk.store().fixes(SHOWN).await?;
    match screen.format() {
        Format::Text => screen.data(&render::fixes(&fixes, screen)),
        Format::Json => screen.json(&fixes),
    }
    Ok(exit::DONE)
}
