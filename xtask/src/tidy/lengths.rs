//! Rules 1 and 2: a file fits one idea, a function fits one screen.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::Finding;
use crate::workspace::Source;

/// From here on a file is worth a look: two ideas in one?
const LOOK_LINES: usize = 400;
/// More than this a file must not have.
const FILE_LINES: usize = 800;
/// A function has fewer lines than this, from its signature to its last brace.
const FUNCTION_LINES: usize = 60;
/// What the comment above a longer function starts with; the reason follows.
const LONG: &str = "// tidy: long, ";
/// The kinds of files that people write line by line.
const WRITTEN: [&str; 4] = ["rs", "sql", "sh", "css"];

pub(super) fn of_file(source: &Source) -> Option<Finding> {
    let lines = written_lines(source)?;
    let message = || format!("{lines} lines; more than {FILE_LINES} are two ideas: divide it");
    (lines > FILE_LINES).then(|| Finding { path: source.path.clone(), line: lines, message: message() })
}

/// Names a file that is allowed but long.
pub(super) fn deserves_a_look(source: &Source) -> Option<String> {
    let lines = written_lines(source)?;
    (lines > LOOK_LINES && lines <= FILE_LINES).then(|| format!("{}: {lines} lines: two ideas in one?", source.path))
}

fn written_lines(source: &Source) -> Option<usize> {
    WRITTEN.iter().any(|extension| source.has_extension(extension)).then(|| source.text.lines().count())
}

pub(super) fn of_functions(source: &Source, parsed: &syn::File) -> Vec<Finding> {
    let mut functions = Functions { source, findings: Vec::new() };
    functions.visit_file(parsed);
    functions.findings
}

struct Functions<'a> {
    source: &'a Source,
    findings: Vec<Finding>,
}

impl Functions<'_> {
    /// `start` is where the function's attributes and documentation begin.
    fn measure(&mut self, start: usize, signature: &syn::Signature, body: &syn::Block) {
        let lines = body.span().end().line + 1 - signature.span().start().line;
        if lines >= FUNCTION_LINES && !self.is_excused(start) {
            let message = format!("`{}` has {lines} lines, not fewer than {FUNCTION_LINES}", signature.ident);
            self.findings.push(super::at(self.source, signature, message));
        }
    }

    /// Whether one of the comment lines right above says why it is long.
    fn is_excused(&self, start: usize) -> bool {
        let above: Vec<&str> = self.source.text.lines().take(start - 1).collect();
        let comments = above.iter().rev().map(|line| line.trim()).take_while(|line| line.starts_with("//"));
        comments.into_iter().any(|line| line.strip_prefix(LONG).is_some_and(|reason| !reason.trim().is_empty()))
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.measure(function.span().start().line, &function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.measure(function.span().start().line, &function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(body) = &function.default {
            self.measure(function.span().start().line, &function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

#[cfg(test)]
mod tests {
    use super::super::rust;
    use super::*;

    fn function(lines: usize) -> String {
        format!("/// Says.\n#[must_use]\nfn long() {{\n{}}}\n", "    work();\n".repeat(lines - 2))
    }

    fn findings(text: &str) -> Vec<Finding> {
        let (source, parsed) = rust("a.rs", text);
        of_functions(&source, &parsed)
    }

    #[test]
    fn a_function_of_sixty_lines_is_found_and_one_of_fifty_nine_is_not() {
        assert!(findings(&function(59)).is_empty());
        let found = findings(&format!("impl A {{\n{}}}", function(60)));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].line, found[0].message.contains("`long` has 60 lines")), (4, true));
    }

    #[test]
    fn only_a_reason_excuses_a_long_function() {
        assert!(findings(&format!("// tidy: long, one match over all events\n{}", function(80))).is_empty());
        assert_eq!(findings(&format!("// tidy: long, \n{}", function(80))).len(), 1);
        assert_eq!(findings(&format!("// tidy: long, too far away\n\n{}", function(80))).len(), 1);
    }

    #[test]
    fn a_file_over_the_limit_is_found_and_a_long_one_is_named() {
        let file = |lines: usize| Source { path: "a.sql".to_owned(), text: "SELECT 1;\n".repeat(lines) };
        assert!(of_file(&file(800)).is_none());
        assert!(of_file(&file(801)).is_some());
        assert!(deserves_a_look(&file(400)).is_none());
        assert!(deserves_a_look(&file(401)).is_some());
        assert!(of_file(&Source { path: "a.json".to_owned(), text: "1\n".repeat(900) }).is_none());
    }
}
