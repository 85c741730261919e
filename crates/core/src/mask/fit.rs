//! Whether a mask can fit a column; decided before anything is copied.

use super::Mask;
use crate::schema::{Column, Table, TypeKind};

/// Why a mask cannot fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// What does not fit, as the end of a sentence about the column.
    pub why: String,
    /// What would.
    pub help: String,
}

/// The longest fakes in characters, which a limited column must hold.
const EMAIL_CHARS: u32 = 48;
const NAME_CHARS: u32 = 32;
const ADDRESS_CHARS: u32 = 64;
const UUID_CHARS: u32 = 36;

/// Refuses a mask that cannot fit the column: its type, NOT NULL, uniqueness, length or part in the table's structure.
pub fn fit(mask: &Mask, table: &Table, column: &Column) -> Result<(), Unfit> {
    parameters(mask)?;
    structure(table, column)?;
    type_of(mask, column)?;
    length(mask, column)?;
    if *mask == Mask::Null && column.not_null {
        return Err(unfit("is NOT NULL", "use `text`, `hash` or `fixed`"));
    }
    if table.is_unique(&column.name) && !keeps_unique(mask, column) {
        return Err(unfit(
            "is unique, and the mask may give two rows the same value",
            "use `hash`, `email`, `phone`, `uuid` or `digits`",
        ));
    }
    Ok(())
}

fn unfit(why: impl Into<String>, help: impl Into<String>) -> Unfit {
    Unfit { why: why.into(), help: help.into() }
}

fn parameters(mask: &Mask) -> Result<(), Unfit> {
    match mask {
        Mask::Hash { length } if !(4..=64).contains(length) => Err(unfit("has a hash of a length outside 4 to 64", "use 16")),
        Mask::DateShift { days } if !(1..=36_500).contains(days) => Err(unfit("has a shift outside 1 to 36500 days", "use 30")),
        Mask::NumberNoise { percent } if !(*percent > 0.0 && *percent <= 100.0) => {
            Err(unfit("has noise outside 0 to 100 percent", "use 10"))
        }
        Mask::Json(paths) if paths.is_empty() => {
            Err(unfit("has a `json` mask without paths", "name what to mask, such as `$.email`"))
        }
        Mask::Json(paths) => match paths.keys().find(|path| !is_path(path)) {
            Some(path) => {
                Err(unfit(format!("has the path `{path}`, which is none"), "write `$.key.other`, `$.list[*].key` or `$.list[0]`"))
            }
            None => paths.values().try_for_each(parameters),
        },
        Mask::Template(text) => template(text),
        _ => Ok(()),
    }
}

/// The words a template may contain in braces.
pub(super) const TEMPLATE_WORDS: [&str; 8] = ["hash", "uuid", "email", "first", "last", "name", "phone", "digits"];

fn template(text: &str) -> Result<(), Unfit> {
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let after = &rest[at + 1..];
        let Some(end) = after.find('}') else {
            return Err(unfit("has a template with `{` and no `}`", "close the brace"));
        };
        let word = &after[..end];
        if !TEMPLATE_WORDS.contains(&word) {
            return Err(unfit(format!("has a template with `{{{word}}}`"), format!("use one of {}", TEMPLATE_WORDS.join(", "))));
        }
        rest = &after[end + 1..];
    }
    Ok(())
}

fn is_path(path: &str) -> bool {
    let index_fits = |index: &str| index == "*" || (!index.is_empty() && index.bytes().all(|b| b.is_ascii_digit()));
    let indexes_fit = |all: &str| all.strip_suffix(']').is_some_and(|all| all.split("][").all(index_fits));
    let mut parts = path.split('.');
    // The document itself, perhaps a list.
    let root_fits = match parts.next().and_then(|root| root.strip_prefix('$')) {
        Some("") => path.len() > 1,
        Some(root) => root.strip_prefix('[').is_some_and(indexes_fit),
        None => false,
    };
    root_fits
        && parts.all(|part| match part.split_once('[') {
            Some((key, indexes)) => !key.is_empty() && indexes_fit(indexes),
            None => !part.is_empty(),
        })
}

fn structure(table: &Table, column: &Column) -> Result<(), Unfit> {
    if !column.is_written() {
        return Err(unfit("is generated from other columns", "mask the columns it is computed from"));
    }
    if table.partition_key.contains(&column.name) {
        return Err(unfit("decides the row's partition", "leave it as it is, or leave the rows out with `rows:`"));
    }
    Ok(())
}

