#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod deployments;
mod exposition;
mod facade;
mod histogram;
mod series;
mod settings;
mod starter;
#[cfg(test)]
mod tests;
mod timing;

pub use settings::MetricsSettings;
pub use starter::Metrics;
