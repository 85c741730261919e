//! Prompts: what a scenario asks before it is planned.

mod values;

pub use values::{PromptValue, PromptValues};

use crate::document::{At, Findings, FromText, did_you_mean, listed};
use regex_lite::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The longest name of a prompt, in characters.
const MAX_NAME_CHARS: usize = 63;
/// The longest pattern, in bytes.
const MAX_PATTERN_BYTES: usize = 1_000;
/// Words that mean something else inside templates.
const RESERVED: [&str; 12] = ["and", "else", "false", "if", "in", "is", "loop", "none", "not", "or", "self", "true"];

/// One thing that a scenario asks.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Prompt {
    /// What templates call it.
    pub name: PromptName,
    /// What people are asked.
    pub title: String,
    /// What answers there can be.
    pub kind: PromptKind,
    /// The answer where none is given; nothing where one must be.
    pub default: Option<PromptValue>,
}

/// The answers that a prompt takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PromptKind {
    /// Text; with the pattern that it must fit.
    Text(Option<Pattern>),
    /// A number; with its limits.
    Number {
        /// The least.
        least: Option<f64>,
        /// The greatest.
        most: Option<f64>,
    },
    /// One of some texts, at least one.
    Choice(Vec<String>),
    /// Yes or no.
    Confirm,
}

/// The name of a prompt, fit to stand in a template.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PromptName(String);

/// A regular expression that a whole answer must fit.
#[derive(Clone, Debug, Serialize)]
#[serde(into = "String")]
pub struct Pattern {
    text: String,
    whole: Regex,
}

impl PromptName {
    /// Reads the name, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let letter = |c: char| c.is_ascii_lowercase() || c == '_';
        let fits = text.starts_with(letter) && text.chars().all(|c| letter(c) || c.is_ascii_digit());
        if RESERVED.contains(&text) {
            return Err(format!("`{text}` means something else in templates"));
        }
        if !fits || text.len() > MAX_NAME_CHARS {
            return Err(format!("`{text}` cannot be the name of a prompt: use 1 to {MAX_NAME_CHARS} of a-z, 0-9 and `_`"));
        }
        Ok(Self(text.to_owned()))
    }
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromText for PromptName {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
    fn help(text: &str) -> Option<String> {
        let better = text.to_lowercase().replace(['-', ' ', '.'], "_");
        Some(match Self::parse(&better) {
            Ok(name) => format!("call it `{name}`"),
            Err(_) => "choose another name".to_owned(),
        })
    }
}

impl fmt::Display for PromptName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Pattern {
    /// Reads a regular expression; it will have to fit the whole of a text.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_PATTERN_BYTES {
            return Err(format!("the pattern is longer than {MAX_PATTERN_BYTES} bytes"));
        }
        // Alone first, so that an odd parenthesis cannot pair up with ours.
        let compiled = Regex::new(text).and_then(|_| Regex::new(&format!(r"\A(?:{text})\z")));
        let whole = compiled.map_err(|error| format!("the pattern is not a regular expression: {error}"))?;
        Ok(Self { text: text.to_owned(), whole })
    }
    /// Whether the whole text fits.
    pub fn fits(&self, text: &str) -> bool {
        self.whole.is_match(text)
    }
    /// The expression as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromText for Pattern {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.text
    }
}

impl PromptKind {
    /// Reads an answer, or says what is wrong with it.
    pub fn answer(&self, text: &str) -> Result<PromptValue, String> {
        match self {
            Self::Text(Some(pattern)) if !pattern.fits(text) => {
                Err(format!("`{text}` does not fit the pattern `{}`", pattern.as_str()))
            }
            Self::Text(_) => Ok(PromptValue::Text(text.to_owned())),
            Self::Number { least, most } => number(text, *least, *most),
            Self::Choice(choices) if choices.iter().any(|choice| choice == text) => Ok(PromptValue::Text(text.to_owned())),
            Self::Choice(choices) => {
                let list = listed(choices.iter().map(String::as_str), "or").unwrap_or_default();
                Err(format!("`{text}` is not one of the choices {list}"))
            }
            Self::Confirm => match text {
                "true" | "yes" => Ok(PromptValue::Confirm(true)),
                "false" | "no" => Ok(PromptValue::Confirm(false)),
                _ => Err(format!("`{text}` is not `yes` or `no`")),
            },
        }
    }
    /// An answer that fits wherever one can be made up; for checking a file without answers.
    pub(crate) fn example(&self) -> Option<PromptValue> {
        match self {
            Self::Text(_) => None,
            Self::Number { least, most } => {
                let value = least.or(*most).unwrap_or(1.0);
                Some(number(&value.to_string(), None, None).unwrap_or(PromptValue::Decimal(value)))
            }
            Self::Choice(choices) => choices.first().cloned().map(PromptValue::Text),
            Self::Confirm => Some(PromptValue::Confirm(false)),
        }
    }
}

