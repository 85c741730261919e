//! Checks a tree against a JSON schema and makes the raw types from it, reporting all that does not fit.

use super::findings::{Finding, Findings};
use super::schema::for_checking;
use super::shape::{Shape, known_keys, limit, property, required};
use super::suggest::{did_you_mean, listed, nearest};
use super::tree::{Computed, Content, Entry, Node, Origin, Scalar};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};
use std::fmt;
use std::ops::Range;

/// How much of a value a message quotes, in characters.
const MAX_QUOTED_CHARS: usize = 40;

/// Reads a tree as a raw type. What does not fit is reported, marked as doubtful and replaced by a stand-in.
///
/// Nothing is returned only where no stand-in could be found either; that is reported too.
pub fn deserialize<T: JsonSchema + DeserializeOwned>(node: &mut Node, findings: &mut Findings) -> Option<T> {
    let schema = for_checking::<T>();
    let value = Checker { root: &schema, findings }.check(node, &schema, &Place::Root, None);
    let value = value.unwrap_or_else(|| Shape::of(&schema, &schema).stand_in(&schema));
    match T::deserialize(&value) {
        Ok(raw) => Some(raw),
        Err(error) => {
            findings.add_to_file(format!("the file does not fit: {error}"));
            None
        }
    }
}

/// What a message calls a value.
#[derive(Clone, Copy)]
enum Place<'p> {
    Root,
    Key(&'p str),
    ItemOf(&'p Place<'p>),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("the file"),
            Self::Key(key) => write!(f, "`{key}`"),
            Self::ItemOf(list) => write!(f, "an item of {list}"),
        }
    }
}

struct Checker<'c> {
    root: &'c Value,
    findings: &'c mut Findings,
}

type Heading = Option<Range<usize>>;

impl<'c> Checker<'c> {
    /// The node's value if it fits; else nothing, and the node is marked.
    fn check(&mut self, node: &mut Node, schema: &'c Value, place: &Place<'_>, heading: Heading) -> Option<Value> {
        let shape = Shape::of(schema, self.root);
        let value = match &mut node.content {
            Content::Refused => None,
            Content::Scalar(scalar) if matches!(scalar.origin, Origin::Unknown) => unknown(scalar, &shape),
            Content::Scalar(scalar) => {
                let span = if node.span.is_empty() { heading.unwrap_or(node.span.clone()) } else { node.span.clone() };
                self.scalar(scalar, &shape, place, span)
            }
            Content::List(items) => self.list(items, &shape, place, heading.unwrap_or(node.span.clone())),
            Content::Map(entries) => {
                let first = entries.first().map_or(node.span.clone(), |entry| entry.key.span.clone());
                self.map(entries, &mut node.doubtful, &shape, place, heading.unwrap_or(first))
            }
        };
        node.doubtful |= value.is_none();
        value
    }

    /// As `check`, with a stand-in for what does not fit.
    fn check_or_stand_in(&mut self, node: &mut Node, schema: &'c Value, place: &Place<'_>) -> Value {
        let value = self.check(node, schema, place, None);
        value.unwrap_or_else(|| Shape::of(schema, self.root).stand_in(self.root))
    }

    fn scalar(&mut self, scalar: &Scalar, shape: &Shape<'c>, place: &Place<'_>, span: Range<usize>) -> Option<Value> {
        let natural = natural(scalar);
        if shape.words.contains(&scalar.text.as_str()) {
            return Some(Value::from(scalar.text.as_str()));
        }
        match &natural {
            _ if shape.anything => return Some(natural),
            Value::Null => {
                self.findings.add(span, format!("{place} has no value")).help("give it a value, or remove it");
                return None;
            }
            Value::Bool(_) if shape.boolean => return Some(natural),
            Value::Number(number) => {
                let whole = shape.whole.filter(|_| number.is_i64() || number.is_u64());
                if let Some(keywords) = whole.or(shape.number) {
                    return self.within_limits(number, keywords, place, span).then_some(natural);
                }
            }
            _ => {}
        }
        match shape.text {
            Some(least) if least > 0 && scalar.text.trim().is_empty() => {
                self.findings.add(span, format!("{place} is empty")).help("give it a value, or remove it");
                None
            }
            // A number or boolean where text is wanted is taken as written: `1.10` stays `1.10`.
            Some(_) => Some(Value::from(scalar.text.as_str())),
            None => {
                self.wrong_scalar(scalar, &natural, shape, place, span);
                None
            }
        }
    }

