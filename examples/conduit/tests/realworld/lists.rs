//! Lists: all articles, the feed, the tags.

use serde_json::{Value, json};

use crate::api::{Api, Somebody, conduit};

async fn favorite(api: &Api, by: &Somebody, slug: &str) {
    api.send("POST", &format!("/articles/{slug}/favorite"), Some(by), None).await.expect(200);
}

async fn follow(api: &Api, by: &Somebody, whom: &str) {
    api.send("POST", &format!("/profiles/{whom}/follow"), Some(by), None).await.expect(200);
}

async fn count(api: &Api, path: &str, by: Option<&Somebody>) -> Value {
    api.get(path, by).await.expect(200)["articlesCount"].take()
}

#[test]
fn newest_first_and_twenty_at_once() {
    conduit(async |api| {
        assert_eq!(api.get("/articles", None).await.expect(200), json!({ "articles": [], "articlesCount": 0 }));
        let jake = api.register("jake").await;
        let mut slugs = Vec::new();
        for number in 0..25 {
            slugs.insert(0, api.write(&jake, &format!("Article {number}")).await);
        }
        assert_eq!(api.slugs("/articles", None).await, slugs[..20]);
        assert_eq!(api.slugs("/articles?offset=20", None).await, slugs[20..]);
        assert_eq!(api.slugs("/articles?limit=3", None).await, slugs[..3]);
        assert_eq!(api.slugs("/articles?limit=3&offset=2", None).await, slugs[2..5]);
        assert_eq!(api.slugs("/articles?limit=100", None).await, slugs);
        assert_eq!(api.slugs("/articles?offset=25", None).await, [""; 0]);
        for path in ["/articles", "/articles?limit=3", "/articles?offset=20", "/articles?offset=99"] {
            assert_eq!(count(&api, path, None).await, 25, "{path}");
        }
        api.put(&format!("/articles/{}", slugs[24]), Some(&jake), json!({ "article": { "body": "newer" } }))
            .await
            .expect(200);
        assert_eq!(api.slugs("/articles?limit=100", None).await, slugs, "an update does not move an article");
    });
}

#[test]
fn lists_have_no_bodies() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        let anne = api.register("anne").await;
        api.write_tagged(&jake, "Title", &["tag"]).await;
        follow(&api, &anne, "jake").await;
        for (path, by, following) in [("/articles", None, false), ("/articles/feed", Some(&anne), true)] {
            let list = api.get(path, by).await.expect(200);
            let article = &list["articles"][0];
            assert_eq!(
                list,
                json!({ "articlesCount": 1, "articles": [{
                    "slug": "title",
                    "title": "Title",
                    "description": "about",
                    "tagList": ["tag"],
                    "createdAt": article["createdAt"],
                    "updatedAt": article["createdAt"],
                    "favorited": false,
                    "favoritesCount": 0,
                    "author": { "username": "jake", "bio": null, "image": null, "following": following },
                }]})
            );
        }
    });
}

#[test]
fn filters() {
    conduit(async |api| {
        let (jake, anne) = (api.register("jake").await, api.register("anne").await);
        let one = api.write_tagged(&jake, "One", &["red", "blue"]).await;
        let two = api.write_tagged(&anne, "Two", &["red"]).await;
        let three = api.write_tagged(&jake, "Three", &[]).await;
        favorite(&api, &anne, &one).await;
        favorite(&api, &anne, &two).await;
        for (query, slugs) in [
            ("tag=red", vec![&two, &one]),
            ("tag=blue", vec![&one]),
            ("tag=green", vec![]),
            ("tag=re", vec![]),
            ("author=jake", vec![&three, &one]),
            ("author=anne", vec![&two]),
            ("author=nobody", vec![]),
            ("favorited=anne", vec![&two, &one]),
            ("favorited=jake", vec![]),
            ("favorited=nobody", vec![]),
            ("tag=red&author=jake", vec![&one]),
            ("tag=red&favorited=anne&author=anne", vec![&two]),
            ("author=jake&favorited=anne", vec![&one]),
        ] {
            let path = format!("/articles?{query}");
            let found = api.slugs(&path, None).await;
            assert_eq!(found.iter().collect::<Vec<_>>(), slugs, "{query}");
            assert_eq!(count(&api, &path, None).await, slugs.len(), "{query}");
        }
        assert_eq!(count(&api, "/articles?tag=red&limit=1", None).await, 2, "all matches, not the page");
    });
}

