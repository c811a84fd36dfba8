//! Keeps notes in a database of its own, and writes down each run of its job and each beat of its task.

#![forbid(unsafe_code)]

mod mark;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use bedplate::{Exports, Module, Result};
use bedplate_starter_http::{HttpError, OrHttpError, RoutesExt};
use bedplate_starter_schedule::ScheduleExt;
use bedplate_starter_sql::Sql;
use mark::MARK;

/// Keeps notes.
#[bedplate::module]
pub struct Notes {
    #[with(sqlx::migrate!())]
    db: Sql,
}

impl Module for Notes {
    fn exports(self: &Arc<Self>, to: &mut Exports) {
        let routes = Router::new().route("/notes", get(list).post(add)).route("/notes/events", get(events));
        let notes = self.clone();
        to.routes(routes.with_state(self.clone())).every("run", Duration::from_millis(30), self, Self::run).task(
            "beat",
            move || {
                let notes = notes.clone();
                async move { notes.beat().await }
            },
        );
    }
}

impl Notes {
    async fn event(&self, event: &str) -> Result<()> {
        sqlx::query("INSERT INTO events (mark, event) VALUES (?, ?)").bind(MARK).bind(event).execute(&*self.db).await?;
        Ok(())
    }

    /// A run takes a while, so that two of them could meet.
    async fn run(&self) -> Result<()> {
        self.event("begin").await?;
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.event("end").await
    }

    async fn beat(&self) -> Result<()> {
        loop {
            self.event("beat").await?;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// The build's name, and the notes, a line each.
async fn list(State(notes): State<Arc<Notes>>) -> Result<String, HttpError> {
    let texts: Vec<String> =
        sqlx::query_scalar("SELECT text FROM notes ORDER BY id").fetch_all(&*notes.db).await.or_internal()?;
    Ok(format!("{MARK}\n{}", texts.join("\n")))
}

async fn add(State(notes): State<Arc<Notes>>, text: String) -> Result<&'static str, HttpError> {
    sqlx::query("INSERT INTO notes (text) VALUES (?)").bind(text).execute(&*notes.db).await.or_internal()?;
    Ok(MARK)
}

/// What has happened, in order: `<mark> <event>`.
async fn events(State(notes): State<Arc<Notes>>) -> Result<String, HttpError> {
    let events: Vec<(String, String)> =
        sqlx::query_as("SELECT mark, event FROM events ORDER BY id").fetch_all(&*notes.db).await.or_internal()?;
    Ok(events.into_iter().map(|(mark, event)| format!("{mark} {event}\n")).collect())
}
