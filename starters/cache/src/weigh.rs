//! What the bound of a space counts: entries, or the bytes that a module says they take.

/// Says how many bytes an entry takes. The third parameter of a [`Space`](crate::Space).
///
/// ```
/// use bedplate_starter_cache::{Space, Weigh};
///
/// /// By the length of the text.
/// struct ByLength;
///
/// impl Weigh<u64, String> for ByLength {
///     fn weigh(_: &u64, text: &String) -> usize {
///         text.len()
///     }
/// }
///
/// type Texts = Space<u64, String, ByLength>;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what an entry of `{K}` and `{V}` weighs",
    label = "no weight for these entries",
    note = "implement `bedplate_starter_cache::Weigh<{K}, {V}>` for `{Self}`, or leave it out to count entries"
)]
pub trait Weigh<K, V>: Send + Sync + 'static {
    /// What the bound counts. What implements this trait counts bytes.
    const MEASURE: Measure = Measure::Bytes;

    /// How many bytes the entry takes, as well as the module knows. Asked once, when it is put in.
    ///
    /// Less than 1 counts as 1, and more than `u32::MAX` as that. An entry that is heavier than the bound is not kept.
    fn weigh(key: &K, value: &V) -> usize;
}

/// Counts entries, whatever they weigh. What a [`Space`](crate::Space) does that says nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entries {}

impl<K, V> Weigh<K, V> for Entries {
    const MEASURE: Measure = Measure::Entries;

    fn weigh(_: &K, _: &V) -> usize {
        1
    }
}

/// What a bound counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Entries: the settings `entries`.
    Entries,
    /// Bytes: the settings `bytes`.
    Bytes,
}

impl Measure {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Entries => "entries",
            Self::Bytes => "bytes",
        }
    }
}

/// The weight as moka takes it.
pub(crate) fn weight<K, V, W: Weigh<K, V>>(key: &K, value: &V) -> u32 {
    u32::try_from(W::weigh(key, value)).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Says;

    impl Weigh<(), usize> for Says {
        fn weigh((): &(), value: &usize) -> usize {
            *value
        }
    }

    #[test]
    fn nothing_is_free_and_nothing_wraps_around() {
        assert_eq!([0, 1, 7, usize::MAX].map(|says| weight::<_, _, Says>(&(), &says)), [1, 1, 7, u32::MAX]);
        assert_eq!(<Entries as Weigh<(), ()>>::MEASURE, Measure::Entries);
        assert_eq!(<Says as Weigh<(), usize>>::MEASURE, Measure::Bytes);
    }
}
