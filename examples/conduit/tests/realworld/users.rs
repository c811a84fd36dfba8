//! Users: registering, logging in, the current user.

use serde_json::{Value, json};

use crate::api::{PASSWORD, Somebody, conduit};

fn account(name: &str) -> Value {
    json!({ "user": { "username": name, "email": format!("{name}@example.com"), "password": PASSWORD } })
}

fn login(name: &str, password: &str) -> Value {
    json!({ "user": { "email": format!("{name}@example.com"), "password": password } })
}

#[test]
fn register_log_in_and_be_oneself() {
    conduit(async |api| {
        let registered = api.post("/users", None, account("jake")).await.expect(201);
        let expected = |user: &Value| {
            let token = user["token"].as_str().unwrap();
            assert_eq!(token.split('.').count(), 3, "a JWT has three parts");
            json!({ "user": {
                "username": "jake", "email": "jake@example.com", "bio": null, "image": null, "token": token,
            }})
        };
        assert_eq!(registered, expected(&registered["user"]));

        let logged_in = api.post("/users/login", None, login("jake", PASSWORD)).await.expect(200);
        assert_eq!(logged_in, expected(&logged_in["user"]));

        let token = logged_in["user"]["token"].as_str().unwrap().to_owned();
        let jake = Somebody { name: "jake".to_owned(), token };
        let current = api.get("/user", Some(&jake)).await.expect(200);
        assert_eq!(current, expected(&current["user"]));
    });
}

#[test]
fn registration_wants_every_field() {
    conduit(async |api| {
        let blank = json!({
            "email": ["can't be blank"], "password": ["can't be blank"], "username": ["can't be blank"],
        });
        for user in [
            json!({}),
            json!({ "username": "", "email": "", "password": "" }),
            json!({ "username": null, "email": null, "password": null }),
        ] {
            api.post("/users", None, json!({ "user": user })).await.expect_errors(422, &blank);
        }
        let mut jake = account("jake");
        jake["user"]["email"] = json!("");
        api.post("/users", None, jake).await.expect_error(422, "email", "can't be blank");
        api.post("/users/login", None, json!({ "user": {} }))
            .await
            .expect_errors(422, &json!({ "email": ["can't be blank"], "password": ["can't be blank"] }));
    });
}

#[test]
fn wrong_credentials() {
    conduit(async |api| {
        api.register("jake").await;
        for credentials in [login("jake", "wrong password"), login("nobody", PASSWORD)] {
            api.post("/users/login", None, credentials).await.expect_error(401, "credentials", "invalid");
        }
    });
}

#[test]
fn names_and_emails_are_taken_once() {
    conduit(async |api| {
        api.register("jake").await;
        let taken = "has already been taken";
        let user = |username: &str, email: &str| json!({ "user": { "username": username, "email": email, "password": PASSWORD } });
        api.post("/users", None, user("jake", "other@example.com")).await.expect_error(409, "username", taken);
        api.post("/users", None, user("other", "jake@example.com")).await.expect_error(409, "email", taken);
        api.post("/users", None, user("other", "JAKE@example.com")).await.expect_error(409, "email", taken);
        api.post("/users", None, user("jake", "jake@example.com"))
            .await
            .expect_errors(409, &json!({ "email": [taken], "username": [taken] }));
    });
}

#[test]
fn absent_fields_stay() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        let full = json!({ "user": { "bio": "I work at statefarm", "image": "https://example.com/jake.png" } });
        api.put("/user", Some(&jake), full).await.expect(200);
        let changed =
            api.put("/user", Some(&jake), json!({ "user": { "email": "new@example.com" } })).await.expect(200);
        let user = &changed["user"];
        assert_eq!(user["email"], "new@example.com");
        assert_eq!(user["username"], "jake");
        assert_eq!(user["bio"], "I work at statefarm");
        assert_eq!(user["image"], "https://example.com/jake.png");
        let new_login = json!({ "user": { "email": "new@example.com", "password": PASSWORD } });
        api.post("/users/login", None, new_login).await.expect(200);
    });
}

#[test]
fn bio_and_image_can_be_cleared() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        for nothing in [json!(null), json!("")] {
            let set = json!({ "user": { "bio": "bio", "image": "image" } });
            api.put("/user", Some(&jake), set).await.expect(200);
            let cleared = json!({ "user": { "bio": nothing, "image": nothing } });
            let answer = api.put("/user", Some(&jake), cleared).await.expect(200);
            assert_eq!((&answer["user"]["bio"], &answer["user"]["image"]), (&Value::Null, &Value::Null));
            let again = api.get("/user", Some(&jake)).await.expect(200);
            assert_eq!((&again["user"]["bio"], &again["user"]["image"]), (&Value::Null, &Value::Null));
        }
    });
}

#[test]
fn names_cannot_be_cleared() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        for nothing in [json!(null), json!("")] {
            let user = json!({ "username": nothing, "email": nothing, "password": nothing, "bio": "kept out" });
            api.put("/user", Some(&jake), json!({ "user": user })).await.expect_errors(
                422,
                &json!({
                    "email": ["can't be blank"], "password": ["can't be blank"], "username": ["can't be blank"],
                }),
            );
        }
        let user = api.get("/user", Some(&jake)).await.expect(200);
        assert_eq!(user["user"]["bio"], Value::Null, "a change that is refused changes nothing");
    });
}

#[test]
fn a_change_has_a_field() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        for body in [json!({ "user": {} }), json!({ "user": { "age": 7 } })] {
            api.put("/user", Some(&jake), body).await.expect_error(422, "user", "needs at least one field");
        }
    });
}

#[test]
fn passwords_have_a_length_and_no_other_rule() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        let long = "x".repeat(64);
        for password in ["eight888", "        ", "ümläüte!", long.as_str()] {
            api.put("/user", Some(&jake), json!({ "user": { "password": password } })).await.expect(200);
            api.post("/users/login", None, login("jake", password)).await.expect(200);
        }
        let short = "is too short (minimum is 8 characters)";
        api.put("/user", Some(&jake), json!({ "user": { "password": "seven77" } }))
            .await
            .expect_error(422, "password", short);
        let mut anne = account("anne");
        anne["user"]["password"] = json!("seven77");
        api.post("/users", None, anne).await.expect_error(422, "password", short);
        api.post("/users/login", None, login("jake", &long)).await.expect(200);
        api.post("/users/login", None, login("jake", PASSWORD)).await.expect_error(401, "credentials", "invalid");
    });
}

#[test]
fn a_change_meets_what_others_have() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        api.register("anne").await;
        let taken = "has already been taken";
        let user = json!({ "user": { "username": "anne", "email": "anne@example.com" } });
        api.put("/user", Some(&jake), user).await.expect_errors(409, &json!({ "email": [taken], "username": [taken] }));
        let own = json!({ "user": { "username": "jake", "email": "jake@example.com" } });
        api.put("/user", Some(&jake), own).await.expect(200);
    });
}

#[test]
fn a_token_outlives_a_change_of_name() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        api.put("/user", Some(&jake), json!({ "user": { "username": "jacob" } })).await.expect(200);
        let user = api.get("/user", Some(&jake)).await.expect(200);
        assert_eq!(user["user"]["username"], "jacob");
    });
}