fn number(text: &str, least: Option<f64>, most: Option<f64>) -> Result<PromptValue, String> {
    let value = text.parse::<f64>().ok().filter(|value| value.is_finite());
    let value = value.ok_or_else(|| format!("`{text}` is not a number"))?;
    if let Some(least) = least.filter(|least| value < *least) {
        return Err(format!("{text} is less than {least}"));
    }
    if let Some(most) = most.filter(|most| value > *most) {
        return Err(format!("{text} is more than {most}"));
    }
    Ok(text.parse().map_or(PromptValue::Decimal(value), PromptValue::Whole))
}

/// A prompt: something to be answered before the scenario is planned.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "prompt")]
pub(crate) struct WrittenPrompt {
    /// What people are asked; default the prompt's name.
    #[schemars(length(min = 1))]
    title: Option<String>,
    /// What the answers are; default `text`.
    #[serde(rename = "type", default)]
    kind: WrittenKind,
    /// The answer where none is given; default none, so that one must be given.
    default: Option<Answer>,
    /// For `text`: a regular expression that the whole answer must fit; default any text.
    pattern: Option<String>,
    /// For `choice`: the possible answers.
    #[schemars(length(min = 1))]
    choices: Option<Vec<String>>,
    /// For `number`: the least answer; default no limit.
    minimum: Option<f64>,
    /// For `number`: the greatest answer; default no limit.
    maximum: Option<f64>,
}

/// What the answers to a prompt are.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "prompt-type")]
enum WrittenKind {
    /// Any text, or what fits `pattern`.
    #[default]
    Text,
    /// A number, with `minimum` and `maximum` if given.
    Number,
    /// One of `choices`.
    Choice,
    /// Yes or no.
    Confirm,
}

/// An answer as it is written in a file.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "answer")]
enum Answer {
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// Reads the prompts that are right and reports the others.
pub(crate) fn read(written: &BTreeMap<String, WrittenPrompt>, at: At<'_>, findings: &mut Findings) -> Vec<Prompt> {
    written.iter().filter_map(|(name, prompt)| prompt.read(name, at.key(name), findings)).collect()
}

impl WrittenPrompt {
    fn read(&self, name: &str, at: At<'_>, findings: &mut Findings) -> Option<Prompt> {
        let parsed = findings.parse_key(at, name);
        if at.key("type").is_doubtful() {
            return None;
        }
        self.refuse_keys_of_other_types(at, findings);
        let kind = self.kind(at, findings)?;
        let default = match &self.default {
            Some(_) if at.key("default").is_doubtful() => return None,
            Some(text) => match kind.answer(&text.to_string()) {
                Ok(value) => Some(value),
                Err(message) => {
                    findings.at(at.key("default"), message).help("correct the default, or what it has to fit");
                    return None;
                }
            },
            None => None,
        };
        Some(Prompt { name: parsed?, title: self.title.clone().unwrap_or_else(|| name.to_owned()), kind, default })
    }

    fn refuse_keys_of_other_types(&self, at: At<'_>, findings: &mut Findings) {
        for (key, kind, word) in [
            ("pattern", WrittenKind::Text, "text"),
            ("choices", WrittenKind::Choice, "choice"),
            ("minimum", WrittenKind::Number, "number"),
            ("maximum", WrittenKind::Number, "number"),
        ] {
            if at.has(key) && self.kind != kind {
                let span = at.key(key).heading();
                let finding = findings.add(span, format!("`{key}` is only for prompts of the type `{word}`"));
                finding.help(format!("remove it, or write `type: {word}`"));
            }
        }
    }

    fn kind(&self, at: At<'_>, findings: &mut Findings) -> Option<PromptKind> {
        Some(match self.kind {
            WrittenKind::Text => match &self.pattern {
                Some(pattern) => PromptKind::Text(Some(findings.parse_str(at.key("pattern"), pattern)?)),
                None => PromptKind::Text(None),
            },
            WrittenKind::Number => {
                if let (Some(least), Some(most)) = (self.minimum, self.maximum)
                    && least > most
                {
                    let finding = findings.at(at.key("maximum"), "`maximum` is less than `minimum`");
                    finding.help("swap the two");
                    return None;
                }
                PromptKind::Number { least: self.minimum, most: self.maximum }
            }
            WrittenKind::Choice => {
                let choices = self.choices.clone().unwrap_or_default();
                if choices.is_empty() {
                    if !at.key("choices").is_doubtful() {
                        let finding = findings.at(at, "a prompt of the type `choice` needs `choices`");
                        finding.help("add `choices: [one, another]`");
                    }
                    return None;
                }
                PromptKind::Choice(choices)
            }
            WrittenKind::Confirm => PromptKind::Confirm,
        })
    }
}

/// The prompt that was probably meant, or the prompts there are.
pub(crate) fn suggest<'p>(name: &str, prompts: impl IntoIterator<Item = &'p str> + Clone) -> String {
    did_you_mean(name, "the prompts", prompts).unwrap_or_else(|| format!("declare it under `prompts:` as `{name}: {{}}`"))
}