    fn wrong_scalar(&mut self, scalar: &Scalar, natural: &Value, shape: &Shape<'_>, place: &Place<'_>, span: Range<usize>) {
        let text = scalar.text.as_str();
        if shape.tagged.contains_key(text) {
            let finding = self.findings.add(span, format!("`{text}` needs parameters"));
            finding.help(match place {
                Place::ItemOf(_) => format!("write `{text}: …`"),
                Place::Root | Place::Key(_) => format!("write `{{ {text}: … }}`"),
            });
        } else if !shape.words.is_empty() {
            let finding = self.findings.add(span, format!("{place} cannot be `{}`", quoted(text)));
            let known = shape.words.iter().chain(shape.tagged.keys()).copied();
            finding.maybe_help(did_you_mean(text, "known values", known));
        } else {
            let kind = kind_of(natural);
            let finding = self.findings.add(span, format!("{place} must be {}, not {kind}", shape.expected()));
            if shape.boolean && ["yes", "on", "y", "no", "off", "n"].contains(&text.to_lowercase().as_str()) {
                finding.help("write `true` or `false`");
            } else if shape.list.is_some() && text.len() <= MAX_QUOTED_CHARS {
                finding.help(format!("write a list: `[{text}]`"));
            }
            hint(finding, shape);
        }
    }

    fn within_limits(&mut self, number: &Number, keywords: &Map<String, Value>, place: &Place<'_>, span: Range<usize>) -> bool {
        let width = match keywords.get("format").and_then(Value::as_str) {
            Some("uint8") => Some(f64::from(u8::MAX)),
            Some("uint16") => Some(f64::from(u16::MAX)),
            Some("uint32") => Some(f64::from(u32::MAX)),
            _ => None,
        };
        let least = keywords.get("minimum").and_then(Value::as_f64);
        let most = keywords.get("maximum").and_then(Value::as_f64).or(width);
        let value = number.as_f64().unwrap_or(f64::NAN);
        if value.is_nan() || least.is_some_and(|least| value < least) || most.is_some_and(|most| value > most) {
            let limits = match (least, most) {
                (Some(least), Some(most)) => format!("between {least} and {most}"),
                (Some(least), None) => format!("at least {least}"),
                (None, Some(most)) => format!("at most {most}"),
                (None, None) => "a number".to_owned(),
            };
            self.findings.add(span, format!("{place} must be {limits}"));
            return false;
        }
        true
    }

    fn list(&mut self, items: &mut [Node], shape: &Shape<'c>, place: &Place<'_>, span: Range<usize>) -> Option<Value> {
        let Some(keywords) = shape.list else {
            if shape.anything {
                return Some(self.items(items, &Value::Bool(true), place));
            }
            let finding = self.findings.add(span, format!("{place} must be {}, not a list", shape.expected()));
            hint(finding, shape);
            return None;
        };
        if (items.len() as u64) < limit(keywords, "minItems").unwrap_or(0) {
            self.findings.add(span, format!("{place} is empty")).help("add an item, or remove the key");
            return None;
        }
        Some(self.items(items, keywords.get("items").unwrap_or(&Value::Bool(true)), place))
    }

    fn items(&mut self, items: &mut [Node], schema: &'c Value, place: &Place<'_>) -> Value {
        let place = Place::ItemOf(place);
        items.iter_mut().map(|item| self.check_or_stand_in(item, schema, &place)).collect::<Vec<_>>().into()
    }

    fn map(
        &mut self,
        entries: &mut [Entry],
        doubtful: &mut bool,
        shape: &Shape<'c>,
        place: &Place<'_>,
        span: Range<usize>,
    ) -> Option<Value> {
        let fitting =
            |keywords: &&&Map<String, Value>| entries.iter().filter(|entry| property(keywords, &entry.key.text).is_some()).count();
        if let Some(keywords) = shape.maps.iter().max_by_key(fitting) {
            return Some(self.keys(entries, doubtful, keywords, place, span));
        }
        if !shape.tagged.is_empty() {
            return self.tagged(entries, shape, place, span);
        }
        if shape.anything {
            let any = |entry: &mut Entry| {
                let value = self.check_or_stand_in(&mut entry.value, &Value::Bool(true), &Place::Key(&entry.key.text));
                (entry.key.text.clone(), value)
            };
            return Some(Value::Object(entries.iter_mut().map(any).collect()));
        }
        let finding = self.findings.add(span, format!("{place} must be {}, not a map", shape.expected()));
        hint(finding, shape);
        None
    }

    /// A map with exactly one of several keys.
    fn tagged(&mut self, entries: &mut [Entry], shape: &Shape<'c>, place: &Place<'_>, span: Range<usize>) -> Option<Value> {
        let one = match entries {
            [one] => one,
            [] => {
                let finding = self.findings.add(span, format!("{place} must be {}", shape.expected()));
                hint(finding, shape);
                return None;
            }
            several => {
                self.several_tags(several, shape, place);
                return None;
            }
        };
        let tag = one.key.text.as_str();
        if let Some((tag, schema)) = shape.tagged.get_key_value(tag) {
            let value = self.check(&mut one.value, schema, &Place::Key(tag), Some(one.key.span.clone()))?;
            return Some(Map::from_iter([((*tag).to_owned(), value)]).into());
        }
        if shape.words.contains(&tag) {
            let finding = self.findings.add(one.key.span.clone(), format!("`{tag}` takes no parameters"));
            finding.help(format!("write `{tag}` alone"));
            return None;
        }
        let finding = self.findings.add(one.key.span.clone(), format!("unknown key `{}` in {place}", quoted(tag)));
        finding.maybe_help(did_you_mean(tag, "known keys", shape.tagged.keys().chain(&shape.words).copied()));
        None
    }

