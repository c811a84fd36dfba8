//! Arguments and results are owned: nothing borrowed, nothing that only the compiler can name.

use quote::{ToTokens, quote};
use syn::visit::{self, Visit};
use syn::{Lifetime, ParenthesizedGenericArguments, Type, TypeFnPtr, TypeImplTrait, TypeReference};

use crate::ctxt::Ctxt;
use crate::source::tidy;

/// What a type is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Argument,
    Result,
}

/// Reports what in `ty` is not owned. Says whether a method with such a type can be called
/// through `dyn` all the same.
pub(super) fn check(ctxt: &Ctxt, role: Role, ty: &Type) -> bool {
    let mut check = Check { ctxt, role, callable: true };
    check.visit_type(ty);
    check.callable
}

struct Check<'a> {
    ctxt: &'a Ctxt,
    role: Role,
    callable: bool,
}

impl Check<'_> {
    fn error(&self, tokens: impl ToTokens, what: &str, help: impl std::fmt::Display) {
        let role = match self.role {
            Role::Argument => "an argument",
            Role::Result => "the result",
        };
        self.ctxt.error(tokens, format!("{role} of a contract's method {what}"), help);
    }
}

impl<'ast> Visit<'ast> for Check<'_> {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        let written = tidy(reference.to_token_stream());
        let owned = owned(&reference.elem);
        let help = match reference.mutability {
            Some(_) => format!("write `{owned}` instead of `{written}`, and return what has changed"),
            None => format!("write `{owned}` instead of `{written}`"),
        };
        self.error(reference, "is owned: a call can outlive its caller, or go to another thread", help);
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if lifetime.ident != "static" {
            self.error(
                lifetime,
                "is owned: a call can outlive its caller, or go to another thread",
                "use an owned type, or `'static` here",
            );
        }
    }

    fn visit_type_impl_trait(&mut self, ty: &'ast TypeImplTrait) {
        self.callable = false;
        let bounds = tidy(ty.bounds.to_token_stream());
        self.error(
            ty,
            "has a type with a name: a contract is called through `dyn`",
            format!("name the type, or write `Box<dyn {bounds} + Send>`"),
        );
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        match path.segments.first() {
            Some(first) if first.ident == "Self" => {
                self.callable = false;
                self.error(
                    &first.ident,
                    "cannot be `Self`: a contract is called through `dyn`, and which type is behind it is not known",
                    "name the type",
                );
            }
            _ => visit::visit_path(self, path),
        }
    }

    // What a function takes is not what the method takes.
    fn visit_type_fn_ptr(&mut self, _: &'ast TypeFnPtr) {}

    fn visit_parenthesized_generic_arguments(&mut self, _: &'ast ParenthesizedGenericArguments) {}
}

/// The owned type to write instead of a reference to `ty`.
fn owned(ty: &Type) -> String {
    match ty {
        Type::Slice(slice) => {
            let element = &slice.elem;
            tidy(quote!(Vec<#element>))
        }
        Type::Path(path) if path.path.is_ident("str") => "String".to_owned(),
        Type::Path(path) if path.path.is_ident("Path") => "PathBuf".to_owned(),
        Type::TraitObject(object) => format!("Box<{}>", tidy(object.to_token_stream())),
        Type::Reference(reference) => owned(&reference.elem),
        other => tidy(other.to_token_stream()),
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn errors(ty: &Type) -> String {
        let ctxt = Ctxt::new();
        check(&ctxt, Role::Argument, ty);
        ctxt.finish().to_string()
    }

    #[test]
    fn says_what_to_write_instead() {
        for (ty, owned) in [
            (parse_quote!(&str), "`String` instead of `&str`"),
            (parse_quote!(Option<&[u8]>), "`Vec<u8>` instead of `&[u8]`"),
            (parse_quote!(&'static mut Profile), "return what has changed"),
            (parse_quote!(Cow<'a, str>), "use an owned type"),
            (parse_quote!(impl Iterator<Item = u8>), "Box<dyn Iterator<Item = u8> + Send>"),
            (parse_quote!(Vec<Self>), "cannot be `Self`"),
        ] {
            let found = errors(&ty);
            assert!(found.contains(owned), "{found}");
        }
    }

    #[test]
    fn owned_types_pass() {
        for ty in [
            parse_quote!(Vec<(String, u8)>),
            parse_quote!(Cow<'static, str>),
            parse_quote!(Box<dyn Fn(&str) -> bool + Send>),
            parse_quote!(fn(&u8) -> &u8),
        ] {
            assert_eq!(errors(&ty), "");
        }
    }
}
