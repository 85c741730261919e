//! A file's keys as tables, from the JSON schema that editors get.
//!
//! The root comes first, then each definition in the order in which it is first referred to.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::markdown::{anchor, code, opening, table};

type Object = Map<String, Value>;

/// The file that a page is about.
pub(super) struct Subject {
    pub(super) title: &'static str,
    /// The word after `restage schema`.
    pub(super) file: &'static str,
    /// Whether prompts may stand in its values.
    pub(super) templates: bool,
}

/// The whole page.
pub(super) fn write(schema: &Value, subject: &Subject) -> String {
    let mut words = format!(
        "{}\n\nDurations are written like `90s`, `10m`, `1h30m`, `12h` or `7d`. `restage schema {}` prints the same as a JSON schema, \
         with which editors complete keys.",
        text(schema, "description"),
        subject.file
    );
    if subject.templates {
        words.push_str(" Where a number, a word or a duration is wanted, a template such as `{{ days }}` may stand instead.");
    }
    let mut page = opening(subject.title, &words);
    let mut sections = Sections { schema, waiting: Vec::new(), known: BTreeSet::new() };
    let root = sections.body(schema);
    let _ = write!(page, "\n{root}");
    while let Some(name) = sections.next() {
        let definition = &schema["definitions"][name.as_str()];
        let body = sections.body(definition);
        let _ = write!(page, "\n## {}\n\n{}\n\n{body}", kebab(&name), text(definition, "description"));
    }
    page
}

/// Which definitions are still to be written.
struct Sections<'s> {
    schema: &'s Value,
    /// The last is the next.
    waiting: Vec<String>,
    known: BTreeSet<String>,
}

impl Sections<'_> {
    fn next(&mut self) -> Option<String> {
        self.waiting.pop()
    }

    /// The tables of one definition; what they refer to is written right after them.
    fn body(&mut self, definition: &Value) -> String {
        let before = self.waiting.len();
        let written = self.tables(definition);
        self.waiting[before..].reverse();
        written
    }

    fn tables(&mut self, definition: &Value) -> String {
        if let Some(Value::Object(properties)) = definition.get("properties") {
            let required = strings(definition, "required");
            let others = properties.keys().map(String::as_str).filter(|key| !required.contains(key));
            let keys: Vec<&str> = required.iter().copied().chain(others).collect();
            let rows: Vec<_> = keys.iter().map(|key| self.row(key, &properties[*key], required.contains(key))).collect();
            return table(&["key", "type", "default", "meaning"], &rows);
        }
        let choices = choices(definition);
        let words: Vec<&Value> = choices.iter().copied().filter(|choice| choice.get("const").is_some()).collect();
        if !words.is_empty() {
            let rows: Vec<_> = words.iter().map(|word| vec![code(&plain(&word["const"])), text(word, "description")]).collect();
            return table(&["word", "meaning"], &rows);
        }
        if !choices.is_empty() && choices.iter().all(|choice| only_property(choice).is_some()) {
            let rows = choices.iter().filter_map(|choice| Some((choice, only_property(choice)?)));
            let rows: Vec<_> =
                rows.map(|(choice, (key, value))| vec![code(key), self.kind(value), text(choice, "description")]).collect();
            return table(&["key, one of", "type", "meaning"], &rows);
        }
        let rows: Vec<_> = choices.iter().map(|choice| vec![self.kind(choice), self.meaning(choice)]).collect();
        if rows.iter().all(|row| row[1].is_empty()) {
            return format!("{}.\n", capital(&self.kind(definition)));
        }
        table(&["one of", "meaning"], &rows)
    }

    /// What a choice says of itself, or else what it refers to does.
    fn meaning(&self, choice: &Value) -> String {
        let own = text(choice, "description");
        match reference(choice) {
            Some(name) if own.is_empty() => text(&self.schema["definitions"][name], "description"),
            _ => own,
        }
    }

    fn row(&mut self, key: &str, property: &Value, required: bool) -> Vec<String> {
        let (meaning, told) = split_default(&text(property, "description"));
        let default = match (required, told, property.get("default")) {
            (true, ..) => "required".to_owned(),
            (false, Some(told), _) => told,
            (false, None, Some(value)) => code(&plain(value)),
            (false, None, None) => String::new(),
        };
        vec![code(key), self.kind(property), default, meaning]
    }

    /// What may stand for a value, in words.
    fn kind(&mut self, value: &Value) -> String {
        if let Some(name) = reference(value) {
            return self.link(name);
        }
        let choices = choices(value);
        if !choices.is_empty() {
            let kinds: Vec<String> = choices.iter().map(|choice| self.kind(choice)).collect();
            return kinds.join(" or ");
        }
        let Some(object) = value.as_object() else { return "anything".to_owned() };
        match kind_word(object) {
            "array" => {
                let items = object.get("items").map_or_else(|| "anything".to_owned(), |items| self.kind(items));
                format!("list of {items}")
            }
            "object" => {
                let values = object.get("additionalProperties").map_or_else(|| "anything".to_owned(), |values| self.kind(values));
                format!("map from names to {values}")
            }
            "integer" => format!("whole number{}", range(object)),
            "number" => format!("number{}", range(object)),
            "boolean" => "`true` or `false`".to_owned(),
            "string" if text(value, "pattern").contains("ms)") => "duration".to_owned(),
            "string" => "text".to_owned(),
            other => other.to_owned(),
        }
    }

    fn link(&mut self, name: &str) -> String {
        debug_assert!(self.schema["definitions"].get(name).is_some(), "the schema refers to what it defines");
        if self.known.insert(name.to_owned()) {
            self.waiting.push(name.to_owned());
        }
        let shown = kebab(name);
        format!("[{shown}](#{})", anchor(&shown))
    }
}

