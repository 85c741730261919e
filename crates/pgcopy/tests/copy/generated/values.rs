//! Types and values as SQL.

use super::model::{Cell, Kind, Schema};
use proptest::sample::Index;
use restage_core::schema::{quote_identifier, quote_literal};

/// One of PostgreSQL's types.
struct Base {
    name: &'static str,
    /// Values that are worth a test; none for text and numbers, which are made up.
    samples: &'static [&'static str],
}

const fn base(name: &'static str, samples: &'static [&'static str]) -> Base {
    Base { name, samples }
}

/// The types of columns; text and numbers stand first and several times, for they are what most columns are of.
const BASES: [Base; 44] = [
    base("text", &[]),
    base("varchar(200)", &[]),
    base("text COLLATE \"C\"", &[]),
    base("bigint", &[]),
    base("integer", &[]),
    base("numeric", &[]),
    base("bytea", &[]),
    base("jsonb", &[]),
    base("json", &["{\"b\" : 1,  \"b\": [1e400]}", " null ", "\"\\u0041\""]),
    base("smallint", &["-32768", "0", "32767"]),
    base("numeric(12,3)", &["NaN", "0.000", "999999999.999", "-1.5"]),
    base("boolean", &["t", "f"]),
    base("real", &["NaN", "-Infinity", "-0", "1e-45", "0.1"]),
    base("double precision", &["NaN", "Infinity", "-0", "5e-324", "1.7976931348623157e308", "0.1"]),
    base("date", &["infinity", "-infinity", "4713-11-24 BC", "5874897-12-31", "2000-02-29"]),
    base("timestamptz", &["infinity", "-infinity", "0044-03-15 12:00:00.000001+01 BC", "294276-12-31 23:59:59.999999+00"]),
    base("timestamp(2)", &["2000-01-01 00:00:00.126", "infinity", "0001-01-01 00:00:00 BC"]),
    base("time", &["00:00:00", "24:00:00", "23:59:59.999999"]),
    base("timetz", &["00:00:00+15:59:59", "24:00:00-15:59:59"]),
    base("interval", &["-178000000 years", "1 mon -1 day +00:00:00.000001", "0"]),
    base("uuid", &["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"]),
    base("inet", &["10.0.0.1/24", "::ffff:1.2.3.4", "0.0.0.0/0"]),
    base("cidr", &["10.0.0.0/8", "fe80::/64"]),
    base("macaddr8", &["ff:00:2b:01:02:03:04:05"]),
    base("bit varying", &["", "10111"]),
    base("bit(3)", &["101", "000"]),
    base("char(5)", &["", "a  ", "éé"]),
    base("name", &["", " é", "pg_catalog"]),
    base("\"char\"", &["", "a", "\\"]),
    base("money", &["-92233720368547758.08", "0.01"]),
    base("pg_lsn", &["0/0", "FFFFFFFF/FFFFFFFF"]),
    base("xml", &["<a b=\"é\">&lt;</a>", "only text"]),
    base("tsvector", &["", "'a':1A,2B 'it''s':3 ' '"]),
    base("tsquery", &["", "!'a':*A & ('b' | 'c' <2> 'd')"]),
    base("point", &["(-0,1e-300)", "(NaN,Infinity)"]),
    base("box", &["(1,1),(-1,-1)"]),
    base("polygon", &["((0,0),(1,1),(1,0))"]),
    base("int4range", &["[1,5)", "empty", "(,)"]),
    base("tstzrange", &["(-infinity,\"2020-01-01 00:00:00+00\"]", "empty"]),
    base("nummultirange", &["{}", "{[0.10,0.10],(5,)}"]),
    base("oid", &["0", "4294967295"]),
    base("regtype", &["integer", "text[]"]),
    base("oidvector", &["", "1 2"]),
    base("jsonpath", &["$.\"a\"[*] ? (@ > 1.5)", "strict $"]),
];

/// Types that every index knows how to sort.
const SORTABLE: [&str; 12] = [
    "bigint",
    "integer",
    "numeric",
    "smallint",
    "numeric(12,3)",
    "boolean",
    "real",
    "double precision",
    "date",
    "timestamptz",
    "interval",
    "uuid",
];

/// What may stand in a name, after a part that makes it the only one.
const SUFFIXES: [&str; 12] = ["", "", "", " with space", "\"", "'", ".dot", "Ünï", "%s", "\\", "\nline", "$1"];

/// A name that no other thing has.
pub(super) fn name(prefix: &str, at: usize, suffix: Index) -> String {
    quote_identifier(&format!("{prefix}{at}{}", suffix.get(&SUFFIXES)))
}

/// The types of a schema.
pub(super) struct Types<'a>(pub(super) &'a Schema);

