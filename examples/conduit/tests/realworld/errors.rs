//! Errors: one form for all, and the order in which they are found.

use serde_json::{Value, json};

use crate::api::{Somebody, conduit};

/// Every operation that wants a token, on things that are not there.
const PRIVATE: [(&str, &str); 13] = [
    ("GET", "/user"),
    ("PUT", "/user"),
    ("POST", "/profiles/nobody/follow"),
    ("DELETE", "/profiles/nobody/follow"),
    ("GET", "/articles/feed"),
    ("POST", "/articles"),
    ("PUT", "/articles/nothing"),
    ("DELETE", "/articles/nothing"),
    ("POST", "/articles/nothing/favorite"),
    ("DELETE", "/articles/nothing/favorite"),
    ("POST", "/articles/nothing/comments"),
    ("DELETE", "/articles/nothing/comments/1"),
    ("DELETE", "/articles/nothing/comments/none"),
];

#[test]
fn every_private_operation_wants_a_token() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        let tampered = format!("{}x", jake.token);
        for (method, path) in PRIVATE {
            for token in ["nonsense", "a.b.c", "", &tampered] {
                let somebody = Somebody { name: String::new(), token: token.to_owned() };
                api.send(method, path, Some(&somebody), None).await.expect_error(401, "token", "is missing");
            }
        }
    });
}

#[test]
fn authorization_comes_first() {
    conduit(async |api| {
        for (method, path) in PRIVATE {
            // Neither what is not there nor a body that will not do is looked at.
            for body in [None, Some("{"), Some("{}")] {
                api.raw(method, path, &[], body).await.expect_error(401, "token", "is missing");
            }
        }
    });
}

#[test]
fn only_the_token_scheme_says_who_is_calling() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        for (value, status) in [(format!("Token {}", jake.token), 200), (format!("Bearer {}", jake.token), 401)] {
            let answer = api.raw("GET", "/user", &[("authorization", &value)], None).await;
            assert_eq!(answer.status, status, "{value}");
        }
    });
}

#[test]
fn a_bad_token_is_told_where_one_is_optional() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        let slug = api.write(&jake, "Title").await;
        let bad = Somebody { name: String::new(), token: "nonsense".to_owned() };
        for path in ["/profiles/jake".to_owned(), "/articles".to_owned(), format!("/articles/{slug}/comments")] {
            api.get(&path, Some(&bad)).await.expect_error(401, "token", "is missing");
            api.get(&path, None).await.expect(200);
        }
        // The description has no 401 for these.
        api.get(&format!("/articles/{slug}"), Some(&bad)).await.expect(200);
        api.get("/tags", Some(&bad)).await.expect(200);
    });
}

#[test]
fn what_is_not_there_is_a_404() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        for (method, path, resource) in [
            ("GET", "/profiles/nobody", "profile"),
            ("POST", "/profiles/nobody/follow", "profile"),
            ("DELETE", "/profiles/nobody/follow", "profile"),
            ("GET", "/articles/nothing", "article"),
            ("PUT", "/articles/nothing", "article"),
            ("DELETE", "/articles/nothing", "article"),
            ("POST", "/articles/nothing/favorite", "article"),
            ("DELETE", "/articles/nothing/favorite", "article"),
            ("GET", "/articles/nothing/comments", "article"),
            ("POST", "/articles/nothing/comments", "article"),
            ("DELETE", "/articles/nothing/comments/1", "article"),
        ] {
            api.send(method, path, Some(&jake), None).await.expect_error(404, resource, "not found");
        }
        let slug = api.write(&jake, "Title").await;
        api.delete(&format!("/articles/{slug}/comments/1"), Some(&jake)).await.expect_error(
            404,
            "comment",
            "not found",
        );
    });
}

#[test]
fn what_is_no_text_names_nothing() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        let slug = api.write(&jake, "Title").await;
        let comment = format!("/articles/{slug}/comments/%FF");
        for (method, path, resource) in [
            ("GET", "/profiles/%FF", "profile"),
            ("POST", "/profiles/%C3%28/follow", "profile"),
            ("DELETE", "/profiles/%FF/follow", "profile"),
            ("GET", "/articles/%FF", "article"),
            ("PUT", "/articles/%FF", "article"),
            ("DELETE", "/articles/%ED%A0%80", "article"),
            ("POST", "/articles/%FF/favorite", "article"),
            ("DELETE", "/articles/%FF/favorite", "article"),
            ("GET", "/articles/%FF/comments", "article"),
            ("POST", "/articles/%FF/comments", "article"),
            ("DELETE", "/articles/%FF/comments/1", "article"),
            ("DELETE", comment.as_str(), "comment"),
        ] {
            api.send(method, path, Some(&jake), None).await.expect_error(404, resource, "not found");
            if method != "GET" {
                api.send(method, path, None, None).await.expect_error(401, "token", "is missing");
            }
        }
    });
}

