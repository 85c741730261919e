//! Finds what looks like a secret in a file's text, so that no snippet shows it, however broken the file is.

use std::ops::Range;

/// Keys whose value on the same line is starred out unless it is a map.
const SECRET_KEYS: [&str; 4] = ["password", "passwd", "secret", "token"];

/// Whether a key's value is a secret or the place of one.
pub(super) fn is_secret_key(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    SECRET_KEYS.iter().any(|word| key.ends_with(word))
}

/// The parts of a text that must not be shown: passwords in URLs and connection strings, and values of secret keys.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    in_urls(text, &mut found);
    in_parameters(text, &mut found);
    after_keys(text, &mut found);
    found
}

fn token_end(text: &str, from: usize) -> usize {
    text[from..].find(|c: char| c.is_whitespace() || "\"'`".contains(c)).map_or(text.len(), |length| from + length)
}

/// `scheme://user:password@host`
fn in_urls(text: &str, found: &mut Vec<Range<usize>>) {
    for (index, _) in text.match_indices("://") {
        let start = index + 3;
        let authority = &text[start..token_end(text, start)];
        let Some(at) = authority.rfind('@') else { continue };
        if let Some(colon) = authority[..at].find(':') {
            found.push(start + colon + 1..start + at);
        }
    }
}

/// `password=…` in a query or a connection string.
fn in_parameters(text: &str, found: &mut Vec<Range<usize>>) {
    let lower = text.to_ascii_lowercase();
    for word in SECRET_KEYS {
        for (index, _) in lower.match_indices(word) {
            let start = index + word.len() + 1;
            if lower[index + word.len()..].starts_with('=') {
                let token = &text[start..token_end(text, start)];
                found.push(start..start + token.find('&').unwrap_or(token.len()));
            }
        }
    }
}

/// `password: …`, `db_password: …`, `"password": …`
fn after_keys(text: &str, found: &mut Vec<Range<usize>>) {
    let lower = text.to_ascii_lowercase();
    for word in SECRET_KEYS {
        for (index, _) in lower.match_indices(word) {
            let rest = &text[index + word.len()..];
            let Some(value) = rest.trim_start_matches(['"', '\'']).trim_start_matches(' ').strip_prefix(':') else {
                continue;
            };
            let value = value.trim_start_matches([' ', '\t']);
            let start = text.len() - value.len();
            let line = value.lines().next().unwrap_or_default();
            let end = match line.chars().next() {
                None | Some('{' | '#' | '|' | '>') => continue,
                Some(quote @ ('"' | '\'')) => line[1..].find(quote).map_or(line.len(), |length| length + 2),
                Some(_) => line.find([',', '}']).unwrap_or(line.len()),
            };
            found.push(start..start + end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::find;

    fn starred(text: &str) -> String {
        let mut shown = text.to_owned();
        for span in find(text) {
            let stars = "*".repeat(span.len());
            shown.replace_range(span, &stars);
        }
        shown
    }

    #[test]
    fn secrets_are_starred_out_wherever_they_stand() {
        for (text, shown) in [
            ("url: postgresql://u:hunter2@h/d", "url: postgresql://u:*******@h/d"),
            ("url: \"postgresql://u:p@ss@h/d\"", "url: \"postgresql://u:****@h/d\""),
            ("url: postgresql://h/d?password=x1&a=b", "url: postgresql://h/d?password=**&a=b"),
            ("password: hunter2", "password: *******"),
            ("{ password: \"hunter 2\", a: b }", "{ password: **********, a: b }"),
            ("{ \"password\": hunter2, a: b }", "{ \"password\": *******, a: b }"),
            ("MASK_SECRET: é", "MASK_SECRET: **"),
        ] {
            assert_eq!(starred(text), shown);
        }
    }

    #[test]
    fn what_is_no_secret_stays_readable() {
        for text in ["password: { env: PASSWORD }", "url: https://host:80/x", "field: password }", "password:\n  env: X"] {
            assert_eq!(starred(text), text);
        }
    }
}
