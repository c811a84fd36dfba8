//! `#[module]` on a struct: its fields are the module's requirements and its own state.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Fields, Generics, Ident, ItemStruct};

use super::field::{Field, Written};
use super::register::{self, Registration};
use super::{Arguments, root};
use crate::ctxt::Ctxt;
use crate::{docs, path};

pub(super) fn expand(ctxt: Ctxt, arguments: &Arguments, mut item: ItemStruct) -> TokenStream {
    check_generics(&ctxt, &item.ident, &item.generics);
    let fields = read_fields(&ctxt, &mut item);
    let in_root = root::check(&ctxt, &item.ident);

    let bedplate = path::bedplate();
    let ident = &item.ident;
    let slice = in_root.then(|| register::slice(&bedplate));
    if !ctxt.is_clean() {
        let construct = item.generics.params.is_empty().then(|| unusable(&bedplate, ident));
        let errors = ctxt.finish();
        return quote!(#item #slice #construct #errors);
    }

    let registration = Registration {
        name: &arguments.name,
        optional: arguments.optional,
        exclusive: arguments.exclusive.is_some(),
        summary: docs::summary(&item.attrs),
        ident,
    };
    let construct = construct(&bedplate, ident, &fields);
    let register = registration.expand(&bedplate);
    let nothing = ctxt.finish();
    quote! {
        #item
        #slice
        const _: () = {
            #construct
            #register
        };
        #nothing
    }
}

fn check_generics(ctxt: &Ctxt, ident: &Ident, generics: &Generics) {
    let params = &generics.params;
    if params.is_empty() {
        return;
    }
    if generics.type_params().next().is_none() && generics.const_params().next().is_none() {
        ctxt.error(
            params,
            format!("the module `{ident}` cannot borrow: it lives as long as it serves"),
            "leave the lifetimes out, and own the data: `String` for `&str`, `Arc<T>` for `&T`",
        );
    } else {
        ctxt.error(
            params,
            format!("the module `{ident}` cannot be generic: the base makes it, and would not know for which type"),
            "leave the parameters out, and name the types in the fields",
        );
    }
}

fn read_fields(ctxt: &Ctxt, item: &mut ItemStruct) -> Vec<Field> {
    match &mut item.fields {
        Fields::Named(fields) => fields
            .named
            .iter_mut()
            .map(|field| {
                let ident = field.ident.clone().expect("a named field has a name");
                Field::read(ctxt, Written::Field, &mut field.attrs, ident, field.ty.clone())
            })
            .collect(),
        Fields::Unit => Vec::new(),
        Fields::Unnamed(fields) => {
            ctxt.error(
                &*fields,
                "a module's fields have names: they stand in reports of what is missing",
                format!("write `struct {} {{ name: Type, … }}`", item.ident),
            );
            for field in &mut fields.unnamed {
                field.attrs.clear();
            }
            Vec::new()
        }
    }
}

/// The implementation of `Construct` from the fields.
fn construct(bedplate: &TokenStream, ident: &Ident, fields: &[Field]) -> TokenStream {
    let describe = fields.iter().map(|field| field.describe(bedplate));
    let values = fields.iter().map(|field| {
        let (name, value, conditions) = (&field.ident, field.value(bedplate), field.conditions());
        quote!(#conditions #name: #value)
    });
    register::construct(bedplate, ident, &quote!(#(#describe)*), &quote!(Self { #(#values),* }))
}

/// Lets the rest of the crate be checked where the module itself has a mistake.
pub(super) fn unusable(bedplate: &TokenStream, ident: &Ident) -> TokenStream {
    let never = quote!(::core::unreachable!("a crate with errors does not run"));
    register::construct(bedplate, ident, &TokenStream::new(), &never)
}
