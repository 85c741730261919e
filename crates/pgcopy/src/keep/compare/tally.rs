//! What a comparison finds.

use restage_core::facts::{DanglingReference, KeepFacts};
use restage_core::schema::{ColumnName, ForeignKey, TableName};

/// Examples shown of each finding.
pub(super) const EXAMPLES: usize = 5;

/// What was found of one kept table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// The facts that a plan is made from.
    pub facts: KeepFacts,
    /// Kept rows that cannot be added because production has another row where the table allows one only.
    pub clashes: Vec<Clash>,
    /// Rows that `on-missing: drop` leaves out.
    pub dropped: u64,
}

/// Kept rows and other things' rows of production that agree in columns which must be unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// The columns.
    pub columns: Vec<ColumnName>,
    /// Kept rows.
    pub rows: u64,
    /// Keys of some of them, at most 5.
    pub examples: Vec<String>,
}

impl Compared {
    pub(super) fn conflict(&mut self, label: &str) {
        self.facts.conflicts += 1;
        example(&mut self.facts.conflict_examples, label);
    }

    pub(super) fn collision(&mut self, label: &str) {
        self.facts.collisions += 1;
        example(&mut self.facts.collision_examples, label);
    }

    pub(super) fn clash(&mut self, columns: &[ColumnName], label: &str) {
        let at = self.clashes.iter().position(|clash| clash.columns == columns).unwrap_or_else(|| {
            self.clashes.push(Clash { columns: columns.to_vec(), rows: 0, examples: Vec::new() });
            self.clashes.len() - 1
        });
        self.clashes[at].rows += 1;
        example(&mut self.clashes[at].examples, label);
    }

    pub(super) fn dangling(&mut self, table: &TableName, key: &ForeignKey, value: &str) {
        dangling(&mut self.facts.dangling, table, key, 1, value);
    }
}

/// Counts referring rows by their foreign key.
pub(crate) fn dangling(found: &mut Vec<DanglingReference>, table: &TableName, key: &ForeignKey, rows: u64, value: &str) {
    let same = |reference: &DanglingReference| (&reference.table, &reference.constraint) == (table, &key.name);
    let at = found.iter().position(same).unwrap_or_else(|| {
        found.push(DanglingReference {
            table: table.clone(),
            constraint: key.name.clone(),
            to: key.to.clone(),
            rows: 0,
            examples: Vec::new(),
        });
        found.len() - 1
    });
    found[at].rows += rows;
    example(&mut found[at].examples, value);
}

fn example(examples: &mut Vec<String>, label: &str) {
    if examples.len() < EXAMPLES && !examples.iter().any(|known| known == label) {
        examples.push(label.to_owned());
    }
}
