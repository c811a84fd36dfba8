//! An axum application that was there before, adopted as a module: the last five lines.

#[cfg(test)]
mod tests;

bedplate::base!();

/// The to-do list.
#[bedplate::module(name = "todo")]
fn adopted() -> bedplate_starter_http::Routes {
    todo::app().into()
}
