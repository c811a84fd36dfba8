//! What a macro adds where the build tool asks for an object of its own: a module that is loaded, or
//! the executable of a bundle.
//!
//! The tool asks through the environment of the compiler that it runs, and not through a `cfg`, which
//! every crate would have to declare.

use std::fs;

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::quote;

use crate::compiler;

/// Names the crate of the base library.
const LIBRARY: &str = "BEDPLATE_BASE_LIBRARY";
/// Names the file with the label of the object that is being compiled.
const LABEL: &str = "BEDPLATE_OBJECT_LABEL";

/// What the build tool asks for.
#[derive(Debug)]
pub(crate) struct Object {
    library: Ident,
    label: String,
}

/// The object that the build tool asks for; `None` in every other build.
///
/// # Errors
///
/// A sentence where the tool's request is not complete.
pub(crate) fn asked() -> Result<Option<Object>, String> {
    let (Some(library), Some(file)) = (compiler::variable(LIBRARY), compiler::variable(LABEL)) else {
        return Ok(None);
    };
    let label = fs::read_to_string(&file).map_err(|error| format!("the label {file} cannot be read: {error}"))?;
    Ok(Some(Object { library: Ident::new_raw(&library, Span::call_site()), label }))
}

/// How a label names a module. A name has letters, digits, `-` and `_` alone.
fn in_label(module: &str) -> String {
    format!("\"module\":\"{module}\"")
}

impl Object {
    /// The entry of a module's object, beside the static with its descriptor. The tool knows the package;
    /// what the module is called is said here.
    pub(crate) fn entry(&self, bedplate: &TokenStream, descriptor: &Ident, name: &str) -> TokenStream {
        let library = &self.library;
        let package = compiler::variable("CARGO_PKG_NAME").unwrap_or_default();
        let label = self.label.replacen(&in_label(&package), &in_label(name), 1);
        let bytes = Literal::byte_string(label.as_bytes());
        let length = Literal::usize_unsuffixed(label.len());
        quote!(#bedplate::__private::object_entry!(#library, #descriptor, #length, #bytes);)
    }

    /// Links the base library, in the executable of a bundle.
    pub(crate) fn link(&self) -> TokenStream {
        let library = &self.library;
        quote!(extern crate #library as _;)
    }

    /// The label.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }
}
