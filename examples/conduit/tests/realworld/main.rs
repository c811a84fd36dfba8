//! The public interface of Conduit, operation by operation and rule by rule, over the whole base.
//!
//! Operations of `openapi.yml`:
//!
//! | operation | tests |
//! | --- | --- |
//! | CreateUser, Login, GetCurrentUser, UpdateCurrentUser | [`users`] |
//! | GetProfileByUsername, FollowUserByUsername, UnfollowUserByUsername | [`profiles`] |
//! | CreateArticle, GetArticle, UpdateArticle, DeleteArticle | [`articles`] |
//! | GetArticles, GetArticlesFeed, GetTags | [`lists`] |
//! | CreateArticleFavorite, DeleteArticleFavorite | [`favorites`] |
//! | GetArticleComments, CreateArticleComment, DeleteArticleComment | [`comments`] |
//!
//! What the description leaves open, and the test that holds it:
//!
//! | rule | test |
//! | --- | --- |
//! | routes below `/api`, `Authorization: Token` | `errors::routes_are_below_api`, `errors::only_the_token_scheme_says_who_is_calling` |
//! | 401 `token`, 401 `credentials` | `errors::every_private_operation_wants_a_token`, `users::wrong_credentials` |
//! | 403 `article`, `comment` | `articles::only_the_author_may_change_it`, `comments::only_the_author_may_delete_it` |
//! | 404 `article`, `comment`, `profile` | `errors::what_is_not_there_is_a_404` |
//! | 409 `username`, `email` | `users::names_and_emails_are_taken_once`, `users::a_change_meets_what_others_have`, `concurrency::one_of_many_registrations_gets_the_name` |
//! | 422 `can't be blank`, all fields at once | `users::registration_wants_every_field`, `articles::creation_wants_every_field`, `comments::a_comment_has_a_body` |
//! | authorization before existence before ownership before content | `errors::authorization_comes_first`, `errors::existence_comes_before_ownership` |
//! | 201, 204 without a body, 200 with the changed object | `users::register_log_in_and_be_oneself`, `articles::a_life_of_an_article`, `comments::a_life_of_a_comment`, `favorites::back_and_forth`, `profiles::back_and_forth` |
//! | `PUT /user`: absent, null, empty | `users::absent_fields_stay`, `users::bio_and_image_can_be_cleared`, `users::names_cannot_be_cleared` |
//! | passwords of 8 to 64 characters and more, of anything | `users::passwords_have_a_length_and_no_other_rule` |
//! | `PUT /articles/{slug}`: absent, `tagList`, slug, times | `articles::absent_fields_stay`, `articles::tags_can_be_cleared_and_not_nulled`, `articles::a_new_title_gives_a_new_slug`, `articles::changing_moves_one_time` |
//! | duplicate titles, order of tags | `articles::titles_may_repeat`, `articles::tags_keep_their_order` |
//! | lists: newest first, count of all, no body, paging, filters | `lists::*` |
//! | timestamps | `articles::times_are_utc_with_milliseconds` |
//! | `favorited` and `following` as the caller sees them | `favorites::as_the_viewer_sees_it`, `profiles::as_the_viewer_sees_it`, `comments::authors_are_as_the_viewer_sees_them` |
//! | tags in use | `lists::tags_are_those_in_use` |
//! | CORS for any origin | `errors::pages_of_any_origin_may_call` |
//! | errors in one form: JSON, wrapper, types, path, query | `errors::bodies_that_will_not_do`, `errors::what_is_no_text_names_nothing`, `lists::limits_and_offsets_that_will_not_do` |

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod api;
mod articles;
mod comments;
mod concurrency;
mod errors;
mod favorites;
mod lists;
mod profiles;
mod transport;
mod users;
