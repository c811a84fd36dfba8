//! Profiles: seen, followed, and no longer.

use serde_json::{Value, json};

use crate::api::conduit;

fn profile(name: &str, following: bool) -> Value {
    json!({ "profile": { "username": name, "bio": null, "image": null, "following": following } })
}

#[test]
fn back_and_forth() {
    conduit(async |api| {
        let (jake, anne) = (api.register("jake").await, api.register("anne").await);
        let follow = format!("/profiles/{}/follow", anne.name);
        for _ in 0..2 {
            let followed = api.send("POST", &follow, Some(&jake), None).await.expect(200);
            assert_eq!(followed, profile("anne", true), "to follow twice is to follow");
        }
        assert_eq!(api.get("/profiles/anne", Some(&jake)).await.expect(200), profile("anne", true));
        for _ in 0..2 {
            assert_eq!(api.delete(&follow, Some(&jake)).await.expect(200), profile("anne", false));
        }
        assert_eq!(api.get("/profiles/anne", Some(&jake)).await.expect(200), profile("anne", false));
    });
}

#[test]
fn as_the_viewer_sees_it() {
    conduit(async |api| {
        let (jake, anne) = (api.register("jake").await, api.register("anne").await);
        api.send("POST", "/profiles/anne/follow", Some(&jake), None).await.expect(200);
        assert_eq!(api.get("/profiles/anne", None).await.expect(200), profile("anne", false));
        assert_eq!(api.get("/profiles/anne", Some(&anne)).await.expect(200), profile("anne", false));
        assert_eq!(api.get("/profiles/jake", Some(&anne)).await.expect(200), profile("jake", false), "one way only");
    });
}

#[test]
fn shows_what_the_user_says() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        let user = json!({ "user": { "bio": "I work at statefarm", "image": "https://example.com/jake.png" } });
        api.put("/user", Some(&jake), user).await.expect(200);
        let seen = api.get("/profiles/jake", None).await.expect(200);
        assert_eq!(
            seen,
            json!({ "profile": {
                "username": "jake",
                "bio": "I work at statefarm",
                "image": "https://example.com/jake.png",
                "following": false,
            }})
        );
    });
}

#[test]
fn a_name_may_be_any_text() {
    conduit(async |api| {
        let user = json!({ "username": "Jake & Söhne/2", "email": "jake@example.com", "password": "password123" });
        api.post("/users", None, json!({ "user": user })).await.expect(201);
        let seen = api.get("/profiles/Jake%20%26%20S%C3%B6hne%2F2", None).await.expect(200);
        assert_eq!(seen, profile("Jake & Söhne/2", false));
    });
}
