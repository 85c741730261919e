//! Templates in values: `{{ prompt }}` filled in with what was answered, and nothing else.
//!
//! Templates are Jinja's expressions and tags with the filters `default`, `lower`, `replace`, `shell`, `sql`, `title`,
//! `trim` and `upper`. There are no functions; an undefined name is an error.

use crate::document::did_you_mean;
use crate::scenario::PromptValue;
use crate::schema::quote_literal;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value, filters};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// The greatest number of instructions that one template may take.
pub const MAX_TEMPLATE_STEPS: u64 = 50_000;
/// The greatest length of what one template may give, in bytes.
pub const MAX_RENDERED_BYTES: usize = 1 << 20;

const FILTERS: [&str; 8] = ["default", "lower", "replace", "shell", "sql", "title", "trim", "upper"];

/// What a template gave.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rendered {
    pub(crate) text: String,
    /// The value where the template is one expression, so that a number can stay a number.
    pub(crate) value: PromptValue,
}

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) message: String,
    pub(crate) help: Option<String>,
    /// Whether it is wrong with any values.
    pub(crate) certain: bool,
}

/// Compiles and fills in templates.
pub(crate) struct Templates {
    environment: Environment<'static>,
}

/// Whether a text has anything to fill in.
pub(crate) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

impl Templates {
    pub(crate) fn new() -> Self {
        let mut environment = Environment::empty();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(MAX_TEMPLATE_STEPS));
        // `build` fails only for changed delimiters.
        if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
            environment.set_syntax(syntax);
        }
        environment.add_filter("default", filters::default);
        environment.add_filter("lower", filters::lower);
        environment.add_filter("replace", filters::replace);
        environment.add_filter("shell", |value: String| quote_shell(&value));
        environment.add_filter("sql", |value: String| quote_literal(&value));
        environment.add_filter("title", filters::title);
        environment.add_filter("trim", filters::trim);
        environment.add_filter("upper", filters::upper);
        Self { environment }
    }

    /// The names that a template reads.
    pub(crate) fn names(&self, text: &str) -> Result<BTreeSet<String>, Fault> {
        let template = self.environment.template_from_named_str("value", text).map_err(|error| fault(&error))?;
        Ok(template.undeclared_variables(false).into_iter().collect())
    }

    /// The template with its values filled in.
    pub(crate) fn render(&self, text: &str, values: &BTreeMap<String, PromptValue>) -> Result<Rendered, Fault> {
        let context = values.iter().map(|(name, value)| (name.clone(), Value::from(value)));
        let context = Value::from(context.collect::<BTreeMap<String, Value>>());
        let template = self.environment.template_from_named_str("value", text).map_err(|error| fault(&error))?;
        let mut output = Bounded(Vec::new());
        template.render_captured_to(context.clone(), &mut output).map_err(|error| fault(&error))?;
        let text_out = String::from_utf8_lossy(&output.0).into_owned();
        let value = match only_expression(text) {
            Some(expression) => self.typed(expression, context, &text_out)?,
            None => PromptValue::Text(text_out.clone()),
        };
        Ok(Rendered { text: text_out, value })
    }

    fn typed(&self, expression: &str, context: Value, text: &str) -> Result<PromptValue, Fault> {
        let expression = self.environment.compile_expression(expression).map_err(|error| fault(&error))?;
        let value = expression.eval(context).map_err(|error| fault(&error))?;
        Ok(match value.kind() {
            ValueKind::Bool => PromptValue::Confirm(value.is_true()),
            ValueKind::Number => match (i64::try_from(value.clone()), f64::try_from(value)) {
                (Ok(whole), _) if !text.contains('.') => PromptValue::Whole(whole),
                (_, Ok(decimal)) => PromptValue::Decimal(decimal),
                _ => PromptValue::Text(text.to_owned()),
            },
            _ => PromptValue::Text(text.to_owned()),
        })
    }
}

/// The expression of a template that is nothing but one expression.
fn only_expression(text: &str) -> Option<&str> {
    let inside = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    let inside = inside.trim_matches('-');
    (!inside.contains("{{") && !inside.contains("}}") && !inside.contains("{%")).then_some(inside)
}

