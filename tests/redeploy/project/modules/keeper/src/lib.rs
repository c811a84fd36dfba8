//! Keeps a count in memory, which the next generation goes on with.

#![forbid(unsafe_code)]

mod mark;

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use bedplate::{Exports, HandOver, Module, ModuleContext, Result};
use bedplate_starter_http::RoutesExt;
use mark::MARK;
use serde::{Deserialize, Serialize};

/// The version of what is handed over.
const VERSION: u32 = 1;

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct Kept {
    count: u64,
}

/// Keeps a count.
#[bedplate::module]
pub struct Keeper {
    #[own]
    kept: Mutex<Kept>,
}

impl Module for Keeper {
    async fn start(&self, ctx: &ModuleContext) -> Result<()> {
        if ctx.handed_over_version() == Some(VERSION)
            && let Some(kept) = ctx.handed_over::<Kept>()?
        {
            *self.kept() = kept;
        }
        Ok(())
    }

    async fn hand_over(&self) -> Result<Option<HandOver>> {
        let kept = self.kept().clone();
        Ok(Some(HandOver::of(VERSION, &kept)?))
    }

    fn exports(self: &Arc<Self>, to: &mut Exports) {
        to.routes(Router::new().route("/keeper", get(count).post(add)).with_state(self.clone()));
    }
}

impl Keeper {
    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn count(State(keeper): State<Arc<Keeper>>) -> String {
    format!("{MARK} {}", keeper.kept().count)
}

async fn add(State(keeper): State<Arc<Keeper>>) -> String {
    let mut kept = keeper.kept();
    kept.count += 1;
    format!("{MARK} {}", kept.count)
}
