//! The body of a request, read field by field, so that all that is wrong is said at once.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde_json::{Map, Value};

use crate::ConduitError;

const BLANK: &str = "can't be blank";
const INVALID: &str = "is invalid";

/// The body of a request, not read yet: a handler reads it after it has checked who is calling,
/// what is there and whose it is.
#[derive(Debug, Clone)]
pub struct Payload(Bytes);

impl<S: Send + Sync> FromRequest<S> for Payload {
    type Rejection = ConduitError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ConduitError> {
        let body = Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => ConduitError::new(StatusCode::PAYLOAD_TOO_LARGE, "body", "is too large"),
            _ => ConduitError::new(StatusCode::BAD_REQUEST, "body", "could not be read"),
        })?;
        Ok(Self(body))
    }
}

impl Payload {
    /// Reads `{"<name>": {…}}`.
    ///
    /// # Errors
    ///
    /// 422 where it is no JSON, or has no object of this name.
    pub fn form(&self, name: &str) -> Result<Form, ConduitError> {
        let body: Value =
            serde_json::from_slice(&self.0).map_err(|_| ConduitError::invalid("body", "is not valid JSON"))?;
        let Value::Object(mut body) = body else { return Err(ConduitError::invalid(name, BLANK)) };
        match body.remove(name) {
            Some(Value::Object(fields)) => Ok(Form { fields, errors: BTreeMap::new() }),
            None | Some(Value::Null) => Err(ConduitError::invalid(name, BLANK)),
            Some(_) => Err(ConduitError::invalid(name, INVALID)),
        }
    }
}

/// What a field that may be cleared is to become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It was absent: it stays.
    Keep,
    /// It was null, or empty: nothing.
    Clear,
    /// This text.
    Set(String),
}

/// The fields of a request's object. Each reader notes what is wrong with its field, and returns
/// something to go on with; [`finish`](Self::finish) tells all of it.
#[derive(Debug)]
#[must_use = "`finish` says whether the fields will do"]
pub struct Form {
    fields: Map<String, Value>,
    errors: BTreeMap<String, Vec<String>>,
}

impl Form {
    /// Whether the object has one of these fields, with whatever value.
    #[must_use]
    pub fn has_any(&self, fields: &[&str]) -> bool {
        fields.iter().any(|field| self.fields.contains_key(*field))
    }

    /// A text that must be there and must not be blank.
    pub fn required(&mut self, field: &str) -> String {
        let text = self.optional(field);
        self.or_blank(field, text)
    }

    /// A text that may be absent. Null and blank are rejected: `None` is returned for them as well.
    pub fn optional(&mut self, field: &str) -> Option<String> {
        match self.fields.remove(field) {
            None => None,
            Some(Value::String(text)) if !text.trim().is_empty() => Some(text),
            Some(Value::String(_) | Value::Null) => self.rejected(field, BLANK),
            Some(_) => self.rejected(field, INVALID),
        }
    }

    /// A password that must be there: any text that is not empty, spaces too.
    pub fn required_password(&mut self, field: &str) -> String {
        let password = self.optional_password(field);
        self.or_blank(field, password)
    }

    /// A password that may be absent. Null and the empty text are rejected, as
    /// [`optional`](Self::optional) does.
    pub fn optional_password(&mut self, field: &str) -> Option<String> {
        match self.fields.remove(field) {
            None => None,
            Some(Value::String(text)) if !text.is_empty() => Some(text),
            Some(Value::String(_) | Value::Null) => self.rejected(field, BLANK),
            Some(_) => self.rejected(field, INVALID),
        }
    }

    /// A text that can be cleared, with null or with nothing in it.
    pub fn clearable(&mut self, field: &str) -> Change {
        match self.fields.remove(field) {
            None => Change::Keep,
            Some(Value::Null) => Change::Clear,
            Some(Value::String(text)) if text.is_empty() => Change::Clear,
            Some(Value::String(text)) => Change::Set(text),
            Some(_) => {
                self.reject(field, INVALID);
                Change::Keep
            }
        }
    }

    /// A list of texts that may be absent, in its order; a text that is there twice counts once.
    /// Null is rejected, and so is a blank in it.
    pub fn texts(&mut self, field: &str) -> Option<Vec<String>> {
        let list = match self.fields.remove(field)? {
            Value::Array(list) => list,
            Value::Null => return self.rejected(field, BLANK),
            _ => return self.rejected(field, INVALID),
        };
        let mut texts = Vec::with_capacity(list.len());
        // A body has room for a few hundred thousand: to look through the list for each would take minutes.
        let mut seen = BTreeSet::new();
        for value in list {
            match value {
                Value::String(text) if text.trim().is_empty() => return self.rejected(field, BLANK),
                Value::String(text) => {
                    if seen.insert(text.clone()) {
                        texts.push(text);
                    }
                }
                _ => return self.rejected(field, INVALID),
            }
        }
        Some(texts)
    }

