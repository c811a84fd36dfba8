//! The struct: its shape, its check, and its fields.

use std::collections::HashMap;

use proc_macro2::{Ident, Span};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Fields, Path};

use super::attribute::{string, words};
use super::field::{self, Field};
use crate::ctxt::Ctxt;
use crate::docs;

/// The words that `#[setting(...)]` on the struct takes.
pub(super) const ON_TYPE: &[&str] = &["check"];

pub(super) struct Item {
    pub(super) name: Ident,
    pub(super) help: String,
    pub(super) check: Option<Path>,
    pub(super) fields: Vec<Field>,
}

/// The struct as far as it can be understood; `ctxt` has what cannot.
pub(super) fn parse(input: &DeriveInput, ctxt: &Ctxt) -> Item {
    let name = &input.ident;
    if !input.generics.params.is_empty() {
        let help = "name one type; the values of single fields may be of generic types, such as Vec<String>";
        ctxt.error_at(input.generics.params.span(), "settings cannot be generic", help);
    }
    let mut check = None;
    let on_field = (field::ON_FIELD, "on a field");
    for word in words(&input.attrs, ON_TYPE, on_field, ctxt) {
        let Some(value) = word.value("\"path::to::function\"", ctxt) else {
            continue;
        };
        let path = match string(value) {
            Some(text) => text.parse(),
            None => syn::parse2(value.to_token_stream()),
        };
        match path {
            Ok(path) => check = Some(path),
            Err(_) => ctxt.error_at(
                value.span(),
                "`check` names a function",
                "write check = \"path::to::function\"; it is fn(&Self) -> Result<(), String>",
            ),
        }
    }
    let fields = match named_fields(input) {
        Ok(fields) => fields.map(|field| field::parse(field, ctxt)).collect(),
        Err((span, what, help)) => {
            ctxt.error_at(span, what, help);
            Vec::new()
        }
    };
    two_of_one_name(&fields, ctxt);
    Item { name: name.clone(), help: docs::text(&input.attrs), check, fields }
}

type Refusal = (Span, String, String);

fn named_fields(input: &DeriveInput) -> Result<impl Iterator<Item = &syn::Field>, Refusal> {
    let name = &input.ident;
    let braces = format!("write struct {name} {{ ... }}");
    let (span, what, help) = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => return Ok(fields.named.iter()),
            Fields::Unnamed(fields) => (fields.span(), "the fields of settings need names: each is a key", braces),
            Fields::Unit => (name.span(), "settings are a struct with named fields", braces),
        },
        Data::Enum(data) => {
            let help = "derive serde::Deserialize for an enum: it can be the value of a setting in a struct";
            (data.enum_token.span(), "settings are a struct with named fields, not an enum", help.to_owned())
        }
        Data::Union(data) => (data.union_token.span(), "settings are a struct with named fields, not a union", braces),
    };
    Err((span, what.to_owned(), help))
}

fn two_of_one_name(fields: &[Field], ctxt: &Ctxt) {
    let mut first: HashMap<&str, &Ident> = HashMap::new();
    for field in fields {
        if let Some(other) = first.insert(&field.name, &field.ident) {
            ctxt.error_at(
                field.name_span,
                format!("the key `{}` belongs to the field `{other}` already", field.name),
                "give one of the two another name with rename = \"...\"",
            );
        }
    }
}