#[test]
fn lists_are_as_the_viewer_sees_them() {
    conduit(async |api| {
        let (jake, anne) = (api.register("jake").await, api.register("anne").await);
        let slug = api.write(&jake, "Title").await;
        favorite(&api, &anne, &slug).await;
        follow(&api, &anne, "jake").await;
        for (viewer, seen) in [(Some(&anne), true), (Some(&jake), false), (None, false)] {
            let article = api.get("/articles", viewer).await.expect(200)["articles"][0].take();
            assert_eq!(article["favorited"], seen);
            assert_eq!(article["author"]["following"], seen);
            assert_eq!(article["favoritesCount"], 1);
        }
    });
}

#[test]
fn the_feed_is_of_those_one_follows() {
    conduit(async |api| {
        let [jake, anne, carl] = [api.register("jake").await, api.register("anne").await, api.register("carl").await];
        let (first, second) = (api.write(&anne, "First").await, api.write(&anne, "Second").await);
        api.write(&carl, "Unseen").await;
        api.write(&jake, "Own").await;
        assert_eq!(api.slugs("/articles/feed", Some(&jake)).await, [""; 0]);
        follow(&api, &jake, "anne").await;
        assert_eq!(api.slugs("/articles/feed", Some(&jake)).await, [second.as_str(), first.as_str()]);
        assert_eq!(api.slugs("/articles/feed?limit=1&offset=1", Some(&jake)).await, [first.as_str()]);
        assert_eq!(count(&api, "/articles/feed?limit=1", Some(&jake)).await, 2);
        api.delete("/profiles/anne/follow", Some(&jake)).await.expect(200);
        assert_eq!(count(&api, "/articles/feed", Some(&jake)).await, 0);
    });
}

#[test]
fn tags_are_those_in_use() {
    conduit(async |api| {
        assert_eq!(api.get("/tags", None).await.expect(200), json!({ "tags": [] }));
        let jake = api.register("jake").await;
        api.write_tagged(&jake, "One", &["rare", "often"]).await;
        let two = api.write_tagged(&jake, "Two", &["often", "gone"]).await;
        assert_eq!(api.get("/tags", None).await.expect(200), json!({ "tags": ["often", "gone", "rare"] }));
        api.delete(&format!("/articles/{two}"), Some(&jake)).await.expect_empty(204);
        assert_eq!(api.get("/tags", None).await.expect(200), json!({ "tags": ["often", "rare"] }));
    });
}

#[test]
fn limits_and_offsets_may_be_beyond_every_list() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        api.write(&jake, "Title").await;
        follow(&api, &jake, "jake").await;
        for huge in ["4294967296", "18446744073709551615", "18446744073709551616", "99999999999999999999999999"] {
            for path in ["/articles", "/articles/feed"] {
                assert_eq!(api.slugs(&format!("{path}?limit={huge}"), Some(&jake)).await, ["title"]);
                let beyond = format!("{path}?offset={huge}");
                let nothing = json!({ "articles": [], "articlesCount": 1 });
                assert_eq!(api.get(&beyond, Some(&jake)).await.expect(200), nothing);
            }
        }
    });
}

#[test]
fn filters_are_texts_and_nothing_else() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        api.write_tagged(&jake, "Title", &["tag", "100%_'; DROP TABLE tag; --"]).await;
        for filter in ["tag", "author", "favorited"] {
            // Quotes, wildcards, bytes that are no text, and nothing at all.
            for text in ["'%20OR%201=1%20--", "%25", "_", "*", "ta%25", "%22", "%00", "%FF", ""] {
                let path = format!("/articles?{filter}={text}");
                let nothing = json!({ "articles": [], "articlesCount": 0 });
                assert_eq!(api.get(&path, None).await.expect(200), nothing, "{path}");
            }
        }
        assert_eq!(count(&api, "/articles?tag=100%25_%27%3B%20DROP%20TABLE%20tag%3B%20--", None).await, 1);
    });
}

#[test]
fn limits_and_offsets_that_will_not_do() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        let (limit, offset) = ("must be a whole number from 1 on", "must be a whole number from 0 on");
        for path in ["/articles", "/articles/feed"] {
            for bad in ["0", "-1", "abc", "1.5", ""] {
                let path = format!("{path}?limit={bad}");
                api.get(&path, Some(&jake)).await.expect_error(422, "limit", limit);
            }
            let path = format!("{path}?limit=x&offset=-1");
            api.get(&path, Some(&jake)).await.expect_errors(422, &json!({ "limit": [limit], "offset": [offset] }));
        }
    });
}