impl Types<'_> {
    /// How a column is declared to be of it.
    pub(super) fn declared(&self, kind: &Kind) -> String {
        match self.known(kind) {
            Known::Base(base) => base.name.to_owned(),
            Known::Named(prefix, at) => format!("{prefix}{at}"),
            // An array has no collation of its own place in the declaration but its elements'.
            Known::Array(inner) => format!("{}[]", self.declared(inner).replace(" COLLATE \"C\"", "")),
        }
    }

    /// How a value is cast to it.
    fn cast(&self, kind: &Kind) -> String {
        self.declared(kind).replace(" COLLATE \"C\"", "")
    }

    /// Whether an ordinary index takes it.
    pub(super) fn is_sortable(&self, kind: &Kind) -> bool {
        match self.known(kind) {
            Known::Base(base) => SORTABLE.contains(&base.name),
            Known::Named(prefix, _) => prefix == "e",
            Known::Array(_) => false,
        }
    }

    /// An expression for a value, or `NULL` if that may be.
    pub(super) fn value(&self, kind: &Kind, cell: &Cell, may_be_null: bool) -> String {
        if cell.is_null && may_be_null {
            return "NULL".to_owned();
        }
        let cast = self.cast(kind);
        match self.known(kind) {
            Known::Base(base) => format!("{}::{cast}", quote_literal(&plain(base, cell))),
            Known::Named("e", at) => format!("'e{}'::{cast}", cell.pick.index(self.0.enums[at])),
            Known::Named("d", at) => format!("{}::{cast}", self.value(&self.0.domains[at], cell, false)),
            Known::Named(_, at) => {
                let fields: Vec<String> = self.0.composites[at].iter().map(|field| self.value(field, cell, true)).collect();
                format!("ROW({})::{cast}", fields.join(", "))
            }
            Known::Array(inner) => match cell.number.rem_euclid(4) {
                0 => format!("'{{}}'::{cast}"),
                1 => format!("ARRAY[{}]::{cast}", self.value(inner, cell, true)),
                _ => format!("ARRAY[{}, NULL]::{cast}", self.value(inner, cell, false)),
            },
        }
    }

    fn known<'k>(&self, kind: &'k Kind) -> Known<'k> {
        let of = |prefix, index: &Index, count: usize| {
            if count == 0 { Known::Base(index.get(&BASES)) } else { Known::Named(prefix, index.index(count)) }
        };
        match kind {
            Kind::Base(index) => Known::Base(index.get(&BASES)),
            Kind::Enum(index) => of("e", index, self.0.enums.len()),
            Kind::Domain(index) => of("d", index, self.0.domains.len()),
            Kind::Composite(index) => of("c", index, self.0.composites.len()),
            Kind::Array(inner) => Known::Array(inner),
        }
    }
}

/// A type that there is.
enum Known<'k> {
    Base(&'static Base),
    /// With the prefix and the number of its name.
    Named(&'static str, usize),
    Array(&'k Kind),
}

fn plain(base: &Base, cell: &Cell) -> String {
    if !base.samples.is_empty() {
        return (*cell.pick.get(base.samples)).to_owned();
    }
    match base.name {
        "bigint" => cell.number.to_string(),
        "integer" => (cell.number >> 32).to_string(),
        "numeric" => format!("{}.{}e{}", cell.number, cell.number.unsigned_abs(), cell.number % 300),
        "bytea" => format!("\\x{}", cell.text.bytes().map(|byte| format!("{byte:02x}00ff")).collect::<String>()),
        "jsonb" => format!("[{}, {}]", serde_json::to_string(&cell.text.replace('\0', "")).unwrap_or_default(), cell.number),
        _ => cell.text.clone(),
    }
}