fn type_of(mask: &Mask, column: &Column) -> Result<(), Unfit> {
    use TypeKind as T;
    let kind = &column.kind;
    let text = matches!(kind, T::Text { .. });
    let fits = match mask {
        Mask::Null => true,
        Mask::Fixed(value) => return fixed(value, column),
        Mask::Digits => text || matches!(kind, T::Integer { .. }),
        Mask::Uuid => text || *kind == T::Uuid,
        Mask::DateShift { .. } => matches!(kind, T::Date | T::Timestamp),
        Mask::NumberNoise { .. } => matches!(kind, T::Integer { .. } | T::Numeric { .. } | T::Float { .. }),
        Mask::Json(_) => matches!(kind, T::Json | T::Jsonb),
        Mask::Hash { .. } => text || *kind == T::Bytea,
        Mask::Email | Mask::Name(_) | Mask::Phone | Mask::Address | Mask::Text | Mask::Template(_) => text,
    };
    if fits { Ok(()) } else { Err(unfit(format!("is of type `{}`", column.type_name), suggestion(kind))) }
}

fn fixed(value: &str, column: &Column) -> Result<(), Unfit> {
    use TypeKind as T;
    let reads = match &column.kind {
        T::Text { .. } => true,
        T::Integer { bytes: 2 } => value.parse::<i16>().is_ok(),
        T::Integer { bytes: 4 } => value.parse::<i32>().is_ok(),
        T::Integer { .. } => value.parse::<i64>().is_ok(),
        T::Numeric { .. } | T::Float { .. } => value.parse::<f64>().is_ok_and(f64::is_finite),
        T::Bool => matches!(value, "t" | "f" | "true" | "false"),
        T::Date => value.parse::<jiff::civil::Date>().is_ok(),
        T::Timestamp => value.parse::<jiff::civil::DateTime>().is_ok(),
        T::Uuid => is_uuid(value),
        T::Json | T::Jsonb => serde_json::from_str::<serde::de::IgnoredAny>(value).is_ok(),
        T::Enum { labels } => labels.iter().any(|label| label == value),
        T::Bytea | T::Other => false,
    };
    if reads {
        return Ok(());
    }
    Err(unfit(format!("is of type `{}`, which cannot hold `{value}`", column.type_name), suggestion(&column.kind)))
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.char_indices().all(|(at, c)| if matches!(at, 8 | 13 | 18 | 23) { c == '-' } else { c.is_ascii_hexdigit() })
}

fn suggestion(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Text { .. } => {
            "use `text`, `hash`, `email`, `name`, `phone`, `address`, `digits`, `template`, `fixed` or `null`".into()
        }
        TypeKind::Integer { .. } => "use `digits`, `number-noise`, `fixed` or `null`".into(),
        TypeKind::Numeric { .. } | TypeKind::Float { .. } => "use `number-noise`, `fixed` or `null`".into(),
        TypeKind::Date | TypeKind::Timestamp => "use `date-shift`, `fixed` or `null`".into(),
        TypeKind::Uuid => "use `uuid`, `fixed` or `null`".into(),
        TypeKind::Json | TypeKind::Jsonb => "use `json` with paths, `fixed` or `null`".into(),
        TypeKind::Bytea => "use `hash` or `null`".into(),
        TypeKind::Enum { labels } => format!("use `fixed` with one of {}, or `null`", labels.join(", ")),
        TypeKind::Bool => "use `fixed` with true or false, or `null`".into(),
        TypeKind::Other => "use `null`".into(),
    }
}

fn length(mask: &Mask, column: &Column) -> Result<(), Unfit> {
    let TypeKind::Text { max_chars: Some(max) } = column.kind else { return Ok(()) };
    let needed = match mask {
        Mask::Fixed(text) => u32::try_from(text.chars().count()).unwrap_or(u32::MAX),
        Mask::Template(text) => template_chars(text, max),
        Mask::Hash { length } => u32::from(*length),
        Mask::Email => EMAIL_CHARS,
        Mask::Name(_) => NAME_CHARS,
        Mask::Address => ADDRESS_CHARS,
        Mask::Uuid => UUID_CHARS,
        _ => 0,
    };
    if needed <= max {
        return Ok(());
    }
    Err(unfit(
        format!("holds {max} characters, and the mask may need {needed}"),
        "use `text` or `digits`, which keep the length, or a shorter `hash`",
    ))
}

