//! Scalars that stand for something: kept as text until they can be read with a place for their problems.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::marker::PhantomData;

/// What a scalar of a user file can be read as.
pub trait FromText: Sized {
    /// Reads it, or says what is wrong with it.
    fn from_text(text: &str) -> Result<Self, String>;
    /// The JSON schema of the text.
    fn schema() -> Schema {
        json_schema!({ "type": "string", "minLength": 1 })
    }
    /// What to write instead of a text that cannot be read.
    fn help(_text: &str) -> Option<String> {
        None
    }
}

/// Text that is to be read as a `T`, described to editors as a `T`.
#[derive(Clone, Debug)]
pub struct Text<T> {
    text: String,
    kind: PhantomData<fn() -> T>,
}

impl<T> Text<T> {
    /// The text as it stands in the file.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl<'de, T> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self { text, kind: PhantomData })
    }
}

impl<T: FromText> JsonSchema for Text<T> {
    fn schema_name() -> Cow<'static, str> {
        std::any::type_name::<T>().into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        T::schema()
    }
}

/// Types whose own `parse` says all there is to say.
macro_rules! read_by_parse {
    ($($name:path),* $(,)?) => { $(
        impl FromText for $name {
            fn from_text(text: &str) -> Result<Self, String> {
                Self::parse(text)
            }
        }
    )* };
}

read_by_parse!(
    crate::environment::ServerDatabase,
    crate::schema::ColumnPath,
    crate::schema::TableName,
    crate::schema::TablePattern,
);

/// Names, which are lower case and have no spaces.
macro_rules! read_as_name {
    ($($name:path),* $(,)?) => { $(
        impl FromText for $name {
            fn from_text(text: &str) -> Result<Self, String> {
                Self::parse(text)
            }
            fn help(text: &str) -> Option<String> {
                let better = text.trim().to_lowercase().replace([' ', '.'], "-");
                Self::parse(&better).ok().map(|name| format!("call it `{name}`"))
            }
        }
    )* };
}

read_as_name!(crate::name::DatabaseName, crate::name::EnvironmentName, crate::name::ScenarioName);