#[test]
fn existence_comes_before_ownership() {
    conduit(async |api| {
        let (jake, anne) = (api.register("jake").await, api.register("anne").await);
        let slug = api.write(&jake, "Title").await;
        let path = format!("/articles/{slug}");
        api.delete("/articles/nothing", Some(&anne)).await.expect_error(404, "article", "not found");
        // And ownership before what the request wants.
        let blank = json!({ "article": { "title": "" } });
        api.put(&path, Some(&anne), blank.clone()).await.expect_error(403, "article", "forbidden");
        api.put(&path, Some(&jake), blank).await.expect_error(422, "title", "can't be blank");
        api.delete(&format!("{path}/comments/7"), Some(&anne)).await.expect_error(404, "comment", "not found");
    });
}

#[test]
fn bodies_that_will_not_do() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        let slug = api.write(&jake, "Title").await;
        let authorization = format!("Token {}", jake.token);
        let comments = format!("/articles/{slug}/comments");
        let article = format!("/articles/{slug}");
        for (method, path, wrapper) in [
            ("POST", "/users", "user"),
            ("POST", "/users/login", "user"),
            ("PUT", "/user", "user"),
            ("POST", "/articles", "article"),
            ("PUT", article.as_str(), "article"),
            ("POST", comments.as_str(), "comment"),
        ] {
            for (body, field, message) in [
                (None, "body", "is not valid JSON"),
                (Some("{\"us"), "body", "is not valid JSON"),
                (Some("{}"), wrapper, "can't be blank"),
                (Some("[]"), wrapper, "can't be blank"),
                (Some("{\"user\": 7, \"article\": 7, \"comment\": 7}"), wrapper, "is invalid"),
            ] {
                let answer = api.raw(method, path, &[("authorization", &authorization)], body).await;
                answer.expect_error(422, field, message);
            }
        }
    });
}

#[test]
fn a_body_has_a_limit() {
    conduit(async |api| {
        let body = format!("{{\"user\": \"{}\"}}", "x".repeat(3_000_000));
        let answer = api.raw("POST", "/users", &[], Some(&body)).await;
        assert_eq!(answer.status, 413);
        assert!(serde_json::from_str::<Value>(&answer.text).is_ok_and(|body| body.is_object()), "{}", answer.text);
    });
}

#[test]
fn routes_are_below_api() {
    conduit(async |api| {
        api.get("/tags", None).await.expect(200);
        assert_eq!(api.transport.send("GET", "/tags", &[], None).await.status, 404);
    });
}

#[test]
fn what_nobody_serves_is_answered_by_the_base() {
    conduit(async |api| {
        for (method, path, status, code) in
            [("GET", "/nothing/of/this/name", 404, "not_found"), ("PATCH", "/user", 405, "method_not_allowed")]
        {
            let body = api.send(method, path, None, None).await.expect(status);
            assert_eq!(body["error"]["code"], code);
        }
    });
}

#[test]
fn pages_of_any_origin_may_call() {
    conduit(async |api| {
        let origin = ("origin", "https://example.com");
        let preflight = [
            origin,
            ("access-control-request-method", "PUT"),
            ("access-control-request-headers", "authorization,content-type"),
        ];
        let answer = api.raw("OPTIONS", "/user", &preflight, None).await;
        assert!((200..300).contains(&answer.status), "{}", answer.status);
        assert_eq!(answer.headers["access-control-allow-origin"], "*");
        let header = |name: &str| answer.headers[name].to_str().unwrap().to_lowercase();
        assert!(header("access-control-allow-methods").contains("put"));
        let allowed = header("access-control-allow-headers");
        assert!(allowed.contains("authorization") && allowed.contains("content-type"), "{allowed}");

        let answer = api.raw("GET", "/tags", &[origin], None).await;
        assert_eq!((answer.status, &answer.headers["access-control-allow-origin"]), (200, &"*".parse().unwrap()));
        let refused = api.raw("GET", "/user", &[origin], None).await;
        assert_eq!(refused.status, 401);
        assert_eq!(refused.headers["access-control-allow-origin"], "*", "an error can be read as well");
    });
}
