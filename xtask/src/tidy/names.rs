//! Rule 5: a module is named after its idea.

use syn::visit::{self, Visit};

use super::Finding;
use crate::workspace::Source;

const IDEALESS: [&str; 9] = ["util", "utils", "helper", "helpers", "common", "misc", "manager", "managers", "shared"];

pub(super) fn of_path(source: &Source) -> Option<Finding> {
    let stem = source.path.strip_suffix(".rs")?;
    let part = stem.split('/').find(|part| is_idealess(part))?;
    Some(Finding { path: source.path.clone(), line: 1, message: message(part) })
}

pub(super) fn of_modules(source: &Source, parsed: &syn::File) -> Vec<Finding> {
    let mut modules = Modules { source, findings: Vec::new() };
    modules.visit_file(parsed);
    modules.findings
}

struct Modules<'a> {
    source: &'a Source,
    findings: Vec<Finding>,
}

impl<'ast> Visit<'ast> for Modules<'_> {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let name = module.ident.to_string();
        if is_idealess(&name) {
            self.findings.push(super::at(self.source, &module.ident, message(&name)));
        }
        visit::visit_item_mod(self, module);
    }
}

fn is_idealess(name: &str) -> bool {
    name.split(['_', '-']).any(|word| IDEALESS.contains(&word))
}

fn message(name: &str) -> String {
    format!("`{name}` names no idea: say what it is, or inline it")
}

#[cfg(test)]
mod tests {
    use super::super::rust;
    use super::*;

    #[test]
    fn files_folders_and_modules_without_an_idea_are_found() {
        let path = |path: &str| of_path(&Source { path: path.to_owned(), text: String::new() }).is_some();
        assert!(path("crates/core/src/utils.rs"));
        assert!(path("crates/core/tests/common/mod.rs"));
        assert!(path("crates/core/src/plan_manager.rs"));
        assert!(!path("crates/core/src/commonest.rs"));
        let (source, parsed) = rust("a.rs", "mod plan {\n    mod helpers {}\n}\n");
        assert_eq!(of_modules(&source, &parsed)[0].line, 2);
    }
}
