//! The rules of style that no other tool knows. Each rule is a function from a file to its findings, in a module of its own.
//!
//! A function may be longer than the limit if a comment above it says why: `// tidy: long, REASON`.

mod lengths;
mod names;
mod lints;
mod purity;
mod places;

use std::fmt;

use crate::Outcome;
use crate::workspace::{self, Source};

/// A place where a rule is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    path: String,
    line: usize,
    message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Checks every file of the workspace.
pub(crate) fn run(_words: &[String]) -> Outcome {
    let sources = workspace::sources()?;
    let mut findings = Vec::new();
    for source in &sources {
        check(source, &mut findings)?;
    }
    for finding in &findings {
        println!("{finding}");
    }
    let long = sources.iter().filter_map(lengths::deserves_a_look);
    let looks: Vec<String> = long.collect();
    for look in &looks {
        println!("{look}");
    }
    let line = format!("{} files, {} findings, {} long files to look at", sources.len(), findings.len(), looks.len());
    if sources.is_empty() || !findings.is_empty() { Err(line) } else { Ok(line) }
}

fn check(source: &Source, findings: &mut Vec<Finding>) -> Result<(), String> {
    findings.extend(lengths::of_file(source));
    findings.extend(names::of_path(source));
    findings.extend(places::of_machine(source, &places::Machine::this()));
    findings.extend(purity::of_manifest(source));
    if source.has_extension("rs") {
        let parsed = syn::parse_file(&source.text)
            .map_err(|error| format!("{}:{}: cannot be parsed: {error}", source.path, error.span().start().line))?;
        findings.extend(lengths::of_functions(source, &parsed));
        findings.extend(names::of_modules(source, &parsed));
        findings.extend(lints::of_attributes(source, &parsed));
        findings.extend(purity::of_paths(source, &parsed));
    }
    Ok(())
}

/// A finding at the first character of something parsed.
fn at(source: &Source, what: &impl syn::spanned::Spanned, message: String) -> Finding {
    Finding { path: source.path.clone(), line: what.span().start().line, message }
}

#[cfg(test)]
fn rust(path: &str, text: &str) -> (Source, syn::File) {
    (Source { path: path.to_owned(), text: text.to_owned() }, syn::parse_file(text).unwrap())
}
