//! Slugs: what an article is called in addresses.

use uuid::Uuid;

/// Slugs that are routes of their own.
const RESERVED: [&str; 1] = ["feed"];
/// The longest slug that is made of a title, in bytes.
const LONGEST: usize = 100;
/// How many digits set a slug apart from others of its title.
const DIGITS: usize = 8;

/// The slug that a title has by itself.
pub(crate) fn of_title(title: &str) -> String {
    let mut slug = slug::slugify(title);
    // A slug is ASCII: any byte is the end of a letter.
    slug.truncate(LONGEST);
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "article".to_owned() } else { slug.to_owned() }
}

/// A slug for a title whose own is taken.
pub(crate) fn set_apart(title: &str) -> String {
    let digits = Uuid::new_v4().simple().to_string();
    format!("{}-{}", of_title(title), &digits[..DIGITS])
}

/// Whether no article can have it.
pub(crate) fn is_reserved(slug: &str) -> bool {
    RESERVED.contains(&slug)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_makes_a_slug() {
        for (title, slug) in [
            ("How to train your dragon", "how-to-train-your-dragon"),
            ("  Spaces & signs!! ", "spaces-signs"),
            ("Überflüssig", "uberflussig"),
            ("???", "article"),
            ("Feed", "feed"),
        ] {
            assert_eq!(of_title(title), slug);
        }
        assert!(is_reserved("feed"));
    }

    #[test]
    fn a_long_title_makes_a_slug_that_can_be_typed() {
        assert_eq!(of_title(&"a".repeat(5_000)).len(), LONGEST);
        assert!(!of_title(&format!("{} b", "a".repeat(LONGEST - 1))).ends_with('-'));
    }

    #[test]
    fn slugs_of_one_title_are_set_apart() {
        let slug = set_apart("One title");
        assert!(slug.starts_with("one-title-"));
        assert_eq!(slug.len(), "one-title-".len() + DIGITS);
        assert_ne!(slug, set_apart("One title"));
    }
}
