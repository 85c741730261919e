//! JSON schemas of the raw types: one for checking files, one for editors.

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

/// The keyword that carries what to say about a value of the wrong kind; for the checker only.
pub(super) const HINT: &str = "x-hint";

/// The schema that files are checked against.
pub(super) fn for_checking<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with_transform(WithoutNull);
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// Whether the values of a file may be templates.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Templates {
    /// Some may.
    Allowed,
    /// None is.
    Refused,
}

/// The schema for editors, in the draft that most of them understand.
pub fn for_editors<T: JsonSchema>(templates: Templates) -> Value {
    let tidy = |schema: &mut Schema| {
        schema.remove(HINT);
        if let Some(Value::String(description)) = schema.get_mut("description") {
            *description = flowing(description);
        }
    };
    // First, because what it leaves beside references is moved by the draft's own transforms.
    let settings = SchemaSettings::draft07().with(|settings| settings.transforms.insert(0, Box::new(WithoutNull)));
    let mut settings = settings.with_transform(RecursiveTransform(tidy));
    if templates == Templates::Allowed {
        settings = settings.with_transform(RecursiveTransform(allow_templates));
    }
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// What every template contains.
const TEMPLATE: &str = r"\{\{|\{%";

/// Lets a template stand where a number, a boolean or one of some words is wanted.
fn allow_templates(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(kind @ ("integer" | "number" | "boolean")) = object.get("type").and_then(Value::as_str) {
        let kinds = json!([kind, "string"]);
        object.insert("type".into(), kinds);
        object.insert("pattern".into(), TEMPLATE.into());
    } else if let Some(Value::String(pattern)) = object.get_mut("pattern") {
        *pattern = format!("{pattern}|{TEMPLATE}");
    } else if let Some(Value::Array(choices)) = object.get_mut("oneOf")
        && choices.iter().any(|choice| choice.get("const").is_some())
    {
        choices.push(json!({ "type": "string", "pattern": TEMPLATE, "description": "A template." }));
    }
}

/// A doc comment without the line breaks inside its paragraphs.
fn flowing(text: &str) -> String {
    text.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect::<Vec<_>>().join("\n\n")
}

/// Optional keys are left out, never null.
#[derive(Clone)]
struct WithoutNull;

impl Transform for WithoutNull {
    fn transform(&mut self, schema: &mut Schema) {
        if let Some(object) = schema.as_object_mut() {
            if object.get("default") == Some(&Value::Null) {
                object.remove("default");
            }
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    object.insert("type".into(), only);
                }
            }
            if let Some(Value::Array(words)) = object.get_mut("enum") {
                words.retain(|word| !word.is_null());
            }
            if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
                choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
                if let [Value::Object(only)] = choices.as_slice() {
                    let only = only.clone();
                    object.remove("anyOf");
                    for (keyword, value) in only {
                        object.entry(keyword).or_insert(value);
                    }
                }
            }
        }
        transform_subschemas(self, schema);
    }
}
