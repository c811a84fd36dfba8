//! "Did you mean": the nearest of the names that there are.

/// How similar a name must be (Jaro-Winkler, 0 to 1) to be suggested; the settings' messages hold to the same.
const SIMILAR: f64 = 0.8;

/// The name that `word` is most likely a misspelling of.
pub(crate) fn did_you_mean<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&word.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

/// Names in backticks, as a list for a sentence.
pub(crate) fn quoted<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let all: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    all.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_and_a_far_one_is_not() {
        let names = ["telemetry", "metrics", "sql"];
        assert_eq!(did_you_mean("telemtry", names), Some("telemetry"));
        assert_eq!(did_you_mean("Metric", names), Some("metrics"));
        assert_eq!(did_you_mean("kafka", names), None);
    }
}
