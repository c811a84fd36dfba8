//! What modules record with the macros of the `metrics` crate.

use super::{base, inside, request, scrape};

#[tokio::test]
async fn a_module_records_natively_and_is_named() {
    let base = base(&["recording"], "").await;
    metrics::describe_counter!("recorded_total", "What was recorded.");
    inside(&base, "recording", request(), async {
        metrics::counter!("recorded_total", "colour" => "red").increment(2);
        metrics::gauge!("recorded_depth").set(7.0);
        metrics::histogram!("recorded_size").record(3.0);
    })
    .await
    .unwrap();
    metrics::counter!("recorded_total", "colour" => "grey").increment(1);
    let scrape = scrape(&base);
    let named = "recorded_total{colour=\"red\",module=\"recording\",scene=\"main\"}";
    assert_eq!(scrape.get(named), Some(2.0));
    assert_eq!(scrape.get("recorded_total{colour=\"grey\"}"), Some(1.0));
    assert_eq!(scrape.get("recorded_depth{module=\"recording\",scene=\"main\"}"), Some(7.0));
    assert_eq!(scrape.get("recorded_size_count{module=\"recording\",scene=\"main\"}"), Some(1.0));
    assert_eq!(scrape.kind("recorded_total"), Some("counter"));
}

#[tokio::test]
async fn a_label_of_the_modules_own_stays() {
    let base = base(&["labelling"], "").await;
    let work = async { metrics::counter!("labelled_total", "module" => "another").increment(1) };
    inside(&base, "labelling", request(), work).await.unwrap();
    assert_eq!(scrape(&base).get("labelled_total{module=\"another\",scene=\"main\"}"), Some(1.0));
}

#[tokio::test]
async fn a_second_base_shows_them_too() {
    let one = base(&["sharing"], "").await;
    let two = base(&["other"], "").await;
    inside(&one, "sharing", request(), async { metrics::counter!("shared_total").increment(1) }).await.unwrap();
    for base in [&one, &two] {
        assert_eq!(scrape(base).get("shared_total{module=\"sharing\",scene=\"main\"}"), Some(1.0));
    }
}
