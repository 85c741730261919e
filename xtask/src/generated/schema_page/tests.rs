use serde_json::json;

use super::*;

fn page(schema: &Value) -> String {
    write(schema, &Subject { title: "A file", file: "scenario", templates: true })
}

#[test]
fn a_key_has_its_type_its_default_and_its_meaning() {
    let schema = json!({ "description": "What it is.", "required": ["name"], "properties": {
        "every": { "type": "string", "pattern": "^([0-9]+ms)?$", "description": "The pause, 1s to 1h; default 5s. It is short." },
        "name": { "type": "string", "description": "The name; any." },
        "workers": { "type": ["integer", "string"], "minimum": 1, "maximum": 64, "description": "How many." },
        "strict": { "type": "boolean", "default": false, "description": "Whether." },
    } });
    let page = page(&schema);
    assert!(page.contains("| `every` | duration | 5s | The pause, 1s to 1h. It is short. |"), "{page}");
    assert!(page.contains("| `workers` | whole number, 1 to 64 |  | How many. |"), "{page}");
    assert!(page.contains("| `strict` | `true` or `false` | `false` | Whether. |"), "{page}");
    let (first, second) = (page.find("| `name` | text | required |").unwrap(), page.find("| `every`").unwrap());
    assert!(first < second, "what is required comes first");
}

#[test]
fn definitions_follow_in_the_order_of_their_mention_each_once() {
    let thing = json!({ "$ref": "#/definitions/Thing" });
    let schema = json!({
        "properties": { "a": { "type": "array", "items": thing }, "b": { "allOf": [{ "$ref": "#/definitions/word" }] }, "c": thing },
        "definitions": {
            "Thing": { "description": "A thing.", "properties": { "deep": { "$ref": "#/definitions/deepest" } } },
            "deepest": { "description": "Deep.", "type": "object", "additionalProperties": { "type": "number" } },
            "word": { "description": "A word.", "oneOf": [
                { "const": "yes", "description": "It is." },
                { "type": "string", "description": "A template." },
            ] },
        },
    });
    let page = page(&schema);
    let headings: Vec<&str> = page.lines().filter(|line| line.starts_with("## ")).collect();
    assert_eq!(headings, ["## thing", "## deepest", "## word"]);
    assert!(page.contains("| `a` | list of [thing](#thing) |"), "{page}");
    assert!(page.contains("Map from names to number."), "{page}");
    assert!(page.contains("| `yes` | It is. |"), "{page}");
    assert!(!page.contains("A template."), "{page}");
}

#[test]
fn a_choice_of_single_keys_is_a_table_of_those() {
    let schema = json!({ "oneOf": [
        { "description": "By file.", "properties": { "file": { "type": "string" } } },
        { "description": "By command.", "properties": { "exec": { "type": "array", "items": { "type": "string" } } } },
    ] });
    let page = page(&schema);
    assert!(page.contains("| `file` | text | By file. |"), "{page}");
    assert!(page.contains("| `exec` | list of text | By command. |"), "{page}");
}