fn reference(value: &Value) -> Option<&str> {
    let direct = value.get("$ref").or_else(|| value.get("allOf")?.get(0)?.get("$ref"));
    direct?.as_str()?.rsplit('/').next()
}

/// The ways to write a value, templates left out: the page says once where those may stand.
fn choices(value: &Value) -> Vec<&Value> {
    let list = value.get("oneOf").or_else(|| value.get("anyOf")).and_then(Value::as_array);
    let is_template = |choice: &Value| text(choice, "description") == "A template.";
    list.into_iter().flatten().filter(|choice| !is_template(choice)).collect()
}

/// The property of an object that has one only.
fn only_property(value: &Value) -> Option<(&str, &Value)> {
    let properties = value.get("properties")?.as_object()?;
    let (key, property) = properties.iter().next()?;
    (properties.len() == 1).then_some((key.as_str(), property))
}

/// The type, without the string that a template is.
fn kind_word(object: &Object) -> &str {
    match object.get("type") {
        Some(Value::String(word)) => word,
        Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).find(|word| *word != "string").unwrap_or("string"),
        _ => "anything",
    }
}

fn range(object: &Object) -> String {
    match (object.get("minimum"), object.get("maximum")) {
        (Some(least), Some(most)) => format!(", {} to {}", plain(least), plain(most)),
        (Some(least), None) => format!(", {} or more", plain(least)),
        (None, Some(most)) => format!(", up to {}", plain(most)),
        (None, None) => String::new(),
    }
}

/// Descriptions tell the default behind `; default`, up to the end of the sentence.
fn split_default(description: &str) -> (String, Option<String>) {
    const MARK: &str = "; default ";
    let Some((before, after)) = description.split_once(MARK) else { return (description.to_owned(), None) };
    let end = after.find(". ").unwrap_or(after.trim_end_matches('.').len());
    let (default, rest) = after.split_at(end);
    (format!("{before}{rest}"), Some(default.to_owned()))
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn strings<'v>(value: &'v Value, key: &str) -> Vec<&'v str> {
    value.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// A value as it is written in a file, strings without quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string().trim_end_matches(".0").to_owned(), str::to_owned)
}

/// `DateShiftParameters` as `date-shift-parameters`.
fn kebab(name: &str) -> String {
    let mut words = String::new();
    for character in name.chars() {
        if character.is_uppercase() && !words.is_empty() {
            words.push('-');
        }
        words.extend(character.to_lowercase());
    }
    words
}

fn capital(words: &str) -> String {
    let mut characters = words.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

#[cfg(test)]
mod tests;
