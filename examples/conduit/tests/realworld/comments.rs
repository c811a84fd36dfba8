//! Comments: added, listed, deleted.

use serde_json::json;

use crate::api::conduit;

#[test]
fn a_life_of_a_comment() {
    conduit(async |api| {
        let (jake, anne) = (api.register("jake").await, api.register("anne").await);
        let slug = api.write(&jake, "Title").await;
        let path = format!("/articles/{slug}/comments");
        assert_eq!(api.get(&path, None).await.expect(200), json!({ "comments": [] }));

        let body = json!({ "comment": { "body": "His name was my name too." } });
        let created = api.post(&path, Some(&anne), body).await.expect(201);
        let comment = &created["comment"];
        assert!(comment["id"].is_i64());
        assert_eq!(
            created,
            json!({ "comment": {
                "id": comment["id"],
                "createdAt": comment["createdAt"],
                "updatedAt": comment["createdAt"],
                "body": "His name was my name too.",
                "author": { "username": "anne", "bio": null, "image": null, "following": false },
            }})
        );
        let second = api.comment(&jake, &slug, "second").await;
        let listed = api.get(&path, None).await.expect(200);
        assert_eq!(listed["comments"][0]["id"], second, "the newest first");
        assert_eq!(listed["comments"][1], *comment);

        api.delete(&format!("{path}/{}", comment["id"]), Some(&anne)).await.expect_empty(204);
        let left = api.get(&path, None).await.expect(200);
        assert_eq!(left["comments"].as_array().unwrap().len(), 1);
        assert_eq!(left["comments"][0]["id"], second);
    });
}

#[test]
fn a_comment_has_a_body() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        let slug = api.write(&jake, "Title").await;
        let path = format!("/articles/{slug}/comments");
        for comment in [json!({}), json!({ "body": "" }), json!({ "body": null }), json!({ "body": "  " })] {
            api.post(&path, Some(&jake), json!({ "comment": comment })).await.expect_error(
                422,
                "body",
                "can't be blank",
            );
        }
        let long = json!({ "comment": { "body": "x".repeat(10_001) } });
        api.post(&path, Some(&jake), long).await.expect_error(422, "body", "is too long (maximum is 10000 characters)");
    });
}

#[test]
fn only_the_author_may_delete_it() {
    conduit(async |api| {
        let (jake, anne) = (api.register("jake").await, api.register("anne").await);
        let slug = api.write(&jake, "Title").await;
        let comment = api.comment(&anne, &slug, "mine").await;
        let path = format!("/articles/{slug}/comments/{comment}");
        api.delete(&path, Some(&jake)).await.expect_error(403, "comment", "forbidden");
        api.delete(&path, Some(&anne)).await.expect_empty(204);
        api.delete(&path, Some(&anne)).await.expect_error(404, "comment", "not found");
    });
}

#[test]
fn a_comment_belongs_to_its_article() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        let (one, two) = (api.write(&jake, "One").await, api.write(&jake, "Two").await);
        let comment = api.comment(&jake, &one, "on one").await;
        assert_eq!(api.get(&format!("/articles/{two}/comments"), None).await.expect(200), json!({ "comments": [] }));
        for number in [comment.to_string(), "999".to_owned(), "none".to_owned()] {
            let path = format!("/articles/{two}/comments/{number}");
            api.delete(&path, Some(&jake)).await.expect_error(404, "comment", "not found");
        }
    });
}

#[test]
fn authors_are_as_the_viewer_sees_them() {
    conduit(async |api| {
        let (jake, anne) = (api.register("jake").await, api.register("anne").await);
        let slug = api.write(&jake, "Title").await;
        api.comment(&anne, &slug, "well said").await;
        api.send("POST", "/profiles/anne/follow", Some(&jake), None).await.expect(200);
        for (viewer, following) in [(Some(&jake), true), (Some(&anne), false), (None, false)] {
            let listed = api.get(&format!("/articles/{slug}/comments"), viewer).await.expect(200);
            assert_eq!(listed["comments"][0]["author"]["following"], following);
        }
    });
}
