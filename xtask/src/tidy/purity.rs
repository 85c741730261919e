//! Rule 18: the core has no files, network, environment, clock, randomness or runtime.
//!
//! `crates/core/clippy.toml` knows the calls; this knows the dependencies and what is imported. Tests may read their files.

use syn::visit::{self, Visit};

use super::Finding;
use crate::workspace::Source;

const CORE: &str = "crates/core/";
const CORE_SOURCES: &str = "crates/core/src/";

/// Crates that do what the core must not.
const IMPURE_CRATES: [&str; 14] = [
    "tokio",
    "rand",
    "getrandom",
    "reqwest",
    "rusqlite",
    "rustix",
    "rustls",
    "tempfile",
    "tokio-postgres",
    "uuid",
    "chrono",
    "openssh",
    "kube",
    "nix",
];

/// What paths to the outer world begin with.
const IMPURE_ROOTS: [&str; 9] = [
    "std::fs::",
    "std::net::",
    "std::env::",
    "std::process::",
    "std::thread::",
    "std::os::",
    "std::time::Instant::",
    "std::time::SystemTime::",
    "tokio::",
];

/// What a call that asks for the time ends with, whatever was imported.
const CLOCKS: [&str; 4] = ["::Timestamp::now", "::Zoned::now", "::Instant::now", "::SystemTime::now"];

pub(super) fn of_manifest(source: &Source) -> Vec<Finding> {
    if source.path != format!("{CORE}Cargo.toml") {
        return Vec::new();
    }
    let ordinary = source.text.lines().enumerate().scan(String::new(), |table, (index, line)| {
        if line.starts_with('[') {
            line.clone_into(table);
        }
        Some((index + 1, line, table == "[dependencies]"))
    });
    let of_crate = |line: &str| line.split(['.', ' ', '=']).next().unwrap_or_default().to_owned();
    ordinary
        .filter(|(_, line, counts)| *counts && IMPURE_CRATES.contains(&of_crate(line).as_str()))
        .map(|(number, line, _)| {
            let message = format!("core must not depend on `{}`: it belongs to providers", of_crate(line));
            Finding { path: source.path.clone(), line: number, message }
        })
        .collect()
}

pub(super) fn of_paths(source: &Source, parsed: &syn::File) -> Vec<Finding> {
    if !source.path.starts_with(CORE_SOURCES) {
        return Vec::new();
    }
    let mut paths = Paths { source, findings: Vec::new() };
    paths.visit_file(parsed);
    paths.findings
}

struct Paths<'a> {
    source: &'a Source,
    findings: Vec<Finding>,
}

impl Paths<'_> {
    fn judge(&mut self, names: &[String], place: &impl syn::spanned::Spanned) {
        let path = names.join("::");
        let inside = format!("{path}::");
        let impure = IMPURE_ROOTS.iter().any(|root| inside.starts_with(root));
        if impure || CLOCKS.iter().any(|clock| format!("::{path}").ends_with(clock)) {
            let message = format!("core must not use `{path}`: it comes in through Cx or a provider");
            self.findings.push(super::at(self.source, place, message));
        }
    }

    fn imports(&mut self, tree: &syn::UseTree, before: &[String]) {
        let with = |ident: &syn::Ident| [before, &[ident.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.imports(&path.tree, &with(&path.ident)),
            syn::UseTree::Name(name) => self.judge(&with(&name.ident), name),
            syn::UseTree::Rename(rename) => self.judge(&with(&rename.ident), rename),
            syn::UseTree::Glob(glob) => self.judge(before, glob),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.imports(item, before)),
        }
    }
}

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.imports(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.judge(&names, path);
        visit::visit_path(self, path);
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !module.attrs.iter().any(is_for_tests) {
            visit::visit_item_mod(self, module);
        }
    }
}

fn is_for_tests(attribute: &syn::Attribute) -> bool {
    attribute.path().is_ident("cfg") && matches!(&attribute.meta, syn::Meta::List(list) if list.tokens.to_string() == "test")
}

#[cfg(test)]
mod tests {
    use super::super::rust;
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let (source, parsed) = rust(path, text);
        of_paths(&source, &parsed).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn imports_and_calls_of_the_outer_world_are_found_in_core_only() {
        let text = "use std::{fmt, fs};\nuse std::time::{Duration, Instant as Now};\nuse jiff::Timestamp;\n\
                    fn a() { Timestamp::now(); }\nfn b() { std::env::var(\"A\"); }\nuse std::net::*;\n\
                    #[cfg(test)]\nmod tests {\n    use std::fs;\n}\n";
        assert_eq!(lines("crates/core/src/plan.rs", text), [1, 2, 4, 5, 6]);
        assert!(lines("crates/store/src/lib.rs", text).is_empty());
    }

    #[test]
    fn a_dependency_that_does_io_is_found_outside_the_tests_of_core() {
        let text = "[package]\nname = \"x\"\n[dependencies]\nserde.workspace = true\ntokio = \"1\"\n[dev-dependencies]\ntempfile = \"3\"\n";
        let manifest = |path: &str| of_manifest(&Source { path: path.to_owned(), text: text.to_owned() });
        assert_eq!(manifest("crates/core/Cargo.toml").iter().map(|finding| finding.line).collect::<Vec<_>>(), [5]);
        assert!(manifest("crates/store/Cargo.toml").is_empty());
    }
}
