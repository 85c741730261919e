//! "Did you mean": the nearest of the words that would have been right.

/// The word that was probably meant, if one is near enough.
pub fn nearest<'w>(word: &str, known: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let plain = |text: &str| text.to_lowercase().replace(['_', ' '], "-");
    let word = plain(word);
    let distance = |candidate: &str| strsim::damerau_levenshtein(&word, &plain(candidate));
    let near = |(distance, candidate): &(usize, &str)| *distance <= 1.max(word.len().max(candidate.len()) / 3);
    let candidates = known.into_iter().map(|candidate| (distance(candidate), candidate));
    candidates.filter(near).min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// "did you mean …", or else what is known of the kind, such as "the environments".
pub fn did_you_mean<'w>(word: &str, kind: &str, known: impl IntoIterator<Item = &'w str> + Clone) -> Option<String> {
    match nearest(word, known.clone()) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None => listed(known, "and").map(|list| format!("{kind} are {list}")),
    }
}

/// "`a`, `b` and `c`"; nothing for no words.
pub(crate) fn listed<'w>(words: impl IntoIterator<Item = &'w str>, last: &str) -> Option<String> {
    let mut quoted = words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>();
    let end = quoted.pop()?;
    Some(if quoted.is_empty() { end } else { format!("{} {last} {end}", quoted.join(", ")) })
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn slips_of_the_fingers_are_understood() {
        let known = ["keep", "mask", "on-conflict", "database"];
        for (word, meant) in [("kep", "keep"), ("databse", "database"), ("on_conflict", "on-conflict"), ("Mask", "mask")] {
            assert_eq!(nearest(word, known), Some(meant));
        }
    }

    #[test]
    fn other_words_are_left_alone() {
        assert_eq!(nearest("publications", ["keep", "mask"]), None);
        assert_eq!(nearest("", ["keep"]), None);
    }
}
