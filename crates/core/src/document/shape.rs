//! What a JSON schema allows at one place, gathered over references and alternatives.

use super::schema::HINT;
use super::suggest::listed;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// How many references and alternatives may lie inside each other.
const MAX_REFERENCES: usize = 16;
/// How many words a message lists.
const MAX_LISTED: usize = 20;

/// Everything that may stand at one place.
#[derive(Default)]
pub(super) struct Shape<'s> {
    /// Words of an enumeration.
    pub(super) words: Vec<&'s str>,
    /// Text; with its least length.
    pub(super) text: Option<u64>,
    /// A whole number; with its schema for the limits.
    pub(super) whole: Option<&'s Map<String, Value>>,
    /// A number; with its schema for the limits.
    pub(super) number: Option<&'s Map<String, Value>>,
    pub(super) boolean: bool,
    /// A list; with its schema.
    pub(super) list: Option<&'s Map<String, Value>>,
    /// Maps with exactly one key, which says what the value is.
    pub(super) tagged: BTreeMap<&'s str, &'s Value>,
    /// Maps with keys of their own.
    pub(super) maps: Vec<&'s Map<String, Value>>,
    /// Anything at all.
    pub(super) anything: bool,
    /// What to say where something else stands.
    pub(super) hint: Option<&'s str>,
}

impl<'s> Shape<'s> {
    pub(super) fn of(schema: &'s Value, root: &'s Value) -> Self {
        let mut shape = Self::default();
        shape.gather(schema, root, Within::Nothing, MAX_REFERENCES);
        shape
    }

    fn gather(&mut self, schema: &'s Value, root: &'s Value, within: Within, budget: usize) {
        let Value::Object(keywords) = schema else {
            self.anything |= schema == &Value::Bool(true);
            return;
        };
        let Some(budget) = budget.checked_sub(1) else { return };
        if let Some(hint) = keywords.get(HINT).and_then(Value::as_str) {
            self.hint = Some(hint);
        }
        if let Some(definition) = reference(keywords, root) {
            return self.gather(definition, root, Within::Nothing, budget);
        }
        for list in ["anyOf", "oneOf"] {
            if let Some(Value::Array(choices)) = keywords.get(list) {
                for choice in choices {
                    self.gather(choice, root, Within::Choice, budget);
                }
                return;
            }
        }
        self.gather_plain(keywords, within);
    }

    fn gather_plain(&mut self, keywords: &'s Map<String, Value>, within: Within) {
        if let Some(word) = keywords.get("const").and_then(Value::as_str) {
            self.words.push(word);
            return;
        }
        if let Some(Value::Array(words)) = keywords.get("enum") {
            self.words.extend(words.iter().filter_map(Value::as_str));
            return;
        }
        match keywords.get("type").and_then(Value::as_str) {
            Some("string") => self.text = Some(limit(keywords, "minLength").unwrap_or(0)),
            Some("integer") => self.whole = Some(keywords),
            Some("number") => self.number = Some(keywords),
            Some("boolean") => self.boolean = true,
            Some("array") => self.list = Some(keywords),
            Some("object") => match (within, one_key(keywords)) {
                (Within::Choice, Some((key, value))) => {
                    self.tagged.insert(key, value);
                }
                _ => self.maps.push(keywords),
            },
            _ => self.anything = true,
        }
    }

    /// What is allowed, for messages: "text or a list".
    pub(super) fn expected(&self) -> String {
        let mut kinds = Vec::new();
        if !self.words.is_empty() && self.words.len() <= MAX_LISTED {
            kinds.push(listed(self.words.iter().copied(), "or").unwrap_or_default());
        } else if self.text.is_some() || !self.words.is_empty() {
            kinds.push("text".to_owned());
        }
        for (allowed, kind) in [
            (self.whole.is_some(), "a whole number"),
            (self.number.is_some(), "a number"),
            (self.boolean, "`true` or `false`"),
            (self.list.is_some(), "a list"),
            (!self.maps.is_empty(), "a map"),
        ] {
            if allowed {
                kinds.push(kind.to_owned());
            }
        }
        if let Some(tags) = listed(self.tagged.keys().copied(), "or") {
            kinds.push(format!("a map with the key {tags}"));
        }
        kinds.join(", or ")
    }

    /// A value that fits, to go on with where the file has none.
    pub(super) fn stand_in(&self, root: &'s Value) -> Value {
        self.stand_in_within(root, MAX_REFERENCES)
    }

    fn stand_in_within(&self, root: &'s Value, budget: usize) -> Value {
        let Some(budget) = budget.checked_sub(1) else { return Value::Null };
        let inside = |schema: &'s Value| Self::of(schema, root).stand_in_within(root, budget);
        if let Some(word) = self.words.first() {
            Value::from(*word)
        } else if self.text.is_some() {
            Value::from("")
        } else if self.boolean {
            Value::from(false)
        } else if let Some(keywords) = self.whole.or(self.number) {
            keywords.get("minimum").cloned().unwrap_or_else(|| Value::from(0))
        } else if self.list.is_some() {
            Value::Array(Vec::new())
        } else if let Some(keywords) = self.maps.first() {
            let required = required(keywords).filter_map(|key| Some((key, property(keywords, key)?)));
            required.map(|(key, schema)| (key.to_owned(), inside(schema))).collect::<Map<_, _>>().into()
        } else if let Some((tag, schema)) = self.tagged.first_key_value() {
            Map::from_iter([((*tag).to_owned(), inside(schema))]).into()
        } else {
            Value::Null
        }
    }
}

/// Whether a schema is one of several alternatives, where a map with one key is a choice by that key.
#[derive(Clone, Copy)]
enum Within {
    Nothing,
    Choice,
}

fn reference<'s>(keywords: &Map<String, Value>, root: &'s Value) -> Option<&'s Value> {
    root.pointer(keywords.get("$ref")?.as_str()?.strip_prefix('#')?)
}

/// The key of a map that must have this key and no other.
fn one_key(keywords: &Map<String, Value>) -> Option<(&str, &Value)> {
    let properties = keywords.get("properties")?.as_object()?;
    let (key, value) = properties.iter().next()?;
    let alone = properties.len() == 1 && required(keywords).eq([key.as_str()]);
    alone.then_some((key.as_str(), value))
}

/// The keys that must be there.
pub(super) fn required(keywords: &Map<String, Value>) -> impl Iterator<Item = &str> {
    keywords.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// The schema of a key's value; nothing for unknown keys.
pub(super) fn property<'s>(keywords: &'s Map<String, Value>, key: &str) -> Option<&'s Value> {
    let named = keywords.get("properties").and_then(|properties| properties.get(key));
    named.or_else(|| keywords.get("additionalProperties").filter(|schema| *schema != &Value::Bool(false)))
}

/// The keys that have a name in the schema.
pub(super) fn known_keys(keywords: &Map<String, Value>) -> impl Iterator<Item = &str> + Clone {
    keywords.get("properties").and_then(Value::as_object).into_iter().flat_map(|map| map.keys().map(String::as_str))
}

/// A limit such as `minItems`.
pub(super) fn limit(keywords: &Map<String, Value>, keyword: &str) -> Option<u64> {
    keywords.get(keyword)?.as_u64()
}
