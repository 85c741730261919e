//! Walks a tree beside the types made from it, to know where things are written.

use super::tree::{Content, Key, Node, Origin};
use std::ops::Range;

/// A node, with the key it stands under.
#[derive(Clone, Copy, Debug)]
pub struct At<'d> {
    node: &'d Node,
    key: Option<&'d Key>,
    doubtful: bool,
}

impl<'d> At<'d> {
    /// The whole file.
    pub fn root(node: &'d Node) -> Self {
        Self { node, key: None, doubtful: node.doubtful }
    }
    /// The value under a key. Where there is none: this map, which is then what a problem is about.
    #[must_use]
    pub fn key(self, name: &str) -> Self {
        match self.node.entry(name) {
            Some(entry) => Self { node: &entry.value, key: Some(&entry.key), doubtful: entry.value.doubtful },
            None => Self { doubtful: self.node.doubtful, ..self },
        }
    }
    /// An item of a list.
    #[must_use]
    pub fn index(self, index: usize) -> Self {
        match &self.node.content {
            Content::List(items) => match items.get(index) {
                Some(item) => Self { node: item, key: None, doubtful: item.doubtful },
                None => self,
            },
            _ => self,
        }
    }
    /// The key that this value stands under, as the place to speak about.
    pub fn heading(self) -> Range<usize> {
        self.key.map_or_else(|| self.span(), |key| key.span.clone())
    }
    /// Whether the key is written.
    pub fn has(self, name: &str) -> bool {
        self.node.entry(name).is_some()
    }
    /// Whether the value is not known or already reported.
    pub fn is_doubtful(self) -> bool {
        self.doubtful
    }
    /// Whether anything inside is not known or already reported.
    pub fn has_doubts(self) -> bool {
        fn inside(node: &Node) -> bool {
            node.doubtful
                || match &node.content {
                    Content::List(items) => items.iter().any(inside),
                    Content::Map(entries) => entries.iter().any(|entry| inside(&entry.value)),
                    Content::Scalar(_) | Content::Refused => false,
                }
        }
        self.doubtful || inside(self.node)
    }
    /// Whether a template made the value.
    pub(crate) fn is_template(self) -> bool {
        match &self.node.content {
            Content::Scalar(scalar) => matches!(scalar.origin, Origin::Computed(_) | Origin::Unknown),
            _ => false,
        }
    }
    /// What a snippet should underline: a scalar, or else the key or the beginning of what is meant.
    pub fn span(self) -> Range<usize> {
        match (&self.node.content, self.key) {
            (Content::Scalar(scalar), Some(key)) if scalar.text.is_empty() && self.node.span.is_empty() => key.span.clone(),
            (Content::Scalar(_) | Content::Refused, _) | (Content::List(_), None) => self.node.span.clone(),
            (Content::Map(_) | Content::List(_), Some(key)) => key.span.clone(),
            (Content::Map(entries), None) => entries.first().map_or_else(|| self.node.span.clone(), |entry| entry.key.span.clone()),
        }
    }
}
