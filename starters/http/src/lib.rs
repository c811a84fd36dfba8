#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod access;
mod body;
mod connection;
mod door;
mod error;
mod error_body;
mod frames;
mod gate;
mod handoff;
mod labels;
mod limit;
mod listener;
mod listing;
mod mount;
mod quiet;
mod request_id;
mod routes;
mod service;
mod settings;
mod settle;
mod stack;
mod starter;
mod table;
#[cfg(feature = "testing")]
mod testing;
mod upgrade;
mod upgraded;

pub use axum;

pub use crate::body::ServedBody;
pub use crate::error::{HttpError, OrHttpError};
pub use crate::gate::RequestHead;
pub use crate::request_id::RequestId;
pub use crate::routes::{Routes, RoutesExt};
pub use crate::service::{HttpFuture, HttpService};
pub use crate::settings::{CorsSettings, HttpSettings, MountSettings};
pub use crate::starter::Http;
pub use crate::table::RouteTable;
#[cfg(feature = "testing")]
pub use crate::testing::{HttpTest, TestClient, TestRequest, TestResponse};