    fn several_tags(&mut self, entries: &[Entry], shape: &Shape<'_>, place: &Place<'_>) {
        let key = &entries[1].key;
        let first = entries[0].key.text.as_str();
        let names = entries.iter().map(|entry| entry.key.text.as_str());
        let message = format!("{place} must have one key, not {}", listed(names, "and").unwrap_or_default());
        let finding = self.findings.add(key.span.clone(), message);
        let empty = matches!(&entries[0].value.content, Content::Scalar(scalar) if scalar.text.is_empty());
        if empty && shape.tagged.contains_key(first) {
            finding.help(format!("indent what belongs to `{first}` by two more spaces"));
        } else if shape.tagged.contains_key(key.text.as_str()) {
            finding.help(match place {
                Place::ItemOf(_) => "give each key an item of its own",
                Place::Root | Place::Key(_) => "keep one of them",
            });
        }
    }

    /// A map with keys of its own.
    fn keys(
        &mut self,
        entries: &mut [Entry],
        doubtful: &mut bool,
        keywords: &'c Map<String, Value>,
        place: &Place<'_>,
        span: Range<usize>,
    ) -> Value {
        let mut value = Map::new();
        let mut meant = Vec::new();
        for Entry { key, value: node } in entries.iter_mut() {
            if let Some(schema) = property(keywords, &key.text) {
                let name = Place::Key(&key.text);
                match self.check(node, schema, &name, Some(key.span.clone())) {
                    Some(checked) => _ = value.insert(key.text.clone(), checked),
                    None => meant.push(key.text.as_str()),
                }
                continue;
            }
            *doubtful = true;
            let finding = self.findings.add(key.span.clone(), format!("unknown key `{}` in {place}", quoted(&key.text)));
            finding.maybe_help(did_you_mean(&key.text, "known keys", known_keys(keywords)));
            meant.extend(nearest(&key.text, known_keys(keywords)));
        }
        self.stand_in_for_missing(&mut value, &meant, doubtful, keywords, place, span);
        Value::Object(value)
    }

    /// Adds what a map must have, and reports what is neither there nor misspelt.
    fn stand_in_for_missing(
        &mut self,
        value: &mut Map<String, Value>,
        meant: &[&str],
        doubtful: &mut bool,
        keywords: &'c Map<String, Value>,
        place: &Place<'_>,
        span: Range<usize>,
    ) {
        let absent = required(keywords).filter(|key| !value.contains_key(*key)).collect::<Vec<_>>();
        let missing = absent.iter().copied().filter(|key| !meant.contains(key)).collect::<Vec<_>>();
        if let Some(list) = listed(missing.iter().copied(), "and") {
            *doubtful = true;
            let keys = if missing.len() == 1 { "key" } else { "keys" };
            let example = missing.iter().map(|key| format!("`{key}: …`")).collect::<Vec<_>>().join(", ");
            self.findings.add(span, format!("{place} needs the {keys} {list}")).help(format!("add {example}"));
        }
        for key in absent {
            let schema = property(keywords, key).unwrap_or(&Value::Bool(true));
            value.insert(key.to_owned(), Shape::of(schema, self.root).stand_in(self.root));
        }
    }
}

/// A template without values: its text where any text will do, else nothing is known.
fn unknown(scalar: &Scalar, shape: &Shape<'_>) -> Option<Value> {
    (shape.text.is_some() && shape.words.is_empty()).then(|| Value::from(scalar.text.as_str()))
}

fn hint(finding: &mut Finding, shape: &Shape<'_>) {
    if let Some(hint) = shape.hint {
        finding.help(hint);
    }
}

fn quoted(text: &str) -> String {
    let short = text.chars().take(MAX_QUOTED_CHARS).collect::<String>();
    if short.len() < text.len() { format!("{short}…") } else { short }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "`true` or `false`",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// What a scalar is by itself: the core schema of YAML 1.2.
fn natural(scalar: &Scalar) -> Value {
    let text = scalar.text.as_str();
    match scalar.origin {
        Origin::Quoted | Origin::Unknown | Origin::Computed(Computed::Text) => Value::from(text),
        Origin::Computed(Computed::Bool(value)) => Value::from(value),
        Origin::Computed(Computed::Whole(value)) => Value::from(value),
        Origin::Computed(Computed::Decimal(value)) => Value::from(value),
        Origin::Plain => plain(text),
    }
}

fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::from(true),
        "false" | "False" | "FALSE" => return Value::from(false),
        _ => {}
    }
    let radix = |prefix: &str, radix| text.strip_prefix(prefix).and_then(|digits| u64::from_str_radix(digits, radix).ok());
    if let Some(number) = radix("0x", 16).or_else(|| radix("0o", 8)) {
        return Value::from(number);
    }
    let numeric = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    if !numeric || !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return Value::from(text);
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Value::from(whole);
    }
    text.parse::<f64>().ok().and_then(Number::from_f64).map_or_else(|| Value::from(text), Value::Number)
}
