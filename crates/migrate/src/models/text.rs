//! Models as a file: the same models are the same text, whose lines change only where the database does.

use std::fmt;

use super::{Key, Models, Strictness, TableModel};

const HEADING: &str = "\
# What the tables of this database must be; `restage migrate validate` compares it. What is not written here is not compared,
# and where it says `strict`, must not be there.
";

impl fmt::Display for Models {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(HEADING)?;
        if self.strictness == Strictness::Strict {
            writeln!(formatter, "strict: true")?;
        }
        writeln!(formatter, "tables:")?;
        for (place, table) in self.tables.iter().enumerate() {
            if place > 0 {
                writeln!(formatter)?;
            }
            write_table(formatter, table, self.strictness)?;
        }
        Ok(())
    }
}

fn write_table(formatter: &mut fmt::Formatter<'_>, table: &TableModel, file: Strictness) -> fmt::Result {
    let name = scalar(&table.name.value.to_string());
    let says_nothing = table.columns.is_empty()
        && table.primary_key.is_none()
        && table.unique.is_empty()
        && table.foreign_keys.is_empty()
        && table.strictness == file;
    if says_nothing {
        return writeln!(formatter, "  {name}: {{}}");
    }
    writeln!(formatter, "  {name}:")?;
    if table.strictness != file {
        writeln!(formatter, "    strict: {}", table.strictness == Strictness::Strict)?;
    }
    if !table.columns.is_empty() {
        writeln!(formatter, "    columns:")?;
    }
    for (name, column) in &table.columns {
        writeln!(formatter, "      {}: {}", scalar(&name.value.0), type_scalar(&column.to_string()))?;
    }
    if let Some(key) = &table.primary_key {
        writeln!(formatter, "    primary-key: {}", list(&key.value))?;
    }
    if !table.unique.is_empty() {
        writeln!(formatter, "    unique:")?;
    }
    for key in &table.unique {
        writeln!(formatter, "      - {}", list(&key.value))?;
    }
    if !table.foreign_keys.is_empty() {
        writeln!(formatter, "    foreign-keys:")?;
    }
    for key in &table.foreign_keys {
        let key = &key.value;
        write!(formatter, "      - {{ columns: {}, to: {}", list(&key.columns), scalar(&key.to.to_string()))?;
        if let Some(to_columns) = &key.to_columns {
            write!(formatter, ", to-columns: {}", list(to_columns))?;
        }
        writeln!(formatter, " }}")?;
    }
    Ok(())
}

fn list(key: &Key) -> String {
    format!("[{}]", key.0.iter().map(|column| scalar(&column.0)).collect::<Vec<_>>().join(", "))
}

/// Text that means itself in YAML, in quotes where it would mean something else in some version of it.
fn scalar(text: &str) -> String {
    const OTHERWISE: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let rest = text.chars().all(|c| c.is_ascii_alphanumeric() || "_-$.".contains(c));
    if first && rest && !OTHERWISE.contains(&text.to_ascii_lowercase().as_str()) { text.to_owned() } else { quoted(text) }
}

/// A type, which stands alone in its line and so may have what types have: spaces, brackets, commas.
fn type_scalar(text: &str) -> String {
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let rest = text.chars().all(|c| c.is_ascii_alphanumeric() || "_$.()[], \"".contains(c));
    if first && rest { text.to_owned() } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            letter if letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(letter)));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}
