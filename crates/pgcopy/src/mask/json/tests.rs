use super::*;
use crate::mask::MaskKey;
use restage_core::mask::NamePart;
use serde_json::{Value, from_str, json};

fn mask(paths: &[(&str, Mask)]) -> JsonMask {
    let paths = paths.iter().map(|(path, mask)| ((*path).to_owned(), mask.clone())).collect();
    JsonMask::new(&paths).map_err(|path| format!("{path} is no path")).unwrap()
}

fn masked(paths: &[(&str, Mask)], document: &str) -> Result<String, Misread> {
    let keys = MaskKey::new(b"example").unwrap().keys;
    let mut fake = Vec::new();
    mask(paths).append(&keys, document.as_bytes(), &mut fake, &mut Desk::default())?;
    Ok(String::from_utf8(fake).unwrap())
}

fn value(paths: &[(&str, Mask)], document: &str) -> Value {
    from_str(&masked(paths, document).unwrap()).unwrap()
}

#[test]
fn only_what_the_paths_lead_to_changes() {
    let document = r#" { "b" : 1.50e+3, "a":{"email":"x@y.org","keep":"x@y.org"} , "b":[ {"n":"One"}, {"n":null}, 3 ] } "#;
    let made = masked(&[("$.a.email", Mask::Email), ("$.b[*].n", Mask::Name(NamePart::First))], document).unwrap();
    let again: Value = from_str(&made).unwrap();
    let email = again["a"]["email"].as_str().unwrap();
    let name = again["b"][0]["n"].as_str().unwrap();
    assert!(email.ends_with("@example.com"));
    assert_eq!(made, document.replacen("x@y.org", email, 1).replace("One", name));
}

#[test]
fn a_path_to_an_object_masks_every_value_inside() {
    let document = r#"{"a":{"name":"Ada","deep":[["Ada",{"x":"Ada"}]],"n":42,"f":1.5,"t":true,"z":null,"e":""}}"#;
    let made = value(&[("$.a", Mask::Hash { length: 8 }), ("$.a.n", Mask::Fixed("7".into()))], document);
    let fake = &made["a"]["name"];
    assert_ne!(fake, "Ada");
    assert_eq!(made["a"]["deep"], json!([[fake, { "x": fake }]]));
    assert_eq!(made["a"]["n"], json!(7));
    assert_ne!(made["a"]["f"], json!(1.5));
    assert_eq!((&made["a"]["t"], &made["a"]["z"], &made["a"]["e"]), (&json!(false), &json!(null), &json!("")));
    assert!(made["a"].get("name").is_some());
}

#[test]
fn names_and_indexes_win_over_stars_and_add_to_them() {
    let paths = [
        ("$.list[*].a", Mask::Fixed("any".into())),
        ("$.list[0].b", Mask::Fixed("first".into())),
        ("$.list[1].a", Mask::Fixed("second".into())),
        ("$.people.*.name", Mask::Fixed("anybody".into())),
        ("$.people.x.age", Mask::Null),
    ];
    let document = r#"{"list":[{"a":"1","b":"1"},{"a":"2","b":"2"}],"people":{"x":{"name":"X","age":1},"y":{"name":"Y","age":2}}}"#;
    let made = value(&paths, document);
    assert_eq!(made["list"], json!([{"a": "any", "b": "first"}, {"a": "second", "b": "2"}]));
    assert_eq!(made["people"], json!({"x": {"name": "anybody", "age": null}, "y": {"name": "anybody", "age": 2}}));
}

#[test]
fn null_and_fixed_replace_whole_values() {
    let document = r#"{"a":{"b":[1,2]},"c":"text","d":null,"e":12}"#;
    let fixed = Mask::Fixed("0".into());
    let paths = [("$.a", Mask::Null), ("$.c", fixed.clone()), ("$.d", fixed.clone()), ("$.e", fixed)];
    assert_eq!(masked(&paths, document).unwrap(), r#"{"a":null,"c":"0","d":null,"e":0}"#);
}

#[test]
fn dates_and_numbers_move_in_strings_too() {
    let paths = [("$.d", Mask::DateShift { days: 30 }), ("$.n", Mask::NumberNoise { percent: 50.0 })];
    let made = value(&paths, r#"{"d":["2024-02-29","2024-02-29T12:00:00Z","soon"],"n":["1200.50",1200.50,"many"]}"#);
    let text = |pointer: &str| made.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
    assert_eq!(format!("{}T12:00:00Z", text("/d/0")), text("/d/1"));
    assert_ne!(text("/d/0"), "2024-02-29");
    assert_ne!(text("/d/2"), "soon");
    assert_eq!(text("/n/0").parse::<f64>().ok(), made["n"][1].as_f64());
    assert_eq!((text("/d/2").len(), text("/n/2").len()), (4, 4));
}

#[test]
fn escapes_are_read_in_keys_and_values() {
    let made = value(&[("$.é", Mask::Hash { length: 12 })], r#"{"\u00e9":"A\u0064a"}"#);
    assert_eq!(made["é"], value(&[("$.a", Mask::Hash { length: 12 })], r#"{"a":"Ada"}"#)["a"]);
    let text = value(&[("$.a", Mask::Text)], r#"{"a":"x\"\\\n\u0000y"}"#);
    assert_eq!(text["a"].as_str().unwrap().chars().count(), 6);
}

#[test]
fn documents_that_are_one_value_or_one_list_are_walked_too() {
    assert_eq!(masked(&[("$[*].a", Mask::Null)], r#"[{"a":1},{"a":2}]"#).unwrap(), r#"[{"a":null},{"a":null}]"#);
    assert_eq!(masked(&[("$.a", Mask::Null)], "3").unwrap(), "3");
    assert_eq!(masked(&[("$.a", Mask::Null)], "\"text\"").unwrap(), "\"text\"");
    assert_eq!(
        masked(&[("$.a", Mask::Json([("$.b".to_owned(), Mask::Null)].into()))], r#"{"a":{"b":1}}"#).unwrap(),
        r#"{"a":{"b":null}}"#
    );
}

#[test]
fn depth_costs_no_stack() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    for path in ["$.a", "$.b"] {
        assert_eq!(masked(&[(path, Mask::Text)], &deep).unwrap(), deep);
    }
}

#[test]
fn broken_documents_are_refused() {
    for document in [
        "",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":\"",
        "{\"a\":\"\\",
        "{\"a\":[1}",
        "{a:1}",
        "{\"a\":1}}",
        "{\"a\":}",
        "{\"a\":tru€}",
    ] {
        assert!(masked(&[("$.a", Mask::Text)], document).is_err(), "{document}");
    }
}

#[test]
fn paths_that_are_none_are_refused_by_name() {
    for path in ["", "$", "a", "$a", "$.", "$..a", "$.a[", "$.a[x]", "$.a]b["] {
        let refused = JsonMask::new(&[(path.to_owned(), Mask::Null)].into()).err();
        assert_eq!(refused.as_deref(), Some(path));
    }
}
