//! The schemas that editors get.

use restage_core::environment::Environments;
use restage_core::scenario::Scenario;
use serde_json::Value;

fn objects<'v>(value: &'v Value, visit: &mut impl FnMut(&'v serde_json::Map<String, Value>)) {
    match value {
        Value::Object(map) => {
            visit(map);
            map.values().for_each(|value| objects(value, visit));
        }
        Value::Array(list) => list.iter().for_each(|value| objects(value, visit)),
        _ => {}
    }
}

#[test]
fn every_key_is_described_and_no_other_is_allowed() {
    for schema in [Environments::schema(), Scenario::schema()] {
        objects(&schema, &mut |map| {
            let Some(Value::Object(properties)) = map.get("properties") else { return };
            assert!(map.get("additionalProperties") == Some(&Value::Bool(false)), "open: {properties:#?}");
            // The only key of a choice is described beside it.
            let around = properties.len() == 1 && map.contains_key("description");
            for (key, property) in properties {
                assert!(around || property.get("description").is_some(), "`{key}` is not described: {property:#?}");
            }
        });
    }
}

#[test]
fn schemas_are_reviewed_when_they_change() {
    insta::with_settings!({ snapshot_path => "golden", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("schema-environments", serde_json::to_string_pretty(&Environments::schema()).unwrap());
        insta::assert_snapshot!("schema-scenario", serde_json::to_string_pretty(&Scenario::schema()).unwrap());
    });
}