/// The longest text a template can make; words that keep the value's shape may need the column's whole length.
fn template_chars(text: &str, column_chars: u32) -> u32 {
    let literal = text
        .split('{')
        .enumerate()
        .map(|(nth, part)| if nth == 0 { part } else { part.split_once('}').map_or("", |(_, rest)| rest) });
    let literal_chars: usize = literal.map(|part| part.chars().count()).sum();
    let words = text.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(word, _)| match word {
        "hash" => u32::from(super::HASH_DIGITS),
        "uuid" => UUID_CHARS,
        "email" => EMAIL_CHARS,
        "first" | "last" | "name" => NAME_CHARS,
        _ => column_chars,
    });
    u32::try_from(literal_chars).unwrap_or(u32::MAX).saturating_add(words.fold(0, u32::saturating_add))
}

/// Whether different values stay different: for certain, or but for a chance below one in ten million for a million rows.
fn keeps_unique(mask: &Mask, column: &Column) -> bool {
    match mask {
        Mask::Hash { length } => *length >= 16,
        // NULLs never collide.
        Mask::Null | Mask::Email | Mask::Uuid => true,
        Mask::Digits | Mask::Phone => matches!(column.kind, TypeKind::Integer { .. } | TypeKind::Text { .. }),
        Mask::Template(text) => text.contains("{hash}") || text.contains("{uuid}") || text.contains("{email}"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{ColumnName, ColumnSource, Persistence, TableKind};

    fn column(name: &str, kind: TypeKind) -> Column {
        Column {
            name: ColumnName(name.into()),
            type_name: "that type".into(),
            kind,
            not_null: true,
            default: None,
            collation: None,
            source: ColumnSource::Written,
        }
    }

    fn table(columns: Vec<Column>) -> Table {
        Table {
            kind: TableKind::Ordinary,
            partition_of: None,
            inherits: vec![],
            persistence: Persistence::Permanent,
            owner: "owner".into(),
            primary_key: Some(vec![columns[0].name.clone()]),
            columns,
            unique: vec![],
            foreign_keys: vec![],
            checks: vec![],
            partition_key: vec![],
            extension_config: None,
        }
    }

    #[track_caller]
    fn refused(mask: &Mask, kind: TypeKind, wanted: &str) {
        let table = table(vec![column("id", TypeKind::Uuid), column("c", kind)]);
        let unfit = fit(mask, &table, &table.columns[1]).unwrap_err();
        assert!(unfit.why.contains(wanted), "{}", unfit.why);
    }

    #[test]
    fn masks_that_cannot_fit_are_refused_with_the_reason() {
        refused(&Mask::Email, TypeKind::Integer { bytes: 4 }, "of type");
        refused(&Mask::Null, TypeKind::Text { max_chars: None }, "NOT NULL");
        refused(&Mask::Email, TypeKind::Text { max_chars: Some(20) }, "20 characters");
        refused(&Mask::Fixed("x".into()), TypeKind::Integer { bytes: 4 }, "cannot hold `x`");
        refused(&Mask::Template("{nope}".into()), TypeKind::Text { max_chars: None }, "{nope}");
        refused(&Mask::Json([("email".to_owned(), Mask::Email)].into()), TypeKind::Jsonb, "which is none");
        refused(&Mask::DateShift { days: 0 }, TypeKind::Date, "36500");
    }

    #[test]
    fn a_unique_column_takes_only_masks_that_keep_values_apart() {
        let table = table(vec![column("email", TypeKind::Text { max_chars: None })]);
        assert!(fit(&Mask::Email, &table, &table.columns[0]).is_ok());
        assert!(fit(&Mask::Digits, &table, &table.columns[0]).is_ok());
        assert!(fit(&Mask::Phone, &table, &table.columns[0]).is_ok());
        let unfit = fit(&Mask::Name(super::super::NamePart::Full), &table, &table.columns[0]).unwrap_err();
        assert!(unfit.why.contains("unique"));
    }

    #[test]
    fn paths_are_read_strictly() {
        for good in ["$.a", "$.a.b", "$.a[*].b", "$.a[0][*]", "$[*].a", "$[0]", "$.*"] {
            assert!(is_path(good), "{good}");
        }
        for bad in ["", "$", "a.b", "$.", "$.a[", "$.a[x]", "$..a", "$a", "$a.b", "$[", "$[]", "$.[0]"] {
            assert!(!is_path(bad), "{bad}");
        }
    }
}
