//! `#[scene_service]`: publishes a contract of the crate's module, in every scene that it is in.

mod home;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{ItemImpl, LitStr, Path};

use crate::ctxt::Ctxt;
use crate::module::slice_name;
use crate::service::implementation;
use crate::{arguments, name, path};

/// Expands `#[scene_service(arguments)] item`.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let ctxt = Ctxt::new();
    let scenes = read_scenes(&ctxt, arguments);
    let mut implementation: ItemImpl = match syn::parse2(item.clone()) {
        Ok(implementation) => implementation,
        Err(_) => {
            ctxt.error(
                &item,
                "`#[scene_service]` goes on the implementation of a contract",
                "write `#[scene_service] impl Contract for Module { … }`",
            );
            let errors = ctxt.finish();
            return quote!(#item #errors);
        }
    };
    implementation::check(&ctxt, "scene_service", &implementation);
    if !implementation.generics.params.is_empty() {
        ctxt.error(
            &implementation.generics.params,
            "what a module publishes cannot be generic: there is one module in the crate, of one type",
            "name the types",
        );
    }
    home::check(&ctxt, &implementation);

    let bedplate = path::bedplate();
    implementation::rewrite(&ctxt, &bedplate, &mut implementation);
    let element = match &implementation.trait_ {
        Some((contract, _)) if ctxt.is_clean() => element(&bedplate, contract, &implementation, &scenes),
        _ => TokenStream::new(),
    };
    let errors = ctxt.finish();
    quote!(#implementation #element #errors)
}

fn read_scenes(ctxt: &Ctxt, tokens: TokenStream) -> Vec<LitStr> {
    let mut scenes = Vec::new();
    let known = [("scenes", "scenes(\"one\", \"two\")")];
    arguments::read(ctxt, "scene_service", &known, tokens, |word, input| {
        scenes = arguments::list::<LitStr>(input)?;
        if scenes.is_empty() {
            return Err(syn::Error::new(word.span(), "`scenes` names none"));
        }
        Ok(())
    });
    for (index, scene) in scenes.iter().enumerate() {
        name::check(ctxt, "scene", scene);
        if scenes[..index].iter().any(|earlier| earlier.value() == scene.value()) {
            ctxt.error(scene, format!("the scene `{}` is named twice", scene.value()), "remove one of the two");
        }
    }
    scenes
}

/// The element of the crate's slice.
fn element(bedplate: &TokenStream, contract: &Path, item: &ItemImpl, scenes: &[LitStr]) -> TokenStream {
    let slice = slice_name();
    let module = &item.self_ty;
    // A type that is no module, or a trait that is no contract, is shown where it is written.
    let is_module = quote_spanned!(module.span()=> let _ = <#module as #bedplate::Construct>::construct;);
    let publish = quote_spanned!(contract.span()=> <dyn #contract as #bedplate::Service>::published);
    let description = quote_spanned!(contract.span()=> <dyn #contract as #bedplate::Service>::CONTRACT);
    quote! {
        const _: () = {
            #[#bedplate::__private::linkme::distributed_slice(crate::#slice)]
            #[linkme(crate = #bedplate::__private::linkme)]
            static BEDPLATE_SERVICE: #bedplate::__private::ServiceDescriptor = #bedplate::__private::ServiceDescriptor {
                contract: #description,
                contract_type: #bedplate::__private::TypeId::of::<dyn #contract>(),
                publish: |module| {
                    let module = module.downcast::<#module>().ok()?;
                    ::core::option::Option::Some(#publish(module))
                },
                scenes: &[#(#scenes),*],
                site: #bedplate::__private::site!(),
            };

            const _: () = { #is_module };
        };
    }
}

/// The tokens of an item's `impl … for` line, for messages about the whole of it.
fn header(item: &ItemImpl) -> TokenStream {
    let contract = item.trait_.as_ref().map(|(contract, _)| contract);
    let module = &item.self_ty;
    match contract {
        Some(contract) => quote!(#contract for #module),
        None => module.to_token_stream(),
    }
}
