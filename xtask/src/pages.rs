//! What people write in Markdown, as far as a program can check it: generated pages are fresh, limits are true, links lead somewhere.

mod limits;
mod links;

use crate::workspace::{self, Source};
use crate::{Outcome, generated};

/// Checks every page; prints each finding.
pub(crate) fn check() -> Outcome {
    let sources = workspace::sources()?;
    let mut findings = limits::check(&sources)?;
    findings.extend(links::check(&sources));
    if let Err(stale) = generated::run(&["--check".to_owned()]) {
        findings.push(stale);
    }
    for finding in &findings {
        println!("{finding}");
    }
    let pages = sources.iter().filter(|source| is_page(source)).count();
    let line = format!("{pages} pages, {} findings", findings.len());
    if findings.is_empty() { Ok(line) } else { Err(line) }
}

fn is_page(source: &Source) -> bool {
    source.has_extension("md") && !source.path.starts_with("crates/")
}
