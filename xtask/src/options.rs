//! The words behind a command: names, `--flag` and `--option VALUE`.

use std::str::FromStr;

/// What has not been asked for yet.
pub(crate) struct Options {
    words: Vec<String>,
}

impl Options {
    pub(crate) fn of(words: &[String]) -> Self {
        Self { words: words.to_vec() }
    }

    /// Whether the flag is there.
    pub(crate) fn flag(&mut self, flag: &str) -> bool {
        let before = self.words.len();
        self.words.retain(|word| word != flag);
        self.words.len() < before
    }

    /// The value behind an option, or the default.
    pub(crate) fn value<T: FromStr>(&mut self, option: &str, default: T) -> Result<T, String> {
        Ok(self.maybe(option)?.unwrap_or(default))
    }

    /// The value behind an option, if it is there.
    pub(crate) fn maybe<T: FromStr>(&mut self, option: &str) -> Result<Option<T>, String> {
        let Some(place) = self.words.iter().position(|word| word == option) else { return Ok(None) };
        self.words.remove(place);
        if place == self.words.len() {
            return Err(format!("`{option}` needs a value"));
        }
        let value = self.words.remove(place);
        value.parse().map(Some).map_err(|_| format!("`{option} {value}` is not a value it takes"))
    }

    /// The names that are left, or all of them if there are none.
    pub(crate) fn names<'n>(self, known: &[&'n str]) -> Result<Vec<&'n str>, String> {
        if let Some(stranger) = self.words.iter().find(|word| !known.contains(&word.as_str())) {
            return Err(format!("`{stranger}` is not known here; these are: {}", known.join(", ")));
        }
        let chosen = |name: &&&str| self.words.is_empty() || self.words.iter().any(|word| word == **name);
        Ok(known.iter().filter(chosen).copied().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Options {
        Options::of(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn flags_values_and_names_may_stand_in_any_order() {
        let mut words = options("swap --scale 0.5 masks --write");
        assert!(words.flag("--write") && !words.flag("--other"));
        assert!((words.value("--scale", 1.0_f64).unwrap() - 0.5).abs() < 1e-9);
        assert_eq!(words.value("--rounds", 3_u32).unwrap(), 3);
        assert_eq!(words.names(&["refresh", "masks", "swap"]).unwrap(), ["masks", "swap"]);
        assert_eq!(options("").names(&["refresh", "masks"]).unwrap(), ["refresh", "masks"]);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        assert!(options("--rounds").value("--rounds", 1_u32).is_err());
        assert!(options("--rounds x").value("--rounds", 1_u32).is_err());
        assert!(options("--round 3").names(&["refresh"]).unwrap_err().contains("`--round`"));
    }
}
