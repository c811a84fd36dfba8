//! Doc comments, as text.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The whole doc comment, without the indentation of its lines.
pub(crate) fn text(attributes: &[Attribute]) -> String {
    let lines: Vec<_> = attributes.iter().filter_map(line).collect();
    let lines =
        lines.iter().flat_map(|text| text.split('\n')).map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end());
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// The first paragraph, in one line.
pub(crate) fn summary(attributes: &[Attribute]) -> String {
    let text = text(attributes);
    let paragraph = text.lines().take_while(|line| !line.trim().is_empty());
    paragraph.map(str::trim).collect::<Vec<_>>().join(" ")
}

fn line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    if !pair.path.is_ident("doc") {
        return None;
    }
    match &pair.value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_the_first_paragraph() {
        let item: syn::ItemStruct = syn::parse_quote! {
            /// Comments on
            /// articles.
            ///
            /// More of it.
            #[derive(Debug)]
            struct Comments;
        };
        assert_eq!(summary(&item.attrs), "Comments on articles.");
        assert_eq!(text(&item.attrs), "Comments on\narticles.\n\nMore of it.");
    }
}
