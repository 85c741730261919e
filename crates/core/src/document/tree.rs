//! The tree of a YAML file, every node with its place in the text.

use super::syntax::{Offsets, explain};
use super::{Findings, MAX_DEPTH, Source, Values, secrets};
use saphyr_parser::{Event, Parser, ScalarStyle};
use std::ops::Range;

/// The key that YAML 1.1 had for taking over another map.
const MERGE_KEY: &str = "<<";

/// A value in a file.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it stands; of a map or list only the beginning.
    pub(crate) span: Range<usize>,
    pub(crate) content: Content,
    /// Whether the value is not known or already reported, so that nothing more is said about it.
    pub(crate) doubtful: bool,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// Something that cannot be used, already reported.
    Refused,
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) value: Node,
}

/// A key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) span: Range<usize>,
}

/// A single value as text.
#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) origin: Origin,
}

/// Where a scalar's text comes from, which decides whether `5` is a number.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// Written without quotes.
    Plain,
    /// Written in quotes or as a block.
    Quoted,
    /// Filled in by a template.
    Computed(Computed),
    /// A template whose prompts have no values yet.
    Unknown,
}

/// What kind of value a template gave.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Computed {
    Bool(bool),
    Whole(i64),
    Decimal(f64),
    Text,
}

impl Key {
    /// The key that a node is; of no text where the node is a map or list.
    fn of(node: Node) -> Self {
        let text = if let Content::Scalar(scalar) = node.content { scalar.text } else { String::new() };
        Self { text, span: node.span }
    }
}

impl Scalar {
    /// Takes what a template gave.
    pub(crate) fn fill(&mut self, text: String, computed: Computed) {
        *self = Self { text, origin: Origin::Computed(computed) };
    }
    /// Marks a template whose value is not known.
    pub(crate) fn leave_open(&mut self) {
        self.origin = Origin::Unknown;
    }
}

impl Node {
    /// A map with nothing but this key of the map, if it has the key.
    pub(crate) fn only(&self, name: &str) -> Option<Self> {
        let entry = self.entry(name)?.clone();
        Some(Self { span: self.span.clone(), content: Content::Map(vec![entry]), doubtful: false })
    }
    /// The value under a key.
    pub(crate) fn entry(&self, name: &str) -> Option<&Entry> {
        match &self.content {
            Content::Map(entries) => entries.iter().find(|entry| entry.key.text == name),
            _ => None,
        }
    }
    /// Every scalar that is a value, in the order of the file; marked as doubtful where the visit returns nothing.
    pub(crate) fn for_each_scalar(&mut self, visit: &mut impl FnMut(&mut Scalar, &Range<usize>) -> Option<()>) {
        match &mut self.content {
            Content::Scalar(scalar) => {
                if visit(scalar, &self.span).is_none() {
                    self.doubtful = true;
                }
            }
            Content::List(items) => items.iter_mut().for_each(|item| item.for_each_scalar(visit)),
            Content::Map(entries) => entries.iter_mut().for_each(|entry| entry.value.for_each_scalar(visit)),
            Content::Refused => {}
        }
    }
    /// As `for_each_scalar`, without what stands under a key of this map.
    pub(crate) fn for_each_scalar_outside(&mut self, name: &str, visit: &mut impl FnMut(&mut Scalar, &Range<usize>) -> Option<()>) {
        match &mut self.content {
            Content::Map(entries) => {
                let others = entries.iter_mut().filter(|entry| entry.key.text != name);
                others.for_each(|entry| entry.value.for_each_scalar(visit));
            }
            _ => self.for_each_scalar(visit),
        }
    }
}

/// Reads a file's text; nothing where there is no tree at all, which is then reported.
pub fn read(source: &Source, findings: &mut Findings) -> Option<Node> {
    let text = source.text.as_str();
    let kind = findings.kind();
    if text.len() > kind.max_bytes {
        let message = format!("the file has {} bytes, more than the limit of {}", text.len(), kind.max_bytes);
        findings.add_to_file(message).help(kind.help_if_large);
        return None;
    }
    let forbidden = |c: char| c.is_control() && !"\n\r\t".contains(c);
    if let Some((index, c)) = text.char_indices().find(|(_, c)| forbidden(*c)) {
        let message = format!("the file contains the control character U+{:04X}", u32::from(c));
        findings.add(index..index + c.len_utf8(), message).help("remove it, or write it as an escape in double quotes");
        return None;
    }
    Builder { text, offsets: Offsets::of(text), findings, open: Vec::new(), root: None, nodes: 0 }.build()
}

/// A map or list whose end has not come yet.
struct Open {
    start: Range<usize>,
    kind: OpenKind,
}

enum OpenKind {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, key: Option<Key>, refused: bool },
}

struct Builder<'t> {
    text: &'t str,
    offsets: Offsets,
    findings: &'t mut Findings,
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
}

