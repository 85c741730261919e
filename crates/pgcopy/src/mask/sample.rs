//! Fakes to try a column's checks with, before anything is copied.

use super::column::{Action, Desk, Made};
use super::text::TextMask;
use super::{CopyColumn, MaskKey, misfit};
use crate::{Kind, Result};
use restage_core::mask::Mask;
use restage_core::schema::{ColumnName, TypeKind};

/// Nobody's values, whose fakes are as good as any.
const TEXTS: [&str; 5] = ["one", "two", "three", "four", "five"];
const BYTES: [&str; 3] = ["\\x01", "\\x02", "\\x03"];
const UUIDS: [&str; 2] = ["00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"];

/// A handful of fakes in text form; none where fakes keep the shape or the size of their values, so that only
/// [`samples_like`] can tell, and none under `null`, which passes every check.
pub fn samples(mask: &Mask, kind: &TypeKind) -> Result<Vec<String>> {
    let values: &[&str] = match (mask, kind) {
        (Mask::Fixed(_), _) => &TEXTS[..1],
        (Mask::Hash { .. }, TypeKind::Bytea) => &BYTES,
        (Mask::Uuid, TypeKind::Uuid) => &UUIDS,
        (mask, TypeKind::Text { .. }) if TextMask::of(mask).is_some_and(|mask| !mask.keeps_shape()) => &TEXTS,
        _ => &[],
    };
    // 25 is text's own oid; citext and char(n) differ in what they hold for equal, not in their fakes.
    let column = CopyColumn { name: ColumnName("sample".into()), kind: kind.clone(), type_oid: 25 };
    samples_like(&MaskKey::new(b"samples")?, mask, &column, values)
}

/// The fakes of these values of a column, both in text form. Fakes of real values under a key that is known are no fakes: the key
/// should be the one of the copy, or a random one.
pub fn samples_like(key: &MaskKey, mask: &Mask, column: &CopyColumn, values: &[impl AsRef<str>]) -> Result<Vec<String>> {
    let action = Action::new(mask, column).map_err(|why| misfit(&column.name, &why))?;
    let mut desk = Desk::default();
    let mut fakes = Vec::new();
    for value in values {
        let mut fake = Vec::new();
        let made = action.text(&key.keys, value.as_ref().as_bytes(), &mut fake, &mut desk);
        desk.settle(&key.keys, &mut fake);
        match made {
            Ok(Made::Null) => {}
            Ok(Made::Value) => fakes.push(String::from_utf8_lossy(&fake).into_owned()),
            Err(why) => {
                let message = format!("a sample of the column `{}` {}", column.name, why.0);
                return Err(Kind::MaskUnfit.error(message));
            }
        }
    }
    Ok(fakes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use restage_core::mask::NamePart;

    const TEXT: TypeKind = TypeKind::Text { max_chars: None };

    #[test]
    fn masks_that_need_no_shape_give_samples_of_their_own() {
        assert!(samples(&Mask::Email, &TEXT).unwrap().iter().all(|fake| fake.ends_with("@example.com")));
        assert_eq!(samples(&Mask::Name(NamePart::Full), &TEXT).unwrap().len(), TEXTS.len());
        assert_eq!(samples(&Mask::Fixed("x".into()), &TEXT).unwrap(), ["x"]);
        assert_eq!(samples(&Mask::Uuid, &TypeKind::Uuid).unwrap().len(), 2);
        assert_eq!(samples(&Mask::Hash { length: 4 }, &TypeKind::Bytea).unwrap().len(), 3);
        assert_eq!(samples(&Mask::Template("+44 {hash}".into()), &TEXT).unwrap().len(), TEXTS.len());
    }

    #[test]
    fn masks_that_keep_a_shape_need_values() {
        for (mask, kind) in [
            (Mask::Phone, TEXT),
            (Mask::Template("0{digits}".into()), TEXT),
            (Mask::Digits, TypeKind::Integer { bytes: 4 }),
            (Mask::DateShift { days: 3 }, TypeKind::Date),
            (Mask::Null, TypeKind::Other),
        ] {
            assert_eq!(samples(&mask, &kind).unwrap(), Vec::<String>::new());
        }
        let column = CopyColumn { name: ColumnName("phone".into()), kind: TEXT, type_oid: 25 };
        let fakes = samples_like(&MaskKey::new(b"example").unwrap(), &Mask::Phone, &column, &["+44 7700 900123"]).unwrap();
        assert!(fakes[0].starts_with('+') && fakes[0].len() == 15);
    }

    #[test]
    fn a_mask_that_does_not_fit_is_refused() {
        let refused = samples(&Mask::Fixed("x".into()), &TypeKind::Date).unwrap_err();
        assert_eq!(refused.kind, Kind::MaskUnfit);
    }
}
