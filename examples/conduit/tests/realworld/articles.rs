//! Articles: written, read, changed, deleted.

use serde_json::{Value, json};

use crate::api::{Api, Somebody, conduit};

async fn change(api: &Api, by: &Somebody, slug: &str, fields: Value) -> Value {
    api.put(&format!("/articles/{slug}"), Some(by), json!({ "article": fields })).await.expect(200)["article"].take()
}

#[test]
fn a_life_of_an_article() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        let new = json!({
            "title": "How to train your dragon",
            "description": "Ever wonder how?",
            "body": "Very carefully.",
            "tagList": ["training", "dragons"],
        });
        let created = api.post("/articles", Some(&jake), json!({ "article": new })).await.expect(201);
        let article = &created["article"];
        assert_eq!(
            created,
            json!({ "article": {
                "slug": "how-to-train-your-dragon",
                "title": "How to train your dragon",
                "description": "Ever wonder how?",
                "body": "Very carefully.",
                "tagList": ["training", "dragons"],
                "createdAt": article["createdAt"],
                "updatedAt": article["createdAt"],
                "favorited": false,
                "favoritesCount": 0,
                "author": { "username": "jake", "bio": null, "image": null, "following": false },
            }})
        );
        let path = "/articles/how-to-train-your-dragon";
        assert_eq!(api.get(path, None).await.expect(200), created);

        let body = json!({ "article": { "body": "With your hands." } });
        let changed = api.put(path, Some(&jake), body).await.expect(200);
        assert_eq!(changed["article"]["body"], "With your hands.");
        assert_eq!(api.get(path, None).await.expect(200), changed);

        api.delete(path, Some(&jake)).await.expect_empty(204);
        api.get(path, None).await.expect_error(404, "article", "not found");
        api.delete(path, Some(&jake)).await.expect_error(404, "article", "not found");
    });
}

#[test]
fn creation_wants_every_field() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        let blank = json!({
            "body": ["can't be blank"], "description": ["can't be blank"], "title": ["can't be blank"],
        });
        for article in [
            json!({}),
            json!({ "title": "", "description": "", "body": "" }),
            json!({ "title": null, "description": " ", "body": "\n" }),
        ] {
            api.post("/articles", Some(&jake), json!({ "article": article })).await.expect_errors(422, &blank);
        }
        let mixed = json!({ "title": 7, "description": "d", "body": "b", "tagList": "dragons" });
        api.post("/articles", Some(&jake), json!({ "article": mixed }))
            .await
            .expect_errors(422, &json!({ "tagList": ["is invalid"], "title": ["is invalid"] }));
        assert_eq!(api.get("/articles", None).await.expect(200)["articlesCount"], 0);
    });
}

#[test]
fn tags_are_optional() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        let untagged = json!({ "article": { "title": "t", "description": "d", "body": "b" } });
        let created = api.post("/articles", Some(&jake), untagged).await.expect(201);
        assert_eq!(created["article"]["tagList"], json!([]));
    });
}

#[test]
fn tags_keep_their_order() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        let tags = json!(["zebra", "apple", "Mango", "banana"]);
        let slug = api.write_tagged(&jake, "Fruit", &["zebra", "apple", "Mango", "banana"]).await;
        let path = format!("/articles/{slug}");
        assert_eq!(api.get(&path, None).await.expect(200)["article"]["tagList"], tags);
        assert_eq!(api.get("/articles", None).await.expect(200)["articles"][0]["tagList"], tags);
        let turned = json!(["banana", "zebra"]);
        assert_eq!(change(&api, &jake, &slug, json!({ "tagList": turned })).await["tagList"], turned);
    });
}

#[test]
fn tags_are_as_many_as_a_body_has_room_for() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        let tags: Vec<_> = (0..150_000).map(|number| format!("{number:x}")).collect();
        let article = json!({ "title": "Title", "description": "d", "body": "b", "tagList": tags });
        let created = api.post("/articles", Some(&jake), json!({ "article": article })).await.expect(201);
        assert_eq!(created["article"]["tagList"], json!(tags));
    });
}

#[test]
fn titles_of_any_script_make_slugs() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        for title in ["日本語", "Привет, мир", "🎉🎉", "'; DROP TABLE article; --", "../..", "a/b?c#d%", "\u{0}", "???"]
        {
            let slug = api.write_tagged(&jake, title, &[title]).await;
            let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
            assert!(!slug.is_empty() && slug.chars().all(plain), "{title}: {slug}");
            let article = api.get(&format!("/articles/{slug}"), None).await.expect(200);
            assert_eq!(
                (&article["article"]["title"], &article["article"]["tagList"]),
                (&json!(title), &json!([title]))
            );
        }
    });
}

#[test]
fn absent_fields_stay() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        let slug = api.write_tagged(&jake, "Title", &["a", "b"]).await;
        let article = change(&api, &jake, &slug, json!({ "description": "new" })).await;
        assert_eq!(article["description"], "new");
        assert_eq!((&article["title"], &article["body"]), (&json!("Title"), &json!("text")));
        assert_eq!((&article["slug"], &article["tagList"]), (&json!("title"), &json!(["a", "b"])));
    });
}

