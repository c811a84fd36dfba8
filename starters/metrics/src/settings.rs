//! The settings: `[starters.metrics]`.

use bedplate::Settings;

/// The most buckets that a histogram may have: each is a series per module, scene and kind.
const MOST_BUCKETS: usize = 64;

/// `[starters.metrics]`: how what is measured is counted.
#[derive(Debug, Clone, Settings)]
#[setting(check = "MetricsSettings::check")]
pub struct MetricsSettings {
    /// Upper bounds of the buckets of `bedplate_entry_duration_seconds`, in seconds, ascending.
    #[setting(default = vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])]
    pub buckets: Vec<f64>,
    /// Upper bounds of the buckets of the histograms that modules record, in their own units,
    /// ascending. Absent: they are shown as summaries with quantiles.
    pub own_buckets: Option<Vec<f64>>,
    /// Whether what a module records through the `metrics` facade gets the labels `module` and
    /// `scene`, where it has none of these names.
    #[setting(default = true)]
    pub label_modules: bool,
}

impl MetricsSettings {
    fn check(&self) -> Result<(), String> {
        check_buckets("buckets", &self.buckets)?;
        if self.buckets[0] <= 0.0 {
            return Err(format!("`buckets` begin with {}: a duration is longer than nothing", self.buckets[0]));
        }
        self.own_buckets.as_ref().map_or(Ok(()), |buckets| check_buckets("own_buckets", buckets))
    }
}

fn check_buckets(name: &str, buckets: &[f64]) -> Result<(), String> {
    if buckets.is_empty() || buckets.len() > MOST_BUCKETS {
        return Err(format!("`{name}` has {} bounds; write 1 to {MOST_BUCKETS}", buckets.len()));
    }
    if let Some(bound) = buckets.iter().find(|bound| !bound.is_finite()) {
        return Err(format!("`{name}` has the bound {bound}; the one for all the rest is added by itself"));
    }
    match buckets.windows(2).find(|pair| pair[0] >= pair[1]) {
        Some(pair) => Err(format!("`{name}` has {} before {}; write them in ascending order", pair[0], pair[1])),
        None => Ok(()),
    }
}
