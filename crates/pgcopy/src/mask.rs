//! Masks at work on the stream of a COPY, in its binary and its text format.
//!
//! [`MaskSet::compile`] makes the masks of a table ready under a [`MaskKey`]; a [`Masker`] is fed what one COPY gives, in pieces
//! of any size, and appends what the other COPY takes. Columns without a mask pass as they are, in runs as long as possible.
//!
//! Every fake depends on the key and the value alone, so that a value has one fake in every table and column. NULL stays NULL and
//! an empty text stays empty. What each mask does is told in `docs/masks.md`; what masks exist, in [`restage_core::mask`].

mod siphash;
mod permutation;
mod key;

mod hex;
mod person;
mod address;
mod uuid;
mod digits;
mod letters;
mod text;

mod decimal;
mod noise;
mod date;
mod fixed;
mod json;

mod column;
mod later;
mod stream;
mod sample;

pub use key::MaskKey;
pub use sample::{samples, samples_like};
pub use stream::{Format, Masker};

use crate::{Error, Kind, Result};
use column::{Action, NAME_OID};
use restage_core::mask::Mask;
use restage_core::schema::{ColumnName, TypeKind};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A column of a COPY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyColumn {
    /// Its name.
    pub name: ColumnName,
    /// Its type as masks see it.
    pub kind: TypeKind,
    /// Its type's oid, a domain's being that of its base type. Text of a type that is not built in is taken for citext.
    pub type_oid: u32,
}

/// The masks of a table, ready for its COPY; cheap to clone.
#[derive(Clone)]
pub struct MaskSet {
    inner: Arc<Compiled>,
}

struct Compiled {
    key: MaskKey,
    /// In the order of COPY.
    columns: Vec<Option<MaskedColumn>>,
    /// How many columns there are up to the last one with a mask.
    masked_end: usize,
    binary_safe: bool,
}

struct MaskedColumn {
    name: ColumnName,
    action: Action,
}

/// Why a value cannot be masked, as the end of a sentence about it; says nothing of the value itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Misread(&'static str);

impl MaskSet {
    /// Makes masks ready for the columns of a COPY, in its order; refuses a mask for a column that is not among them, and one that
    /// its column's type cannot take.
    pub fn compile(key: &MaskKey, columns: &[CopyColumn], masks: &BTreeMap<ColumnName, Mask>) -> Result<Self> {
        if let Some(missing) = masks.keys().find(|name| columns.iter().all(|column| column.name != **name)) {
            let message = format!("the column `{missing}` has a mask and is not among those copied");
            return Err(Kind::MaskUnfit.error(message).help("make a new plan: the source's structure has changed"));
        }
        let compile = |column: &CopyColumn| {
            let Some(mask) = masks.get(&column.name) else { return Ok(None) };
            let name = column.name.clone();
            match Action::new(mask, column) {
                Ok(action) => Ok(Some(MaskedColumn { name, action })),
                Err(why) => Err(misfit(&name, &why)),
            }
        };
        let binary_safe = columns.iter().all(|column| column.type_oid != NAME_OID || !masks.contains_key(&column.name));
        let columns = columns.iter().map(compile).collect::<Result<Vec<_>>>()?;
        let masked_end = columns.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        Ok(Self { inner: Arc::new(Compiled { key: key.clone(), columns, masked_end, binary_safe }) })
    }

    /// Whether no column has a mask.
    pub fn is_empty(&self) -> bool {
        self.inner.columns.iter().all(Option::is_none)
    }

    /// Whether the masks may work on the binary format. All but those of columns of type `name`, whose binary form refuses a text of
    /// 64 bytes where its text form cuts it.
    pub fn binary_safe(&self) -> bool {
        self.inner.binary_safe
    }
}

fn misfit(name: &ColumnName, why: &str) -> Error {
    Kind::MaskUnfit
        .error(format!("the mask of `{name}` does not fit: the column {why}"))
        .help("choose another mask for this column")
}

impl fmt::Debug for MaskSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.inner.columns.iter().flatten().map(|column| &column.name.0)).finish()
    }
}
