//! Reference pages that restage writes about itself: `cargo xtask docs` writes them, `docs --check` fails when they differ.
//!
//! One module per kind of page. What people write is checked in [`crate::pages`], as far as a program can.

mod command_line;
mod error_codes;
mod schema_page;

use std::fs;

use restage_core::environment::Environments;
use restage_core::scenario::Scenario;

use crate::{Outcome, workspace};

/// A page, and the function that writes it.
struct Page {
    path: &'static str,
    write: fn() -> Result<String, String>,
}

/// Every generated page.
const PAGES: &[Page] = &[
    Page { path: "docs/reference/environments.md", write: || Ok(schema_page::write(&Environments::schema(), &ENVIRONMENTS)) },
    Page { path: "docs/reference/scenario.md", write: || Ok(schema_page::write(&Scenario::schema(), &SCENARIO)) },
    Page { path: "docs/reference/errors.md", write: || Ok(error_codes::write()) },
    Page { path: "docs/reference/cli.md", write: command_line::write },
];

const ENVIRONMENTS: schema_page::Subject =
    schema_page::Subject { title: "environments.yaml, every key", file: "environments", templates: false };
const SCENARIO: schema_page::Subject =
    schema_page::Subject { title: "scenarios/NAME.yaml, every key", file: "scenario", templates: true };

/// Writes the pages, or with `--check` compares them.
pub(crate) fn run(words: &[String]) -> Outcome {
    let check = match words {
        [] => false,
        [word] if word == "--check" => true,
        _ => return Err(format!("`{}`: only `--check` can be said here", words.join(" "))),
    };
    let mut differing = Vec::new();
    for page in PAGES {
        let (path, fresh) = (workspace::root().join(page.path), (page.write)()?);
        // A page that is not there yet differs from any.
        let old = fs::read_to_string(&path).unwrap_or_default();
        if old == fresh {
            continue;
        }
        differing.push(page.path);
        if !check {
            let folder = path.parent().expect("a page stands in the workspace");
            let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, fresh));
            written.map_err(|error| format!("cannot write `{}`: {error}", page.path))?;
        }
    }
    match (check, differing.is_empty()) {
        (true, false) => Err(format!("out of date, run `cargo xtask docs`: {}", differing.join(", "))),
        (false, false) => Ok(format!("{} of {} pages written: {}", differing.len(), PAGES.len(), differing.join(", "))),
        (_, true) => Ok(format!("{} generated pages are up to date", PAGES.len())),
    }
}
