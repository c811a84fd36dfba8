//! One field: its key, its type, its default and its limits.

use proc_macro2::{Ident, Span};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, ExprRange, ExprUnary, GenericArgument, Lit, LitStr, PathArguments, RangeLimits, Type, UnOp};

use super::attribute::{Argument, Word, string, words};
use super::item::ON_TYPE;
use crate::ctxt::Ctxt;
use crate::docs;

/// The words that `#[setting(...)]` on a field takes.
pub(super) const ON_FIELD: &[&str] = &["default", "range", "allowed", "nested", "rename", "secret"];

pub(super) struct Field {
    pub(super) ident: Ident,
    pub(super) name: String,
    pub(super) name_span: Span,
    pub(super) help: String,
    /// The type of the value, without an `Option` around it.
    pub(super) value_type: Type,
    pub(super) presence: Presence,
    pub(super) content: Content,
    pub(super) range: Option<Expr>,
    pub(super) allowed: Vec<String>,
    pub(super) is_secret: bool,
}

/// What the absence of the key means.
pub(super) enum Presence {
    Required,
    /// The field is an `Option`.
    Optional,
    /// The default of the type; the span is that of the word.
    TypeDefault(Span),
    /// A Rust expression.
    Default(Expr),
    /// A text, read as the value would be.
    DefaultText(LitStr),
}

pub(super) enum Content {
    Value,
    /// A table of settings with a schema of its own.
    Nested,
}

pub(super) fn parse(field: &syn::Field, ctxt: &Ctxt) -> Field {
    let ident = field.ident.clone().expect("the fields of such a struct have names");
    let (is_option, value_type) = match inside_option(&field.ty) {
        Some(inner) => (true, inner.clone()),
        None => (false, field.ty.clone()),
    };
    let mut parsed = Field {
        name: ident.unraw().to_string(),
        name_span: ident.span(),
        ident,
        help: docs::text(&field.attrs),
        value_type,
        presence: if is_option { Presence::Optional } else { Presence::Required },
        content: Content::Value,
        range: None,
        allowed: Vec::new(),
        is_secret: false,
    };
    let words = words(&field.attrs, ON_FIELD, (ON_TYPE, "on the struct"), ctxt);
    for word in &words {
        match word.name.as_str() {
            "default" => default(&mut parsed, word, is_option, ctxt),
            "range" => range(&mut parsed, word, ctxt),
            "allowed" => allowed(&mut parsed, word, ctxt),
            "rename" => rename(&mut parsed, word, ctxt),
            "nested" => {
                word.alone(ctxt);
                parsed.content = Content::Nested;
            }
            _ => {
                word.alone(ctxt);
                parsed.is_secret = true;
            }
        }
    }
    if matches!(parsed.content, Content::Nested) {
        for word in words.iter().filter(|word| !matches!(word.name.as_str(), "nested" | "rename")) {
            let what = format!("`{}` does not go together with `nested`", word.name);
            ctxt.error_at(word.span, what, "write it on the fields of the nested type");
        }
    } else {
        default_within_limits(&parsed, ctxt);
    }
    parsed
}

fn default(field: &mut Field, word: &Word, is_option: bool, ctxt: &Ctxt) {
    if is_option {
        let help = "remove `default`, or the `Option` around the type";
        ctxt.error_at(word.span, "an `Option` is `None` by default", help);
        return;
    }
    field.presence = match &word.argument {
        Argument::None => Presence::TypeDefault(word.span),
        Argument::Value(value) => match string(value) {
            Some(text) => Presence::DefaultText(text.clone()),
            None => Presence::Default((**value).clone()),
        },
        Argument::List(_) => {
            ctxt.error_at(word.span, "`default` takes a value after `=`", "write default = value, or default alone");
            return;
        }
    };
}

fn range(field: &mut Field, word: &Word, ctxt: &Ctxt) {
    let Some(value) = word.value("1..=100", ctxt) else {
        return;
    };
    let Expr::Range(range) = value else {
        if matches!(value, Expr::Path(_)) {
            field.range = Some(value.clone());
        } else {
            ctxt.error_at(value.span(), "this is no range", "write range = 1..=100");
        }
        return;
    };
    let is_float = ["f32", "f64"].iter().any(|name| field.value_type.to_token_stream().to_string() == *name);
    for bound in [&range.start, &range.end].into_iter().flatten() {
        if is_float && let Some(Number::Whole(number)) = number(bound) {
            let what = "the range of a number with a fraction needs bounds with one";
            ctxt.error_at(bound.span(), what, format!("write {number}.0"));
        }
    }
    field.range = Some(value.clone());
}

