//! Paths into a document, as a tree of their steps.

use super::Leaf;
use std::collections::BTreeMap;

/// A place in a document, and what lies below it.
#[derive(Clone, Default)]
pub(super) struct Node {
    pub leaf: Option<Leaf>,
    keys: BTreeMap<Vec<u8>, Node>,
    any_key: Option<Box<Node>>,
    items: BTreeMap<usize, Node>,
    any_item: Option<Box<Node>>,
}

/// One step of a path.
enum Step<'a> {
    Key(&'a str),
    AnyKey,
    Item(usize),
    AnyItem,
}

impl Node {
    /// The leaf at the end of a path such as `.contact.email`, `.phones[*]`, `.*.name` or `[0]`; `None` if it is no path.
    pub(super) fn place(&mut self, path: &str) -> Option<&mut Option<Leaf>> {
        let mut node = self;
        let mut rest = path;
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            let step;
            (step, rest) = first_step(rest)?;
            node = match step {
                Step::Key(key) => node.keys.entry(key.as_bytes().to_vec()).or_default(),
                Step::AnyKey => node.any_key.get_or_insert_default(),
                Step::Item(nth) => node.items.entry(nth).or_default(),
                Step::AnyItem => node.any_item.get_or_insert_default(),
            };
        }
        Some(&mut node.leaf)
    }

    /// Gives every named place also what holds for any place beside it, so that one look decides.
    pub(super) fn settle(&mut self) {
        if let Some(any) = &self.any_key {
            self.keys.values_mut().for_each(|node| node.take_over(any));
        }
        if let Some(any) = &self.any_item {
            self.items.values_mut().for_each(|node| node.take_over(any));
        }
        let below = self.keys.values_mut().chain(self.items.values_mut());
        below.chain(self.any_key.as_deref_mut()).chain(self.any_item.as_deref_mut()).for_each(Self::settle);
    }

    fn take_over(&mut self, other: &Self) {
        self.leaf = self.leaf.take().or_else(|| other.leaf.clone());
        for (key, node) in &other.keys {
            self.keys.entry(key.clone()).or_default().take_over(node);
        }
        for (nth, node) in &other.items {
            self.items.entry(*nth).or_default().take_over(node);
        }
        if let Some(node) = &other.any_key {
            self.any_key.get_or_insert_default().take_over(node);
        }
        if let Some(node) = &other.any_item {
            self.any_item.get_or_insert_default().take_over(node);
        }
    }

    pub(super) fn has_keys(&self) -> bool {
        !self.keys.is_empty() || self.any_key.is_some()
    }

    pub(super) fn has_items(&self) -> bool {
        !self.items.is_empty() || self.any_item.is_some()
    }

    pub(super) fn key(&self, key: &[u8]) -> Option<&Self> {
        self.keys.get(key).or(self.any_key.as_deref())
    }

    pub(super) fn item(&self, nth: usize) -> Option<&Self> {
        self.items.get(&nth).or(self.any_item.as_deref())
    }
}

fn first_step(path: &str) -> Option<(Step<'_>, &str)> {
    if let Some(rest) = path.strip_prefix('.') {
        let (key, rest) = rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len()));
        return match key {
            "" => None,
            "*" => Some((Step::AnyKey, rest)),
            key => Some((Step::Key(key), rest)),
        };
    }
    let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
    let step = if index == "*" { Step::AnyItem } else { Step::Item(index.parse().ok()?) };
    Some((step, rest))
}
