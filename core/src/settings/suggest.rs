//! "Did you mean": the nearest of the names that are allowed.

/// A name must be at least this similar (Jaro-Winkler, 0 to 1) to be suggested; clap's threshold is close to it.
const SIMILAR: f64 = 0.8;

/// Longest list of allowed names that is printed in full.
const LISTED: usize = 20;

/// The allowed name that `word` is most likely a misspelling of.
pub(crate) fn did_you_mean<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let word = normal(word);
    names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&word, &normal(name)), name))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

/// The names as a list for a sentence, cut where it would be too long to read.
pub(crate) fn listed(names: &[&str]) -> String {
    let mut text = names[..names.len().min(LISTED)].join(", ");
    if names.len() > LISTED {
        text.push_str(&format!(" and {} more", names.len() - LISTED));
    }
    text
}

/// The form in which names from the environment are compared: lower case, `-` as `_`.
pub(super) fn normal(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_and_a_far_one_is_not() {
        let names = ["max_length", "min_length", "table"];
        assert_eq!(did_you_mean("max_lenght", names), Some("max_length"));
        assert_eq!(did_you_mean("Max-Length", names), Some("max_length"));
        assert_eq!(did_you_mean("colour", names), None);
    }

    #[test]
    fn a_long_list_is_cut_and_says_so() {
        let names = vec!["name"; 23];
        assert!(listed(&names).ends_with(" and 3 more"));
        assert_eq!(listed(&["a", "b"]), "a, b");
    }
}