impl Builder<'_> {
    fn build(mut self) -> Option<Node> {
        let mut documents = 0;
        for event in Parser::new_from_str(self.text) {
            let (event, span) = match event {
                Ok((event, span)) => (event, self.offsets.range(span)),
                Err(error) => {
                    explain(&error, self.text, &self.offsets, self.findings);
                    return None;
                }
            };
            if matches!(event, Event::DocumentStart(_)) {
                documents += 1;
                if documents > 1 {
                    let finding = self.findings.add(span, "a second document starts here");
                    finding.help("keep one document per file, without `---` between parts");
                    break;
                }
            }
            self.take(event, span).ok()?;
        }
        if self.root.is_none() {
            let help = self.findings.kind().help_if_empty;
            self.findings.add_to_file("the file is empty").help(help);
        }
        self.root
    }

    /// One event; an error where reading cannot go on, already reported.
    fn take(&mut self, event: Event<'_>, span: Range<usize>) -> Result<(), ()> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_extras(anchor, tag.is_some(), &span);
                let origin = if style == ScalarStyle::Plain { Origin::Plain } else { Origin::Quoted };
                let scalar = Scalar { text: text.into_owned(), origin };
                let span = self.trimmed(span);
                self.attach(Node { span, content: Content::Scalar(scalar), doubtful: false })?;
            }
            Event::Alias(_) => {
                if !self.is_merging() {
                    self.findings.add(span.clone(), "aliases are not supported").help("write the value again");
                }
                self.attach(Node { span, content: Content::Refused, doubtful: true })?;
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_extras(anchor, tag.is_some(), &span);
                self.enter(span, OpenKind::List(Vec::new()))?;
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_extras(anchor, tag.is_some(), &span);
                self.enter(span, OpenKind::Map { entries: Vec::new(), key: None, refused: false })?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Open { start, kind } = self.open.pop().expect("the parser closes only what it has opened");
                let (content, doubtful) = match kind {
                    OpenKind::List(items) => (Content::List(items), false),
                    OpenKind::Map { refused: true, .. } => (Content::Refused, true),
                    OpenKind::Map { entries, .. } => (Content::Map(entries), false),
                };
                self.attach(Node { span: start, content, doubtful })?;
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {}
        }
        Ok(())
    }

    /// Whether the next node stands under a merge key, which is reported anyway.
    fn is_merging(&self) -> bool {
        match self.open.last().map(|open| &open.kind) {
            Some(OpenKind::Map { key: Some(key), .. }) => key.text == MERGE_KEY,
            _ => false,
        }
    }

    fn refuse_extras(&mut self, anchor: usize, tagged: bool, span: &Range<usize>) {
        if anchor > 0 {
            let finding = self.findings.add(span.clone(), "anchors are not supported");
            finding.help("remove the `&name`, and write the value again where it is needed");
        }
        if tagged {
            self.findings.add(span.clone(), "tags are not supported").help("remove the `!tag`");
        }
    }

    fn enter(&mut self, start: Range<usize>, kind: OpenKind) -> Result<(), ()> {
        if self.open.len() >= MAX_DEPTH {
            let message = format!("maps and lists lie more than {MAX_DEPTH} deep inside each other here");
            self.findings.add(start, message).help("flatten the file");
            return Err(());
        }
        self.open.push(Open { start, kind });
        Ok(())
    }

    /// Puts a finished node where it belongs.
    fn attach(&mut self, node: Node) -> Result<(), ()> {
        self.nodes += 1;
        let kind = self.findings.kind();
        if self.nodes > kind.max_nodes {
            let message = format!("the file has more than {} values and keys", kind.max_nodes);
            self.findings.add_to_file(message).help(kind.help_if_large);
            return Err(());
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut parent.kind {
            OpenKind::List(items) => items.push(node),
            OpenKind::Map { entries, key, refused } => {
                if let Some(key) = key.take() {
                    add_entry(entries, key, node, self.text, self.findings);
                } else {
                    if !matches!(node.content, Content::Scalar(_)) {
                        refuse_key(&parent.start, node.span.clone(), *refused, self.text, self.findings);
                        *refused = true;
                    }
                    *key = Some(Key::of(node));
                }
            }
        }
        Ok(())
    }

    /// A scalar's span without what the parser adds to it: white space, and the bracket behind an absent value.
    fn trimmed(&self, span: Range<usize>) -> Range<usize> {
        let text = self.text.get(span.clone()).unwrap_or_default();
        if matches!(text.trim(), "}" | "]" | ",") {
            return span.start..span.start;
        }
        span.start..span.start + text.trim_end().len()
    }
}

fn add_entry(entries: &mut Vec<Entry>, key: Key, value: Node, text: &str, findings: &mut Findings) {
    let may_be_secret = findings.kind().values == Values::MayBeSecret && secrets::is_secret_key(&key.text);
    if may_be_secret && matches!(value.content, Content::Scalar(_)) {
        findings.redact(value.span.clone());
    }
    if key.text == MERGE_KEY {
        findings.add(key.span, "merge keys are not supported").help("write the merged keys out");
        return;
    }
    if let Some(first) = entries.iter().find(|entry| entry.key.text == key.text) {
        let line = 1 + text[..first.key.span.start].matches('\n').count();
        let finding = findings.add(key.span, format!("`{}` is given twice", key.text));
        finding.help(format!("keep one of them; the first is in line {line}"));
        return;
    }
    entries.push(Entry { key, value });
}

/// Reports a map or list that stands where a key must be; most often that is a template without quotes.
fn refuse_key(start: &Range<usize>, key: Range<usize>, known: bool, text: &str, findings: &mut Findings) {
    if known {
        return;
    }
    if text[start.start..].starts_with("{{") {
        let finding = findings.add(start.start..start.start + 2, "a value that starts with `{{` needs quotes");
        finding.help("write \"{{ … }}\"; without quotes YAML takes the braces for a map");
    } else {
        findings.add(key, "a key must be text").help("write keys as plain words");
    }
}
