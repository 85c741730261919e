//! The constants of a source file, and their values as the page writes them.

use std::path::Path;

use syn::visit::{self, Visit};

use crate::workspace::Source;

/// What names of limits begin with.
const STARTS: [&str; 2] = ["MAX_", "MIN_"];
/// What names of limits end with.
const ENDS: [&str; 4] = ["_LIMIT", "_ATTEMPTS", "_WITHIN", "_TTL"];

/// A constant, or a field of the run's `Limits`.
pub(super) struct Constant {
    /// `file::NAME`.
    pub(super) name: String,
    pub(super) path: String,
    pub(super) line: usize,
    /// As the page writes it; none where it is computed from others.
    pub(super) value: Option<String>,
    /// Whether the page has to tell about it.
    pub(super) is_limit: bool,
}

/// Every constant outside the tests of a file.
pub(super) fn of(source: &Source) -> Result<Vec<Constant>, String> {
    let parsed = syn::parse_file(&source.text).map_err(|error| format!("{}: cannot be parsed: {error}", source.path))?;
    let path = Path::new(&source.path);
    let file = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let mut constants = Constants { source, file, found: Vec::new() };
    constants.visit_file(&parsed);
    Ok(constants.found)
}

struct Constants<'a> {
    source: &'a Source,
    file: String,
    found: Vec<Constant>,
}

impl Constants<'_> {
    fn add(&mut self, name: &syn::Ident, value: &syn::Expr, is_limit: bool) {
        let value = evaluate(value).map(|value| value.written(&name.to_string()));
        let (path, line) = (self.source.path.clone(), name.span().start().line);
        self.found.push(Constant { name: format!("{}::{name}", self.file), path, line, value, is_limit });
    }
}

impl<'ast> Visit<'ast> for Constants<'_> {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if module.ident != "tests" {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        let name = item.ident.to_string();
        let of_time =
            matches!(&*item.ty, syn::Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Duration"));
        let named = STARTS.iter().any(|start| name.starts_with(start)) || ENDS.iter().any(|end| name.ends_with(end));
        self.add(&item.ident, &item.expr, of_time || named);
    }

    /// The run's limits are fields with defaults.
    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let of_limits = matches!(&*item.self_ty, syn::Type::Path(path) if path.path.is_ident("Limits"));
        let is_default = item.trait_.as_ref().is_some_and(|(_, path, _)| path.is_ident("Default"));
        if of_limits && is_default {
            let mut fields = Fields { constants: self };
            fields.visit_item_impl(item);
        } else {
            visit::visit_item_impl(self, item);
        }
    }
}

struct Fields<'c, 'a> {
    constants: &'c mut Constants<'a>,
}

impl<'ast> Visit<'ast> for Fields<'_, '_> {
    fn visit_field_value(&mut self, field: &'ast syn::FieldValue) {
        if let syn::Member::Named(name) = &field.member {
            self.constants.add(name, &field.expr, true);
        }
    }
}

/// The value of a constant.
enum Number {
    Milliseconds(u128),
    Whole(u128),
    /// As it is written.
    Broken(String),
}

fn evaluate(value: &syn::Expr) -> Option<Number> {
    match value {
        syn::Expr::Lit(literal) => match &literal.lit {
            syn::Lit::Int(number) => number.base10_parse().ok().map(Number::Whole),
            syn::Lit::Float(number) => Some(Number::of_decimal(number.base10_digits())),
            _ => None,
        },
        syn::Expr::Paren(inner) => evaluate(&inner.expr),
        // `NonZero::new(4).expect(…)`
        syn::Expr::MethodCall(call) if call.method == "expect" => evaluate(&call.receiver),
        syn::Expr::Binary(binary) => {
            let (Number::Whole(left), Number::Whole(right)) = (evaluate(&binary.left)?, evaluate(&binary.right)?) else {
                return None;
            };
            match binary.op {
                syn::BinOp::Mul(_) => left.checked_mul(right).map(Number::Whole),
                syn::BinOp::Shl(_) => left.checked_shl(u32::try_from(right).ok()?).map(Number::Whole),
                _ => None,
            }
        }
        syn::Expr::Call(call) => {
            let syn::Expr::Path(path) = &*call.func else { return None };
            let unit: u128 = match path.path.segments.last()?.ident.to_string().as_str() {
                "new" => return evaluate(call.args.first()?),
                "from_millis" => 1,
                "from_secs" => SECOND,
                "from_mins" | "from_minutes" => MINUTE,
                "from_hours" => HOUR,
                "from_days" => DAY,
                _ => return None,
            };
            let Number::Whole(count) = evaluate(call.args.first()?)? else { return None };
            Some(Number::Milliseconds(count * unit))
        }
        _ => None,
    }
}

const SECOND: u128 = 1_000;
const MINUTE: u128 = 60 * SECOND;
const HOUR: u128 = 60 * MINUTE;
const DAY: u128 = 24 * HOUR;

impl Number {
    /// `120e6` is a whole number, `1.1` is not.
    fn of_decimal(digits: &str) -> Self {
        let whole = digits.split_once('e').and_then(|(digits, zeros)| {
            let zeros = zeros.parse::<u32>().ok()?;
            digits.parse::<u128>().ok()?.checked_mul(10_u128.checked_pow(zeros)?)
        });
        whole.map_or_else(|| Self::Broken(digits.to_owned()), Self::Whole)
    }

    /// In the largest unit that leaves a whole number.
    fn written(&self, name: &str) -> String {
        let times = [(DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (SECOND, "s"), (1, "ms")];
        let sizes = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "bytes")];
        let (count, units): (u128, &[(u128, &str)]) = match self {
            Self::Milliseconds(count) => (*count, &times),
            Self::Whole(count) if name.ends_with("_BYTES") || name.starts_with("BYTES_") => (*count, &sizes),
            Self::Whole(count) => (*count, &[]),
            Self::Broken(digits) => return digits.clone(),
        };
        match units.iter().find(|(unit, _)| count >= *unit && count.is_multiple_of(*unit)) {
            Some((unit, word)) => format!("{} {word}", grouped(count / unit)),
            None => grouped(count),
        }
    }
}

/// With a comma between each three digits.
fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut written = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            written.push(',');
        }
        written.push(digit);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_people_write_them() {
        let text = "const A_WITHIN: Duration = Duration::from_secs(90); const B_LIMIT: std::time::Duration = Duration::from_millis(3_600_000);
            const MAX_BYTES: u64 = 256 << 20; const MAX_LINES: usize = 2 * 100_000; const SHARE: f64 = 1.1; const SPEED: f64 = 120e6; const D_TTL: Duration = A_WITHIN;
            impl Default for Limits { fn default() -> Self { Self { attempts: 3, pause: Duration::from_hours(48), } } }
            mod tests { const MAX_NOT: u8 = 1; }";
        let found = of(&Source { path: "crates/core/src/run.rs".to_owned(), text: text.to_owned() }).unwrap();
        let told: Vec<_> = found.iter().map(|one| (one.name.as_str(), one.value.as_deref().unwrap_or("-"), one.is_limit)).collect();
        let expected = [
            ("run::A_WITHIN", "90 s", true),
            ("run::B_LIMIT", "1 h", true),
            ("run::MAX_BYTES", "256 MiB", true),
            ("run::MAX_LINES", "200,000", true),
            ("run::SHARE", "1.1", false),
            ("run::SPEED", "120,000,000", false),
            ("run::D_TTL", "-", true),
            ("run::attempts", "3", true),
            ("run::pause", "2 d", true),
        ];
        assert_eq!(told, expected);
    }
}
