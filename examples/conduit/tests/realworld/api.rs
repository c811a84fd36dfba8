//! The client that talks to the whole base, however it is linked.

use serde_json::{Value, json};

use crate::transport::Transport;
pub(crate) use crate::transport::conduit;

/// The password of everybody.
pub(crate) const PASSWORD: &str = "password123";

/// A client of the base, with or without a token.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) transport: Transport,
}

/// Somebody who is registered.
#[derive(Clone, Debug)]
pub(crate) struct Somebody {
    pub(crate) name: String,
    pub(crate) token: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) text: String,
}

impl Api {
    pub(crate) async fn get(&self, path: &str, by: Option<&Somebody>) -> Answer {
        self.send("GET", path, by, None).await
    }

    pub(crate) async fn post(&self, path: &str, by: Option<&Somebody>, body: Value) -> Answer {
        self.send("POST", path, by, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, by: Option<&Somebody>, body: Value) -> Answer {
        self.send("PUT", path, by, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str, by: Option<&Somebody>) -> Answer {
        self.send("DELETE", path, by, None).await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, by: Option<&Somebody>, body: Option<Value>) -> Answer {
        let authorization = by.map(|somebody| format!("Token {}", somebody.token));
        let headers: Vec<_> = authorization.iter().map(|value| ("authorization", value.as_str())).collect();
        self.raw(method, path, &headers, body.map(|body| body.to_string()).as_deref()).await
    }

    /// A request with any headers and any body, to a path below `/api`.
    pub(crate) async fn raw(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Answer {
        self.transport.send(method, &format!("/api{path}"), headers, body).await
    }

    /// Registers somebody of this name.
    pub(crate) async fn register(&self, name: &str) -> Somebody {
        let user = json!({ "username": name, "email": format!("{name}@example.com"), "password": PASSWORD });
        let answer = self.post("/users", None, json!({ "user": user })).await.expect(201);
        Somebody { name: name.to_owned(), token: answer["user"]["token"].as_str().unwrap().to_owned() }
    }

    /// Writes an article of this title; returns its slug.
    pub(crate) async fn write(&self, by: &Somebody, title: &str) -> String {
        self.write_tagged(by, title, &[]).await
    }

    pub(crate) async fn write_tagged(&self, by: &Somebody, title: &str, tags: &[&str]) -> String {
        let article = json!({ "title": title, "description": "about", "body": "text", "tagList": tags });
        let answer = self.post("/articles", Some(by), json!({ "article": article })).await.expect(201);
        answer["article"]["slug"].as_str().unwrap().to_owned()
    }

    /// Comments on an article; returns the comment's number.
    pub(crate) async fn comment(&self, by: &Somebody, slug: &str, body: &str) -> i64 {
        let path = format!("/articles/{slug}/comments");
        let answer = self.post(&path, Some(by), json!({ "comment": { "body": body } })).await.expect(201);
        answer["comment"]["id"].as_i64().unwrap()
    }

    /// The slugs of a list, in its order.
    pub(crate) async fn slugs(&self, path: &str, by: Option<&Somebody>) -> Vec<String> {
        let list = self.get(path, by).await.expect(200);
        let slug = |article: &Value| article["slug"].as_str().unwrap().to_owned();
        list["articles"].as_array().unwrap().iter().map(slug).collect()
    }
}

impl Answer {
    /// The body, where the answer has this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    /// The answer is this error, in the one form that errors have.
    #[track_caller]
    pub(crate) fn expect_error(self, status: u16, field: &str, message: &str) {
        self.expect_errors(status, &json!({ field: [message] }));
    }

    #[track_caller]
    pub(crate) fn expect_errors(self, status: u16, errors: &Value) {
        assert_eq!(self.expect(status), json!({ "errors": errors }));
    }

    /// The answer has this status, and no body.
    #[track_caller]
    pub(crate) fn expect_empty(self, status: u16) {
        assert_eq!((self.status, self.text.as_str()), (status, ""));
    }
}
