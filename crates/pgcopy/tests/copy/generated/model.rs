//! Schemas at random: what there is, without the words for it.

use proptest::prelude::*;
use proptest::sample::Index;

/// Everything in one schema.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    pub(crate) suffix: Index,
    pub(crate) enums: Vec<usize>,
    pub(crate) domains: Vec<Kind>,
    pub(crate) composites: Vec<Vec<Kind>>,
    pub(crate) tables: Vec<Table>,
    pub(crate) views: Views,
}

/// Whether there are views; versions print them differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Views {
    With,
    Without,
}

/// A column's type.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// One of PostgreSQL's own.
    Base(Index),
    Enum(Index),
    Domain(Index),
    Composite(Index),
    Array(Box<Kind>),
}

#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) suffix: Index,
    pub(crate) numbering: Numbering,
    pub(crate) shape: Shape,
    pub(crate) has_key: bool,
    pub(crate) columns: Vec<Column>,
    /// Columns that come once there are rows.
    pub(crate) late: Vec<Column>,
    /// Before which columns there is one that goes before there are rows.
    pub(crate) gone: Vec<Index>,
    pub(crate) references: Vec<Reference>,
    pub(crate) indexes: Vec<(Index, Method)>,
    pub(crate) rows: Vec<Vec<Cell>>,
    /// Thousands of copies of the first row.
    pub(crate) is_large: bool,
}

/// How the column `id` gets its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbering {
    Written,
    Serial,
    Always,
    ByDefault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Plain,
    Unlogged,
    ByHash,
    ByRange,
}

#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) suffix: Index,
    pub(crate) kind: Kind,
    pub(crate) not_null: bool,
    pub(crate) default: Option<Cell>,
    /// Made of another column instead of written.
    pub(crate) is_generated: bool,
}

/// A foreign key to some table's `id`.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    pub(crate) to: Index,
    pub(crate) options: Index,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Btree,
    Unique,
    Partial,
    Hash,
}

/// A value of any type.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) is_null: bool,
    pub(crate) pick: Index,
    pub(crate) number: i64,
    pub(crate) text: String,
}

pub(crate) fn schema(views: Views) -> impl Strategy<Value = Schema> {
    let enums = prop::collection::vec(1..5_usize, 0..3);
    let domains = prop::collection::vec(simple_kind(), 0..3);
    let composites = prop::collection::vec(prop::collection::vec(simple_kind(), 1..4), 0..3);
    let tables = prop::collection::vec(table(), 1..5);
    (any::<Index>(), enums, domains, composites, tables).prop_map(move |(suffix, enums, domains, composites, tables)| Schema {
        suffix,
        enums,
        domains,
        composites,
        tables,
        views,
    })
}

fn kind() -> impl Strategy<Value = Kind> {
    let plain = prop_oneof![
        5 => any::<Index>().prop_map(Kind::Base),
        1 => any::<Index>().prop_map(Kind::Enum),
        1 => any::<Index>().prop_map(Kind::Domain),
        1 => any::<Index>().prop_map(Kind::Composite),
    ];
    perhaps_array(plain)
}

/// What other types are made of.
fn simple_kind() -> impl Strategy<Value = Kind> {
    perhaps_array(prop_oneof![3 => any::<Index>().prop_map(Kind::Base), 1 => any::<Index>().prop_map(Kind::Enum)])
}

fn perhaps_array(kind: impl Strategy<Value = Kind>) -> impl Strategy<Value = Kind> {
    (kind, prop::bool::weighted(0.15)).prop_map(|(kind, is_array)| if is_array { Kind::Array(Box::new(kind)) } else { kind })
}

fn table() -> impl Strategy<Value = Table> {
    let numbering = prop::sample::select(vec![Numbering::Written, Numbering::Serial, Numbering::Always, Numbering::ByDefault]);
    let shape =
        prop_oneof![4 => Just(Shape::Plain), 1 => Just(Shape::Unlogged), 1 => Just(Shape::ByHash), 1 => Just(Shape::ByRange)];
    let method = prop::sample::select(vec![Method::Btree, Method::Unique, Method::Partial, Method::Hash]);
    let reference = (any::<Index>(), any::<Index>()).prop_map(|(to, options)| Reference { to, options });
    let what_it_is = (any::<Index>(), numbering, shape, prop::bool::weighted(0.8), prop::bool::weighted(0.03));
    let columns =
        (prop::collection::vec(column(), 0..7), prop::collection::vec(column(), 0..2), prop::collection::vec(any::<Index>(), 0..2));
    let around = (prop::collection::vec(reference, 0..3), prop::collection::vec((any::<Index>(), method), 0..3));
    // As many cells as a row has columns at most.
    let rows = prop::collection::vec(prop::collection::vec(cell(), 7), 0..12);
    (what_it_is, columns, around, rows).prop_map(
        |((suffix, numbering, shape, has_key, is_large), (columns, late, gone), (references, indexes), rows)| Table {
            suffix,
            numbering,
            shape,
            has_key,
            columns,
            late,
            gone,
            references,
            indexes,
            rows,
            is_large,
        },
    )
}

fn column() -> impl Strategy<Value = Column> {
    let flags = (prop::bool::weighted(0.3), prop::option::weighted(0.2, cell()), prop::bool::weighted(0.1));
    (any::<Index>(), kind(), flags).prop_map(|(suffix, kind, (not_null, default, is_generated))| Column {
        suffix,
        kind,
        not_null,
        default,
        is_generated,
    })
}

fn cell() -> impl Strategy<Value = Cell> {
    let text = prop_oneof!["\\PC{0,20}", "[\\x01-\\x7f]{0,12}", "[\\\\\\t\\n\\r\"',{}()N. ]{0,8}", "[a-é]{100,120}"];
    let number = prop_oneof![any::<i64>(), -3..4_i64];
    (prop::bool::weighted(0.15), any::<Index>(), number, text).prop_map(|(is_null, pick, number, text)| Cell {
        is_null,
        pick,
        number,
        text,
    })
}
