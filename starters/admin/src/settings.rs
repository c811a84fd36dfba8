//! The settings of the starter.

use std::net::SocketAddr;

use bedplate::settings::Settings;

/// `[starters.admin]`: where health, readiness and what runs can be asked for.
#[derive(Debug, Clone, Settings)]
pub struct AdminSettings {
    /// The address that the admin interface listens on. Whoever reaches it can see what runs: keep it
    /// on the loopback interface, or in a network that only operators reach. Port 0 takes any that is free.
    #[setting(default = "127.0.0.1:9090")]
    pub address: SocketAddr,
}
