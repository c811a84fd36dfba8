//! One requirement: a field of a module's struct, or a parameter of its function.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Expr, Ident, LitStr, Meta, Type};

use super::register::variable;
use crate::ctxt::Ctxt;
use crate::{name, place, suggest};

/// The attributes that a field can have.
const WORDS: [&str; 3] = ["own", "from", "with"];

/// A field or parameter, with its attributes read.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) ident: Ident,
    pub(super) ty: Type,
    /// `#[cfg(…)]`, which what is generated for the field carries as well.
    conditions: Vec<Attribute>,
    source: Source,
}

/// Where a field's value comes from.
#[derive(Debug)]
enum Source {
    /// The base fills it.
    Base { from: Option<LitStr>, with: Option<Expr> },
    /// The module makes it.
    Own(Option<Expr>),
}

/// What a requirement is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Field,
    Parameter,
}

impl Field {
    /// Reads one, and takes our attributes out of `attributes`.
    pub(super) fn read(ctxt: &Ctxt, written: Written, attributes: &mut Vec<Attribute>, ident: Ident, ty: Type) -> Self {
        let mut own = None;
        let mut from = None;
        let mut with = None;
        for attribute in &*attributes {
            let Some(word) = word(attribute) else { continue };
            match word.to_string().as_str() {
                "own" if written == Written::Parameter => ctxt.error(
                    attribute,
                    "`#[own]` is for a field: a parameter is filled by the base",
                    "make the value inside the function",
                ),
                "own" => once(ctxt, attribute, &mut own, own_value(ctxt, attribute)),
                "from" => once(ctxt, attribute, &mut from, from_value(ctxt, attribute)),
                "with" => once(ctxt, attribute, &mut with, with_value(ctxt, attribute)),
                other => {
                    if let Some(nearest) = misspelled(other) {
                        ctxt.error(
                            attribute.path(),
                            format!("a field has no attribute `{other}`"),
                            format!("did you mean `{nearest}`?"),
                        );
                    }
                }
            }
        }
        if own.is_some() && (from.is_some() || with.is_some()) {
            ctxt.error(
                &ident,
                format!("`{ident}` is the module's own, and the base is told how to fill it"),
                "keep `#[own]`, or keep `#[from(…)]` and `#[with(…)]`",
            );
        }
        if let Some(condition) = attributes.iter().find(|attribute| attribute.path().is_ident("cfg"))
            && written == Written::Parameter
        {
            ctxt.error(condition, "a parameter cannot depend on a condition", "use a struct with `#[module]`");
        }
        let conditions = attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect();
        attributes.retain(|attribute| !word(attribute).is_some_and(is_ours));
        let source = match own {
            Some(value) => Source::Own(value),
            None => Source::Base { from: from.flatten(), with: with.flatten() },
        };
        Self { ident, ty, conditions, source }
    }

    /// The statement that adds what the field needs to `to`.
    pub(super) fn describe(&self, bedplate: &TokenStream) -> TokenStream {
        let to = variable("to");
        let Source::Base { from, with } = &self.source else { return TokenStream::new() };
        let Self { ty, conditions, .. } = self;
        let field = self.descriptor(bedplate);
        // The spans of the type's own tokens: a type that cannot be a field is shown there.
        let describe = match with {
            Some(options) => quote_spanned!(ty.span()=> #to.field_with::<#ty>(#field, #options);),
            None => quote_spanned!(ty.span()=> <#ty as #bedplate::Requirement>::describe(#field, #to);),
        };
        let by_module = from.as_ref().map(|_| quote!(let () = <#ty as #bedplate::FromModule>::CHECKED;));
        quote!(#(#conditions)* { #by_module #describe })
    }

    /// The value of the field.
    pub(super) fn value(&self, bedplate: &TokenStream) -> TokenStream {
        let ty = &self.ty;
        match &self.source {
            Source::Own(None) => quote_spanned!(ty.span()=> <#ty as ::core::default::Default>::default()),
            Source::Own(Some(value)) => quote!(#value),
            Source::Base { .. } => {
                let (field, from) = (self.descriptor(bedplate), variable("from"));
                quote_spanned!(ty.span()=> <#ty as #bedplate::Requirement>::resolve(&#field, #from)?)
            }
        }
    }

    /// The field's conditions, as attributes.
    pub(super) fn conditions(&self) -> TokenStream {
        let conditions = &self.conditions;
        quote!(#(#conditions)*)
    }

    fn descriptor(&self, bedplate: &TokenStream) -> TokenStream {
        let name = self.ident.to_string();
        let name = name.strip_prefix("r#").unwrap_or(&name);
        let line = place::line(self.ident.span());
        let from = match &self.source {
            Source::Base { from: Some(module), .. } => quote!(.from_module(#module)),
            _ => TokenStream::new(),
        };
        quote!(#bedplate::Field::new(#name).at_line(#line)#from)
    }
}

fn word(attribute: &Attribute) -> Option<&Ident> {
    attribute.path().get_ident()
}

fn once<T>(ctxt: &Ctxt, attribute: &Attribute, slot: &mut Option<T>, value: T) {
    if slot.replace(value).is_some() {
        ctxt.error(attribute, "the attribute is given twice", "keep one of the two");
    }
}

fn own_value(ctxt: &Ctxt, attribute: &Attribute) -> Option<Expr> {
    match &attribute.meta {
        Meta::Path(_) => None,
        _ => value(ctxt, attribute, "write `#[own]` for the type's default, or `#[own(value)]`"),
    }
}

fn from_value(ctxt: &Ctxt, attribute: &Attribute) -> Option<LitStr> {
    let help = "name the module that serves it: `#[from(\"module\")]`";
    let module: LitStr = value(ctxt, attribute, help)?;
    name::check(ctxt, "module", &module);
    Some(module)
}

fn with_value(ctxt: &Ctxt, attribute: &Attribute) -> Option<Expr> {
    value(ctxt, attribute, "give the options that the handle takes: `#[with(options)]`")
}

/// The value in `#[word(value)]` or `#[word = value]`.
fn value<T: syn::parse::Parse>(ctxt: &Ctxt, attribute: &Attribute, help: &str) -> Option<T> {
    let tokens = match &attribute.meta {
        Meta::Path(_) => TokenStream::new(),
        Meta::List(list) => list.tokens.clone(),
        Meta::NameValue(pair) => {
            let value = &pair.value;
            quote!(#value)
        }
    };
    if tokens.is_empty() {
        ctxt.error(attribute, "the attribute has no value", help);
        return None;
    }
    match syn::parse2(tokens.clone()) {
        Ok(value) => Some(value),
        Err(error) => {
            ctxt.error(tokens, error, help);
            None
        }
    }
}

/// A word of ours, or one with a slip of the pen, which is reported.
fn is_ours(word: &Ident) -> bool {
    WORDS.iter().any(|ours| word == ours) || misspelled(&word.to_string()).is_some()
}

/// The word of ours that another word was meant to be. Most attributes are not ours to judge.
fn misspelled(word: &str) -> Option<&'static str> {
    let known = ["cfg", "cfg_attr", "doc", "allow", "expect", "warn", "deny", "forbid", "serde"];
    if known.contains(&word) { None } else { suggest::nearest(word, &WORDS) }
}
