//! The macros of bedplate; use them through the `bedplate` crate. Each reads its item, checks it, and
//! writes what belongs to it; every mistake is reported in one run, at the token to change.

#![forbid(unsafe_code)]

mod arguments;
mod base;
mod compiler;
mod ctxt;
mod docs;
mod manifest;
mod module;
mod name;
mod object;
mod path;
mod place;
mod scene_service;
mod service;
mod settings;
mod source;
mod starter;
mod suggest;
mod test;

use proc_macro::TokenStream;

/// Declares the module of a crate, on a struct or a function in the crate's root.
#[proc_macro_attribute]
pub fn module(arguments: TokenStream, item: TokenStream) -> TokenStream {
    module::expand(arguments.into(), item.into()).into()
}
/// Declares a contract, on a trait; on an `impl`, writes an implementation that publishes nothing.
#[proc_macro_attribute]
pub fn service(arguments: TokenStream, item: TokenStream) -> TokenStream {
    service::expand(arguments.into(), item.into()).into()
}
/// Publishes a contract of the crate's module, on its implementation.
#[proc_macro_attribute]
pub fn scene_service(arguments: TokenStream, item: TokenStream) -> TokenStream {
    scene_service::expand(arguments.into(), item.into()).into()
}
/// Declares a starter, on the type that implements `Starter`.
#[proc_macro_attribute]
pub fn starter(arguments: TokenStream, item: TokenStream) -> TokenStream {
    starter::expand(arguments.into(), item.into()).into()
}
/// Makes a binary a base: links every dependency, and writes `main`.
#[proc_macro]
pub fn base(arguments: TokenStream) -> TokenStream {
    base::expand(&arguments.into()).into()
}
/// Gives an async test a base of the starters and modules that it names.
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    test::expand(arguments.into(), item.into()).into()
}
/// Lets a struct be read from the settings, field by field.
#[proc_macro_derive(Settings, attributes(setting, settings))]
pub fn settings(item: TokenStream) -> TokenStream {
    settings::expand(item.into()).into()
}