fn allowed(field: &mut Field, word: &Word, ctxt: &Ctxt) {
    const EXAMPLE: &str = "write allowed(\"first\", \"second\")";
    let Argument::List(list) = &word.argument else {
        ctxt.error_at(word.span, "`allowed` takes a list of words in parentheses", EXAMPLE);
        return;
    };
    if list.is_empty() {
        ctxt.error_at(word.span, "no word is allowed", EXAMPLE);
    }
    for entry in list {
        match string(entry) {
            Some(text) => field.allowed.push(text.value()),
            None => ctxt.error_at(entry.span(), "an allowed word is a string", EXAMPLE),
        }
    }
}

fn rename(field: &mut Field, word: &Word, ctxt: &Ctxt) {
    let Some(value) = word.value("\"other-name\"", ctxt) else {
        return;
    };
    let Some(text) = string(value) else {
        ctxt.error_at(value.span(), "a name is a string", "write rename = \"other-name\"");
        return;
    };
    let name = text.value();
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || !name.chars().all(fits) || name.contains("__") {
        let help = "use letters, digits, - and single _ only, which files and environment variables can write";
        ctxt.error_at(text.span(), format!("`{name}` cannot be the name of a key"), help);
    }
    field.name = name;
    field.name_span = text.span();
}

/// What can be seen before the program runs: a literal default that its own limits refuse.
fn default_within_limits(field: &Field, ctxt: &Ctxt) {
    if let (Presence::Default(value), Some(Expr::Range(range))) = (&field.presence, &field.range)
        && let (Some(Number::Whole(number)), Some(false)) = (number(value), contains(range, value))
    {
        let what = format!("the default {number} is not in the range {}", source(range));
        ctxt.error_at(value.span(), what, "change the default or the range");
    }
    if let (Presence::DefaultText(text), false) = (&field.presence, field.allowed.is_empty())
        && !field.allowed.contains(&text.value())
    {
        let what = format!("the default {:?} is not one of the words that are allowed", text.value());
        ctxt.error_at(text.span(), what, format!("write one of: {}", field.allowed.join(", ")));
    }
}

/// A number that stands in the source.
pub(super) enum Number {
    Whole(i128),
    /// With a fraction, as it was written.
    Fraction(String),
}

pub(super) fn number(expression: &Expr) -> Option<Number> {
    match expression {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_parse().ok().map(Number::Whole),
        Expr::Lit(ExprLit { lit: Lit::Float(number), .. }) => Some(Number::Fraction(number.base10_digits().to_owned())),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => number(expr).map(|number| match number {
            Number::Whole(number) => Number::Whole(-number),
            Number::Fraction(text) => Number::Fraction(format!("-{text}")),
        }),
        _ => None,
    }
}

/// Whether a range of literals contains a literal; `None` where that is not known here.
fn contains(range: &ExprRange, value: &Expr) -> Option<bool> {
    let whole = |expression: &Expr| match number(expression) {
        Some(Number::Whole(number)) => Some(number),
        _ => None,
    };
    let value = whole(value)?;
    let above = match &range.start {
        Some(start) => whole(start)? <= value,
        None => true,
    };
    let below = match (&range.end, &range.limits) {
        (None, _) => true,
        (Some(end), RangeLimits::Closed(_)) => value <= whole(end)?,
        (Some(end), RangeLimits::HalfOpen(_)) => value < whole(end)?,
    };
    Some(above && below)
}

/// An expression as people write it, for messages and help. Plain literals lose `_` and suffixes.
pub(super) fn source(expression: &impl ToTokens) -> String {
    let tokens = expression.to_token_stream();
    if let Ok(Expr::Range(range)) = syn::parse2::<Expr>(tokens.clone()) {
        let bound = |bound: &Option<Box<Expr>>| bound.as_deref().map(source).unwrap_or_default();
        let dots = match range.limits {
            RangeLimits::HalfOpen(_) => "..",
            RangeLimits::Closed(_) => "..=",
        };
        return format!("{}{dots}{}", bound(&range.start), bound(&range.end));
    }
    match syn::parse2::<Expr>(tokens.clone()).ok().as_ref().and_then(number) {
        Some(Number::Whole(number)) => number.to_string(),
        Some(Number::Fraction(text)) => text,
        None => crate::source::tidy(tokens),
    }
}

/// The `T` of `Option<T>`.
fn inside_option(value_type: &Type) -> Option<&Type> {
    let Type::Path(path) = value_type else {
        return None;
    };
    let last = path.path.segments.last()?;
    let names: Vec<_> = path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    let is_option = matches!(
        names.iter().map(String::as_str).collect::<Vec<_>>().as_slice(),
        ["Option"] | ["std" | "core", "option", "Option"]
    );
    match &last.arguments {
        PathArguments::AngleBracketed(arguments) if is_option => match arguments.args.first()? {
            GenericArgument::Type(inner) => Some(inner),
            _ => None,
        },
        _ => None,
    }
}
