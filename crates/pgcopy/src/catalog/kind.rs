//! From PostgreSQL's types to those that masks can tell apart.

use super::column::{MODIFIER_HEADER, length_limit};
use super::unsigned;
use crate::Result;
use restage_core::schema::TypeKind;
use std::collections::HashMap;

/// A type that is no domain.
pub(super) struct BaseType {
    pub(super) oid: u32,
    pub(super) name: String,
    /// `pg_type.typtype`: `b` base, `e` enumeration, …
    pub(super) class: String,
    pub(super) modifier: i32,
}

/// The first object id that users' objects can have; types below it are PostgreSQL's own.
const FIRST_USER_OID: u32 = 16_384;

pub(super) fn kind_of(base: &BaseType, labels: &HashMap<u32, Vec<String>>) -> Result<TypeKind> {
    if base.class == "e" {
        return Ok(TypeKind::Enum { labels: labels.get(&base.oid).cloned().unwrap_or_default() });
    }
    if base.oid >= FIRST_USER_OID {
        // The only extension's type that masks know; a user's type of that name would be a base type too, written in C.
        return Ok(if base.class == "b" && base.name == "citext" { TypeKind::Text { max_chars: None } } else { TypeKind::Other });
    }
    Ok(match base.name.as_str() {
        "text" => TypeKind::Text { max_chars: None },
        "varchar" | "bpchar" => TypeKind::Text { max_chars: length_limit(base.modifier)? },
        "name" => TypeKind::Text { max_chars: Some(63) },
        "int2" => TypeKind::Integer { bytes: 2 },
        "int4" => TypeKind::Integer { bytes: 4 },
        "int8" => TypeKind::Integer { bytes: 8 },
        "numeric" => numeric(base.modifier)?,
        "float4" => TypeKind::Float { bytes: 4 },
        "float8" => TypeKind::Float { bytes: 8 },
        "bool" => TypeKind::Bool,
        "date" => TypeKind::Date,
        "timestamp" | "timestamptz" => TypeKind::Timestamp,
        "uuid" => TypeKind::Uuid,
        "json" => TypeKind::Json,
        "jsonb" => TypeKind::Jsonb,
        "bytea" => TypeKind::Bytea,
        _ => TypeKind::Other,
    })
}

/// The precision stands in the upper half of the modifier, the scale in its lowest 11 bits, signed.
fn numeric(modifier: i32) -> Result<TypeKind> {
    if modifier < MODIFIER_HEADER {
        return Ok(TypeKind::Numeric { precision: None, scale: None });
    }
    let packed = modifier - MODIFIER_HEADER;
    let scale = ((packed & 0x7ff) ^ 1024) - 1024;
    Ok(TypeKind::Numeric {
        precision: Some(unsigned((packed >> 16) & 0xffff, "a precision")?),
        scale: Some(unsigned(scale, "a scale")?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modifiers_of_numeric_are_unpacked() {
        let numeric = |precision: i32, scale: i32| numeric(((precision << 16) | (scale & 0x7ff)) + 4).unwrap();
        assert_eq!(numeric(10, 2), TypeKind::Numeric { precision: Some(10), scale: Some(2) });
        assert_eq!(numeric(3, -5), TypeKind::Numeric { precision: Some(3), scale: Some(-5) });
        assert_eq!(numeric(1000, 1000), TypeKind::Numeric { precision: Some(1000), scale: Some(1000) });
    }
}
