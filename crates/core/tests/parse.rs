//! User files in, problems or valid values out, as golden files to be reviewed as prose.

#![expect(clippy::disallowed_methods, reason = "these tests read their files themselves; the core does not")]

#[cfg(test)]
mod parse {
    mod families;
    mod files;
    mod robustness;
    mod schemas;
}
