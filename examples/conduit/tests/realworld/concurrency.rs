//! Many at once: what must happen once, happens once.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::api::{Answer, Api, conduit};

/// Sends requests at once, and waits for all.
async fn at_once<F>(requests: impl IntoIterator<Item = F>) -> Vec<Answer>
where
    F: Future<Output = Answer> + Send + 'static,
{
    let all: JoinSet<_> = requests.into_iter().collect();
    all.join_all().await
}

fn post(
    api: &Api,
    path: &str,
    token: Option<&crate::api::Somebody>,
    body: Value,
) -> impl Future<Output = Answer> + use<> {
    let (api, path, token) = (api.clone(), path.to_owned(), token.cloned());
    async move { api.post(&path, token.as_ref(), body).await }
}

#[test]
fn one_of_many_registrations_gets_the_name() {
    conduit(async |api| {
        let registrations = (0..8).map(|number| {
            let user =
                json!({ "username": "jake", "email": format!("{number}@example.com"), "password": "password123" });
            post(&api, "/users", None, json!({ "user": user }))
        });
        let (mut created, mut taken) = (0, 0);
        for answer in at_once(registrations).await {
            match answer.status {
                201 => created += 1,
                _ => {
                    answer.expect_error(409, "username", "has already been taken");
                    taken += 1;
                }
            }
        }
        assert_eq!((created, taken), (1, 7));
    });
}

#[test]
fn one_title_at_once_makes_different_slugs() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        let article = json!({ "article": { "title": "Same", "description": "d", "body": "b", "tagList": ["t"] } });
        let answers = at_once((0..8).map(|_| post(&api, "/articles", Some(&jake), article.clone()))).await;
        let slugs: BTreeSet<_> =
            answers.into_iter().map(|answer| answer.expect(201)["article"]["slug"].to_string()).collect();
        assert_eq!(slugs.len(), 8, "{slugs:?}");
        assert_eq!(api.get("/articles?tag=t", None).await.expect(200)["articlesCount"], 8);
    });
}

#[test]
fn favorites_of_many_are_all_counted() {
    conduit(async |api| {
        let mut readers = Vec::new();
        for number in 0..8 {
            readers.push(api.register(&format!("reader{number}")).await);
        }
        let slug = api.write(&readers[0], "Title").await;
        let path = format!("/articles/{slug}/favorite");
        // Everybody twice: once counts.
        let answers =
            at_once(readers.iter().chain(&readers).map(|reader| post(&api, &path, Some(reader), json!({})))).await;
        for answer in answers {
            assert_eq!(answer.expect(200)["article"]["favorited"], true);
        }
        let article = api.get(&format!("/articles/{slug}"), None).await.expect(200);
        assert_eq!(article["article"]["favoritesCount"], 8);
    });
}

#[test]
fn an_answer_is_of_one_change() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        let slug = api.write_tagged(&jake, "Title", &["0"]).await;
        let path = format!("/articles/{slug}");
        let changes = (1..=24).map(|number| {
            let article = json!({ "body": number.to_string(), "tagList": [number.to_string()] });
            let (api, path, jake) = (api.clone(), path.clone(), jake.clone());
            async move { api.put(&path, Some(&jake), json!({ "article": article })).await }
        });
        let mut times = BTreeSet::new();
        for answer in at_once(changes).await {
            let article = answer.expect(200)["article"].take();
            assert_eq!(article["tagList"], json!([article["body"]]), "body and tags of one change");
            assert!(times.insert(article["updatedAt"].to_string()), "each change moves the time");
        }
    });
}

#[test]
fn of_many_who_delete_it_one_has() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        let slug = api.write(&jake, "Title").await;
        let comment = api.comment(&jake, &slug, "well said").await;
        for (path, resource) in
            [(format!("/articles/{slug}/comments/{comment}"), "comment"), (format!("/articles/{slug}"), "article")]
        {
            let deletions = (0..8).map(|_| {
                let (api, path, jake) = (api.clone(), path.clone(), jake.clone());
                async move { api.delete(&path, Some(&jake)).await }
            });
            let (deleted, gone): (Vec<_>, Vec<_>) =
                at_once(deletions).await.into_iter().partition(|answer| answer.status == 204);
            assert_eq!(deleted.len(), 1, "{resource}");
            gone.into_iter().for_each(|answer| answer.expect_error(404, resource, "not found"));
        }
    });
}

#[test]
fn modules_are_replaced_while_they_serve() {
    conduit(async |api| {
        let jake = api.register("jake").await;
        let slug = api.write(&jake, "Title").await;
        let path = format!("/articles/{slug}/comments");
        let readers: JoinSet<_> = (0..4)
            .map(|_| {
                let (api, path) = (api.clone(), path.clone());
                async move {
                    for _ in 0..20 {
                        api.get(&path, None).await.expect(200);
                    }
                }
            })
            .collect();
        for _ in 0..2 {
            api.transport.swap("articles").await;
            api.transport.swap("comments").await;
            api.transport.swap("identity").await;
        }
        readers.join_all().await;
        // The data, and the secret that tokens are signed with, are those of before.
        api.comment(&jake, &slug, "still here").await;
        assert_eq!(api.get(&path, None).await.expect(200)["comments"][0]["body"], "still here");
    });
}
