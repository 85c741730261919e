//! Rules 35 and 39: no lint is silenced without a reason, no test is skipped.

use syn::visit::{self, Visit};

use super::Finding;
use crate::workspace::Source;

pub(super) fn of_attributes(source: &Source, parsed: &syn::File) -> Vec<Finding> {
    let mut attributes = Attributes { source, findings: Vec::new() };
    attributes.visit_file(parsed);
    attributes.findings
}

struct Attributes<'a> {
    source: &'a Source,
    findings: Vec<Finding>,
}

impl<'ast> Visit<'ast> for Attributes<'_> {
    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if let Some(message) = objection(attribute) {
            self.findings.push(super::at(self.source, attribute, message.to_owned()));
        }
        visit::visit_attribute(self, attribute);
    }
}

fn objection(attribute: &syn::Attribute) -> Option<&'static str> {
    let name = attribute.path().get_ident()?.to_string();
    let words = match &attribute.meta {
        syn::Meta::List(list) => list.tokens.to_string(),
        _ => String::new(),
    };
    match name.as_str() {
        "allow" => Some("`#[allow]` outlives its cause: write `#[expect(lint, reason = \"…\")]`"),
        "expect" if !words.contains("reason") => Some("`#[expect]` needs `reason = \"…\"`"),
        "ignore" => Some("an ignored test proves nothing: make it pass or remove it"),
        "cfg_attr" if words.contains("allow (") || words.contains("ignore") => Some("`cfg_attr` hides what may not stand openly"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::rust;
    use super::*;

    #[test]
    fn silenced_lints_and_skipped_tests_are_found() {
        let text = "#![allow(dead_code)]\nfn a() { #[expect(unused)] let b = 1; }\n#[test]\n#[ignore]\nfn c() {}\n\
                    #[cfg_attr(test, allow(unused))]\nfn d() {}\n#[expect(unused, reason = \"shown\")]\nfn e() {}\n";
        let (source, parsed) = rust("a.rs", text);
        let lines: Vec<usize> = of_attributes(&source, &parsed).iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [1, 2, 4, 6]);
    }
}