    /// Notes what is wrong with a field.
    pub fn reject(&mut self, field: &str, message: impl Into<String>) {
        self.errors.entry(field.to_owned()).or_default().push(message.into());
    }

    /// Whether all is well.
    ///
    /// # Errors
    ///
    /// 422 with all that was noted.
    pub fn finish(self) -> Result<(), ConduitError> {
        match self.errors.is_empty() {
            true => Ok(()),
            false => Err(ConduitError::all(StatusCode::UNPROCESSABLE_ENTITY, self.errors)),
        }
    }

    /// The text; else the empty one, with its absence noted where nothing is noted yet.
    fn or_blank(&mut self, field: &str, text: Option<String>) -> String {
        text.unwrap_or_else(|| {
            if !self.errors.contains_key(field) {
                self.reject(field, BLANK);
            }
            String::new()
        })
    }

    fn rejected<T>(&mut self, field: &str, message: &str) -> Option<T> {
        self.reject(field, message);
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn form(fields: &Value) -> Form {
        Payload(json!({ "user": fields }).to_string().into()).form("user").unwrap()
    }

    fn errors(form: Form) -> Value {
        form.finish().map_or_else(|error| json!(error.errors()), |()| Value::Null)
    }

    #[test]
    fn without_the_object_it_is_a_422() {
        for (body, expected) in [
            ("", ConduitError::invalid("body", "is not valid JSON")),
            ("{\"user\": ", ConduitError::invalid("body", "is not valid JSON")),
            ("[]", ConduitError::invalid("user", BLANK)),
            ("{}", ConduitError::invalid("user", BLANK)),
            ("{\"user\": null}", ConduitError::invalid("user", BLANK)),
            ("{\"user\": \"jake\"}", ConduitError::invalid("user", INVALID)),
            ("{\"username\": \"jake\"}", ConduitError::invalid("user", BLANK)),
        ] {
            assert_eq!(Payload(body.into()).form("user").unwrap_err(), expected, "{body}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let mut form = form(&json!({ "email": "", "username": null, "bio": 7, "tags": ["a", 1], "title": " " }));
        for field in ["email", "username", "absent", "title"] {
            assert_eq!(form.required(field), "");
        }
        assert_eq!(form.clearable("bio"), Change::Keep);
        assert_eq!(form.texts("tags"), None);
        assert_eq!(
            errors(form),
            json!({
                "absent": ["can't be blank"],
                "bio": ["is invalid"],
                "email": ["can't be blank"],
                "tags": ["is invalid"],
                "title": ["can't be blank"],
                "username": ["can't be blank"],
            })
        );
    }

    #[test]
    fn a_wrong_type_is_not_blank_as_well() {
        let mut form = form(&json!({ "email": 7 }));
        form.required("email");
        assert_eq!(errors(form), json!({ "email": ["is invalid"] }));
    }

    #[test]
    fn absent_null_and_empty_are_told_apart() {
        let mut form = form(&json!({ "null": null, "empty": "", "spaces": "  ", "text": "t", "list": [] }));
        assert_eq!(form.clearable("absent"), Change::Keep);
        assert_eq!(form.clearable("null"), Change::Clear);
        assert_eq!(form.clearable("empty"), Change::Clear);
        assert_eq!(form.clearable("text"), Change::Set("t".to_owned()));
        assert_eq!(form.optional("absent"), None);
        assert_eq!(form.optional_password("spaces").as_deref(), Some("  "));
        assert_eq!(form.texts("absent"), None);
        assert_eq!(form.texts("list"), Some(Vec::new()));
        assert_eq!(errors(form), Value::Null);
    }

    #[test]
    fn a_list_keeps_its_order() {
        let mut form = form(&json!({ "tags": ["z", "a", "z", "m"], "null": null, "blank": ["a", ""] }));
        assert_eq!(form.texts("tags").unwrap(), ["z", "a", "m"]);
        assert_eq!(form.texts("null"), None);
        assert_eq!(form.texts("blank"), None);
        assert_eq!(errors(form), json!({ "blank": ["can't be blank"], "null": ["can't be blank"] }));
    }
}
