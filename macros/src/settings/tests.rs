//! Each message of the derive, by calling it as a plain function.

use quote::quote;

use super::*;

/// The messages of the errors in the output, in order.
fn messages(input: TokenStream) -> Vec<String> {
    let output: syn::File = syn::parse2(expand(input)).expect("the output is Rust");
    let mut messages = Vec::new();
    for item in output.items {
        if let syn::Item::Macro(call) = item
            && call.mac.path.segments.last().is_some_and(|segment| segment.ident == "compile_error")
        {
            messages.push(call.mac.parse_body::<syn::LitStr>().expect("an error has a text").value());
        }
    }
    messages
}

fn message(input: TokenStream) -> String {
    let messages = messages(input);
    assert_eq!(messages.len(), 1, "{messages:?}");
    messages.into_iter().next().expect("there is one")
}

#[test]
fn a_good_struct_has_no_errors() {
    let input = quote! {
        /// Help.
        #[setting(check = "check")]
        struct S {
            #[setting(default = 5, range = 1..=9)]
            a: u8,
            #[setting(rename = "other-name", allowed("x", "y"), default = "x")]
            b: String,
            c: Option<u8>,
            #[setting(nested)]
            d: Option<Nested>,
            #[setting(secret)]
            #[setting(default)]
            r#type: String,
        }
    };
    assert_eq!(messages(input.clone()), Vec::<String>::new());
    let output = expand(input).to_string();
    for part in ["\"type\"", "\"other-name\"", "optional_nested", "Text (\"x\")", "settings_requirement"] {
        assert!(output.contains(part), "{part}: {output}");
    }
}

#[test]
fn all_mistakes_of_a_struct_are_reported_at_once() {
    let messages = messages(quote! {
        #[setting(chek = "f")]
        struct S {
            #[setting(defualt = 1, range = 5)]
            a: u8,
            #[setting(default = 1)]
            b: Option<u8>,
        }
    });
    let firsts: Vec<_> = messages.iter().map(|message| message.lines().next().unwrap_or_default()).collect();
    assert_eq!(
        firsts,
        [
            "unknown attribute `chek`",
            "unknown attribute `defualt`",
            "this is no range",
            "an `Option` is `None` by default"
        ]
    );
    assert!(messages[0].contains("did you mean `check`?"), "{messages:?}");
    assert!(messages[1].contains("did you mean `default`?"), "{messages:?}");
}

#[test]
fn a_struct_with_mistakes_still_has_an_implementation() {
    let output = expand(quote!(
        struct S {
            #[setting(nope)]
            a: u8,
        }
    ))
    .to_string();
    assert!(output.contains("settings :: Settings for S"), "{output}");
}

#[test]
fn other_items_are_refused_in_words() {
    assert!(
        message(quote!(
            enum E {
                A,
            }
        ))
        .starts_with("settings are a struct with named fields, not an enum")
    );
    assert!(message(quote!(union U { a: u8 })).contains("not a union"));
    assert!(
        message(quote!(
            struct T(u8);
        ))
        .starts_with("the fields of settings need names")
    );
    assert!(
        message(quote!(
            struct U;
        ))
        .starts_with("settings are a struct with named fields")
    );
    assert!(
        message(quote!(
            struct G<T> {
                a: T,
            }
        ))
        .starts_with("settings cannot be generic")
    );
    assert_eq!(
        messages(quote!(
            struct Empty {}
        )),
        Vec::<String>::new()
    );
}

#[test]
fn each_misuse_of_a_word_has_its_message() {
    let cases = [
        (quote!(#[settings(default)] a: u8), "unknown attribute `settings`"),
        (quote!(#[setting] a: u8), "`setting` needs parentheses"),
        (quote!(#[setting(default = 1, default = 2)] a: u8), "`default` is given twice"),
        (quote!(#[setting(default(1))] a: u8), "`default` takes a value after `=`"),
        (quote!(#[setting(default = )] a: u8), "unexpected end of input"),
        (quote!(#[setting(range)] a: u8), "`range` needs a value"),
        (quote!(#[setting(range = 0.5..=9)] a: f64), "the range of a number with a fraction needs bounds with one"),
        (quote!(#[setting(default = 0, range = 1..=9)] a: u8), "the default 0 is not in the range 1..=9"),
        (quote!(#[setting(default = 9, range = ..9)] a: u8), "the default 9 is not in the range ..9"),
        (quote!(#[setting(allowed = "x")] a: String), "`allowed` takes a list of words in parentheses"),
        (quote!(#[setting(allowed())] a: String), "no word is allowed"),
        (quote!(#[setting(allowed(1))] a: String), "an allowed word is a string"),
        (quote!(#[setting(allowed("a"), default = "b")] a: String), "the default \"b\" is not one of the words"),
        (quote!(#[setting(nested = true)] a: N), "`nested` takes no value"),
        (quote!(#[setting(nested, default)] a: N), "`default` does not go together with `nested`"),
        (quote!(#[setting(rename = other)] a: u8), "a name is a string"),
        (quote!(#[setting(rename = "a.b")] a: u8), "`a.b` cannot be the name of a key"),
        (quote!(a: u8, #[setting(rename = "a")] b: u8), "the key `a` belongs to the field `a` already"),
        (quote!(#[setting(check = "f")] a: u8), "unknown attribute `check`"),
        (quote!(#[setting(default 1)] a: u8), "expected `,`"),
    ];
    for (fields, expected) in cases {
        let message = message(quote!(struct S { #fields }));
        assert!(message.starts_with(expected), "{fields}: {message}");
        assert!(message.contains("\nhelp: "), "{fields}: {message}");
    }
}

#[test]
fn words_of_the_struct_have_their_messages() {
    assert!(
        message(quote!(
            #[setting(check = 5)]
            struct S {}
        ))
        .starts_with("`check` names a function")
    );
    let text = message(quote!(
        #[setting(range = 1..2)]
        struct S {}
    ));
    assert!(text.contains("`range` belongs on a field; allowed here: check"), "{text}");
}

#[test]
fn expressions_print_as_people_write_them() {
    let print = |text: &str| field::source(&syn::parse_str::<syn::Expr>(text).expect("an expression"));
    for text in ["Duration::from_secs(30)", "1..=100", "..5", "-1.5", "LIMIT", "Duration::ZERO.."] {
        assert_eq!(print(text), text);
    }
    assert_eq!(print("1_000u32..0x10"), "1000..16");
}
