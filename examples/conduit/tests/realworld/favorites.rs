//! Favorites: made, counted, unmade.

use crate::api::conduit;

#[test]
fn back_and_forth() {
    conduit(async |api| {
        let (jake, anne) = (api.register("jake").await, api.register("anne").await);
        let slug = api.write(&jake, "Title").await;
        let path = format!("/articles/{slug}/favorite");
        for _ in 0..2 {
            let mut answer = api.send("POST", &path, Some(&anne), None).await.expect(200);
            let article = answer["article"].take();
            assert_eq!((article["favorited"].as_bool(), article["favoritesCount"].as_i64()), (Some(true), Some(1)));
            let seen = api.get(&format!("/articles/{slug}"), Some(&anne)).await.expect(200);
            assert_eq!(article, seen["article"], "the whole article comes back");
        }
        api.send("POST", &path, Some(&jake), None).await.expect(200);
        for _ in 0..2 {
            let answer = api.delete(&path, Some(&anne)).await.expect(200);
            let article = &answer["article"];
            assert_eq!((article["favorited"].as_bool(), article["favoritesCount"].as_i64()), (Some(false), Some(1)));
        }
    });
}

#[test]
fn as_the_viewer_sees_it() {
    conduit(async |api| {
        let (jake, anne) = (api.register("jake").await, api.register("anne").await);
        let slug = api.write(&jake, "Title").await;
        api.send("POST", &format!("/articles/{slug}/favorite"), Some(&anne), None).await.expect(200);
        for (viewer, favorited) in [(Some(&anne), true), (Some(&jake), false), (None, false)] {
            let answer = api.get(&format!("/articles/{slug}"), viewer).await.expect(200);
            let article = &answer["article"];
            assert_eq!(
                (article["favorited"].as_bool(), article["favoritesCount"].as_i64()),
                (Some(favorited), Some(1))
            );
        }
    });
}