fn fault(error: &minijinja::Error) -> Fault {
    let detail = error.detail().unwrap_or_default();
    // minijinja words these as "filter x is unknown".
    let unknown = || detail.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let (message, help) = match error.kind() {
        ErrorKind::SyntaxError => (
            format!("the template has a mistake: {detail}"),
            Some("write `{{ prompt }}`; to keep braces as they are, put `{% raw %}` and `{% endraw %}` around them".into()),
        ),
        ErrorKind::UnknownFilter => {
            (format!("there is no filter `{}`", unknown()), did_you_mean(&unknown(), "the filters", FILTERS))
        }
        ErrorKind::UnknownFunction | ErrorKind::UnknownMethod => {
            ("templates have no functions".into(), Some("use a prompt, or a filter such as `{{ prompt | lower }}`".into()))
        }
        ErrorKind::OutOfFuel => (
            format!("the template takes more than {MAX_TEMPLATE_STEPS} steps"),
            Some("remove its loops; they belong into a script".into()),
        ),
        ErrorKind::WriteFailure => (
            format!("the template gives more than {MAX_RENDERED_BYTES} bytes"),
            Some("remove its loops; they belong into a script".into()),
        ),
        kind => (format!("the template fails: {kind}{}{detail}", if detail.is_empty() { "" } else { ": " }), None),
    };
    let certain = matches!(
        error.kind(),
        ErrorKind::SyntaxError
            | ErrorKind::UnknownFilter
            | ErrorKind::UnknownFunction
            | ErrorKind::UnknownMethod
            | ErrorKind::UnknownTest
    );
    Fault { message, help, certain }
}

/// Quotes a text as one word for `sh`.
fn quote_shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

impl From<&PromptValue> for Value {
    fn from(given: &PromptValue) -> Self {
        match given {
            PromptValue::Text(text) => Self::from(text.as_str()),
            PromptValue::Whole(number) => Self::from(*number),
            PromptValue::Decimal(number) => Self::from(*number),
            PromptValue::Confirm(value) => Self::from(*value),
        }
    }
}

/// Takes output up to the limit.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_RENDERED_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(text: &str) -> Result<Rendered, Fault> {
        let values = [
            ("ticket", PromptValue::Text("ABC-1".into())),
            ("name", PromptValue::Text("O'Hara".into())),
            ("count", PromptValue::Whole(7)),
            ("ratio", PromptValue::Decimal(2.0)),
            ("sure", PromptValue::Confirm(true)),
        ];
        Templates::new().render(text, &values.map(|(name, value)| (name.to_owned(), value)).into())
    }

    fn text(template: &str) -> String {
        render(template).unwrap().text
    }

    #[test]
    fn values_are_filled_in() {
        assert_eq!(text("for {{ ticket | lower }}\n"), "for abc-1\n");
        assert_eq!(text("{% if sure %}yes{% else %}no{% endif %}"), "yes");
        assert_eq!(text("{% raw %}{{.Names}}{% endraw %}"), "{{.Names}}");
    }

    #[test]
    fn values_can_be_quoted_for_where_they_go() {
        assert_eq!(text("where name = {{ name | sql }}"), "where name = 'O''Hara'");
        assert_eq!(text("greet {{ name | shell }}"), r"greet 'O'\''Hara'");
    }

    #[test]
    fn a_single_expression_keeps_its_kind() {
        assert_eq!(render("{{ count }}").unwrap().value, PromptValue::Whole(7));
        assert_eq!(render("{{ count + 1 }}").unwrap().value, PromptValue::Whole(8));
        assert_eq!(render("{{ ratio }}").unwrap().value, PromptValue::Decimal(2.0));
        assert_eq!(render("{{ sure }}").unwrap().value, PromptValue::Confirm(true));
        assert_eq!(render("{{ ticket }}").unwrap().value, PromptValue::Text("ABC-1".into()));
        assert_eq!(render("{{ count }}{{ count }}").unwrap().value, PromptValue::Text("77".into()));
    }

    #[test]
    fn what_cannot_be_filled_in_is_explained() {
        for (template, message) in [
            ("{{ }}", "the template has a mistake: "),
            ("{{ ticket | loewr }}", "there is no filter `loewr`"),
            ("{{ range(3) }}", "templates have no functions"),
            ("{{ missing }}", "the template fails: undefined value"),
        ] {
            let fault = render(template).unwrap_err();
            assert!(fault.message.starts_with(message), "{}", fault.message);
        }
        assert_eq!(render("{{ ticket | loewr }}").unwrap_err().help, Some("did you mean `lower`?".into()));
    }

    #[test]
    fn templates_cannot_run_away() {
        let doubling = format!("{{% set a = 'aaaaaaaa' %}}{}{{{{ a }}}}", "{% set a = a ~ a %}".repeat(24));
        assert!(render(&doubling).unwrap_err().message.contains("more than"));
        let looping = "{% for a in 'a' * 1000000 %}{% for b in 'a' * 1000000 %}{% endfor %}{% endfor %}";
        assert!(render(looping).unwrap_err().message.contains("steps"));
    }

    #[test]
    fn names_are_those_that_are_read() {
        let names = Templates::new().names("{{ a }} {% if b %}{{ c | upper }}{% endif %}").unwrap();
        assert_eq!(names, ["a", "b", "c"].map(String::from).into());
    }
}
