//! Which page of a list is asked for.

use std::collections::{BTreeMap, HashMap};
use std::num::IntErrorKind;

use axum::http::StatusCode;
use conduit_web::ConduitError;

/// How many articles a page has, where nobody says.
const USUAL: u32 = 20;

/// A page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    /// How many articles it has at most.
    pub(crate) limit: u32,
    /// How many articles come before it.
    pub(crate) offset: u32,
}

impl Page {
    /// Reads `limit` and `offset` from the query. A limit beyond `longest` is lowered to it.
    ///
    /// # Errors
    ///
    /// 422 where one of them is no number, or too low.
    pub(crate) fn read(query: &HashMap<String, String>, longest: u32) -> Result<Self, ConduitError> {
        let mut errors = BTreeMap::new();
        let limit = number(query, "limit", 1, USUAL, &mut errors);
        let offset = number(query, "offset", 0, 0, &mut errors);
        match errors.is_empty() {
            true => Ok(Self { limit: limit.min(longest), offset }),
            false => Err(ConduitError::all(StatusCode::UNPROCESSABLE_ENTITY, errors)),
        }
    }
}

fn number(
    query: &HashMap<String, String>,
    name: &str,
    lowest: u64,
    absent: u32,
    errors: &mut BTreeMap<String, Vec<String>>,
) -> u32 {
    let Some(text) = query.get(name) else { return absent };
    let number = text.parse::<u64>().or_else(|error| match error.kind() {
        IntErrorKind::PosOverflow => Ok(u64::MAX),
        _ => Err(error),
    });
    match number {
        // No list is as long as what is cut off here.
        Ok(number) if number >= lowest => u32::try_from(number).unwrap_or(u32::MAX),
        _ => {
            let message = format!("must be a whole number from {lowest} on");
            errors.insert(name.to_owned(), vec![message]);
            absent
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Page, ConduitError> {
        let query = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Page::read(&query, 100)
    }

    #[test]
    fn has_defaults() {
        assert_eq!(read(&[]), Ok(Page { limit: 20, offset: 0 }));
        assert_eq!(read(&[("limit", "3"), ("offset", "40")]), Ok(Page { limit: 3, offset: 40 }));
    }

    #[test]
    fn a_limit_is_lowered_to_the_longest_page() {
        for limit in ["101", "5000000000", "18446744073709551616"] {
            assert_eq!(read(&[("limit", limit)]), Ok(Page { limit: 100, offset: 0 }), "{limit}");
        }
    }

    #[test]
    fn an_offset_beyond_every_list_is_one() {
        for offset in ["4294967295", "4294967296", "99999999999999999999"] {
            assert_eq!(read(&[("offset", offset)]), Ok(Page { limit: 20, offset: u32::MAX }), "{offset}");
        }
    }

    #[test]
    fn what_is_no_number_is_told_of_both() {
        for (limit, offset) in [("0", "-1"), ("abc", "1.5"), ("", ""), ("-3", "0x1")] {
            let error = read(&[("limit", limit), ("offset", offset)]).unwrap_err();
            assert_eq!(error.status(), 422);
            assert_eq!(error.errors().keys().collect::<Vec<_>>(), ["limit", "offset"]);
        }
    }
}