#[test]
fn tags_can_be_cleared_and_not_nulled() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        let slug = api.write_tagged(&jake, "Title", &["a", "b"]).await;
        let path = format!("/articles/{slug}");
        api.put(&path, Some(&jake), json!({ "article": { "tagList": null } })).await.expect_error(
            422,
            "tagList",
            "can't be blank",
        );
        assert_eq!(api.get(&path, None).await.expect(200)["article"]["tagList"], json!(["a", "b"]));
        assert_eq!(change(&api, &jake, &slug, json!({ "tagList": [] })).await["tagList"], json!([]));
        assert_eq!(api.get("/tags", None).await.expect(200), json!({ "tags": [] }));
    });
}

#[test]
fn what_is_required_cannot_be_cleared() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        let slug = api.write(&jake, "Title").await;
        for nothing in [json!(null), json!("")] {
            let article = json!({ "title": nothing, "description": nothing, "body": nothing });
            api.put(&format!("/articles/{slug}"), Some(&jake), json!({ "article": article })).await.expect_errors(
                422,
                &json!({
                    "body": ["can't be blank"], "description": ["can't be blank"], "title": ["can't be blank"],
                }),
            );
        }
    });
}

#[test]
fn a_new_title_gives_a_new_slug() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        let slug = api.write(&jake, "Old title").await;
        let comment = api.comment(&jake, &slug, "still here").await;
        let article = change(&api, &jake, &slug, json!({ "title": "New title" })).await;
        assert_eq!((&article["title"], &article["slug"]), (&json!("New title"), &json!("new-title")));
        api.get("/articles/old-title", None).await.expect_error(404, "article", "not found");
        let comments = api.get("/articles/new-title/comments", None).await.expect(200);
        assert_eq!(comments["comments"][0]["id"], comment, "what hangs on an article moves with it");
    });
}

#[test]
fn titles_may_repeat() {
    conduit(async |api| {
        let (jake, anne) = (api.register("jake").await, api.register("anne").await);
        let slugs = [api.write(&jake, "Same").await, api.write(&jake, "Same").await, api.write(&anne, "Same").await];
        assert_eq!(slugs[0], "same");
        for (index, slug) in slugs.iter().enumerate() {
            assert!(!slugs[..index].contains(slug), "{slugs:?}");
            assert_eq!(api.get(&format!("/articles/{slug}"), None).await.expect(200)["article"]["title"], "Same");
        }
        let other = api.write(&anne, "Other").await;
        let renamed = change(&api, &anne, &other, json!({ "title": "Same" })).await;
        assert!(!slugs.contains(&renamed["slug"].as_str().unwrap().to_owned()));
    });
}

#[test]
fn times_are_utc_with_milliseconds() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        let slug = api.write(&jake, "Title").await;
        let article = api.get(&format!("/articles/{slug}"), None).await.expect(200);
        for time in ["createdAt", "updatedAt"] {
            let text = article["article"][time].as_str().unwrap();
            let shape: String = text.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
            assert_eq!(shape, "0000-00-00T00:00:00.000Z", "{text}");
        }
    });
}

#[test]
fn changing_moves_one_time() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        let slug = api.write(&jake, "Title").await;
        let before = api.get(&format!("/articles/{slug}"), None).await.expect(200)["article"].take();
        let after = change(&api, &jake, &slug, json!({ "body": "new" })).await;
        assert_eq!(after["createdAt"], before["createdAt"]);
        // The form sorts as the times do.
        assert!(after["updatedAt"].as_str() > before["updatedAt"].as_str(), "{before} {after}");
    });
}

#[test]
fn only_the_author_may_change_it() {
    conduit(async |api| {
        let (jake, anne) = (api.register("jake").await, api.register("anne").await);
        let slug = api.write(&jake, "Title").await;
        let path = format!("/articles/{slug}");
        let body = json!({ "article": { "body": "mine now" } });
        api.put(&path, Some(&anne), body).await.expect_error(403, "article", "forbidden");
        api.delete(&path, Some(&anne)).await.expect_error(403, "article", "forbidden");
        assert_eq!(api.get(&path, None).await.expect(200)["article"]["body"], "text");
    });
}

#[test]
fn no_title_hides_the_feed() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        let slug = api.write(&jake, "Feed").await;
        assert_ne!(slug, "feed");
        assert_eq!(api.get(&format!("/articles/{slug}"), None).await.expect(200)["article"]["title"], "Feed");
        assert_eq!(api.get("/articles/feed", Some(&jake)).await.expect(200)["articlesCount"], 0);
    });
}

#[test]
fn a_deleted_article_takes_along_what_hangs_on_it() {
    conduit(async |api| {
        let (jake, anne) = (api.register("jake").await, api.register("anne").await);
        let slug = api.write_tagged(&jake, "Title", &["tag"]).await;
        api.comment(&anne, &slug, "well said").await;
        api.send("POST", &format!("/articles/{slug}/favorite"), Some(&anne), None).await.expect(200);
        api.delete(&format!("/articles/{slug}"), Some(&jake)).await.expect_empty(204);

        assert_eq!(api.get("/tags", None).await.expect(200), json!({ "tags": [] }));
        assert_eq!(api.get("/articles?favorited=anne", None).await.expect(200)["articlesCount"], 0);
        let again = api.write(&jake, "Title").await;
        assert_eq!(again, slug, "the slug is free again");
        let path = format!("/articles/{again}");
        assert_eq!(api.get(&path, Some(&anne)).await.expect(200)["article"]["favoritesCount"], 0);
        assert_eq!(api.get(&format!("{path}/comments"), None).await.expect(200), json!({ "comments": [] }));
    });
}
