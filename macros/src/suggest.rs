//! "Did you mean": the allowed word nearest to one that is not.

/// The help for a word that is not allowed: the nearest allowed one, or the list of them.
pub(crate) fn help(word: &str, allowed: &[&str]) -> String {
    let list = list(allowed);
    match nearest(word, allowed) {
        Some(nearest) if allowed.len() == 1 => format!("did you mean `{nearest}`?"),
        Some(nearest) => format!("did you mean `{nearest}`? Allowed are {list}"),
        None => format!("allowed are {list}"),
    }
}

/// The allowed word that `word` may be a misspelling of.
pub(crate) fn nearest<'a>(word: &str, allowed: &[&'a str]) -> Option<&'a str> {
    allowed
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min()
        .map(|(_, candidate)| candidate)
}

fn list(allowed: &[&str]) -> String {
    allowed.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_the_nearest() {
        assert_eq!(help("nmae", &["name", "optional"]), "did you mean `name`? Allowed are `name`, `optional`");
        assert_eq!(help("colour", &["name", "optional"]), "allowed are `name`, `optional`");
    }
}
