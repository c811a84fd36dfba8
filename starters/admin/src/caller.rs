//! Who asks, from where, and what they may do.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use bedplate::ModuleName;
use tokio::net::unix::UCred;

/// The file that names the users of this machine.
const USERS: &str = "/etc/passwd";

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// For the history: `anna (uid 1000)`, `token ci`.
    pub(crate) who: String,
    pub(crate) arrival: Arrival,
    pub(crate) may: Permissions,
}

/// How a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Over the socket: from this machine, by the base's own user or root.
    Socket,
    /// Over the network: objects must be signed.
    #[cfg_attr(not(feature = "remote"), expect(dead_code, reason = "nothing comes over the network"))]
    Network,
}

impl Caller {
    /// Whoever holds the other end of the socket.
    pub(crate) fn of_socket(peer: &UCred) -> Self {
        Self { who: user(peer.uid()), arrival: Arrival::Socket, may: Permissions::All }
    }
}

/// A user of this machine by name, where `/etc/passwd` has one. Users that only a directory service knows
/// are shown by their number.
fn user(id: u32) -> String {
    let users = std::fs::read_to_string(USERS).unwrap_or_default();
    match name_of(&users, id) {
        Some(name) => format!("{name} (uid {id})"),
        None => format!("uid {id}"),
    }
}

fn name_of(users: &str, id: u32) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(id)).then_some(name)
    })
}

/// What can be done to a base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Looking: state, history, logs.
    Read,
    Install,
    Redeploy,
    Rollback,
    Uninstall,
    Settings,
    Snapshot,
}

impl Action {
    const ALL: [(&str, Self); 7] = [
        ("read", Self::Read),
        ("install", Self::Install),
        ("redeploy", Self::Redeploy),
        ("rollback", Self::Rollback),
        ("uninstall", Self::Uninstall),
        ("settings", Self::Settings),
        ("snapshot", Self::Snapshot),
    ];
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(_, action)| action == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

/// What a caller may do.
#[derive(Debug, Clone)]
pub(crate) enum Permissions {
    All,
    #[cfg_attr(not(feature = "remote"), expect(dead_code, reason = "tokens come over the network"))]
    Listed(Arc<[Permission]>),
}

impl Permissions {
    /// Whether an action is allowed on a module; without one, on all modules that there are and will be.
    pub(crate) fn allow(&self, action: Action, module: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Listed(list) => list.iter().any(|permission| permission.allows(action, module)),
        }
    }

    /// Whether an action is allowed on some module at least.
    pub(crate) fn allow_somewhere(&self, action: Action) -> bool {
        match self {
            Self::All => true,
            Self::Listed(list) => list.iter().any(|permission| permission.action.is_none_or(|own| own == action)),
        }
    }
}

/// `operation` or `operation:module`; `*` stands for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Permission {
    /// `None` for all.
    action: Option<Action>,
    /// `None` for all.
    module: Option<ModuleName>,
}

impl Permission {
    fn allows(&self, action: Action, module: Option<&str>) -> bool {
        self.action.is_none_or(|own| own == action)
            && match (&self.module, module) {
                (None, _) => true,
                (Some(own), Some(module)) => own.as_str() == module,
                (Some(_), None) => false,
            }
    }
}

impl FromStr for Permission {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (action, module) = text.split_once(':').unwrap_or((text, "*"));
        let action = match action {
            "*" => None,
            name => {
                Some(Action::ALL.iter().find(|(own, _)| *own == name).map(|(_, action)| *action).ok_or_else(|| {
                    let known: Vec<_> = Action::ALL.iter().map(|(name, _)| *name).collect();
                    format!("`{text}` allows nothing: there is no operation `{name}`, but {} and *", known.join(", "))
                })?)
            }
        };
        let module = match module {
            "*" => None,
            name => Some(ModuleName::new(name).map_err(|error| format!("`{text}` allows nothing: {error}"))?),
        };
        Ok(Self { action, module })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_number() {
        let users = "root:x:0:0:root:/root:/bin/sh\nbroken\nanna:x:1000:1000::/home/anna:/bin/sh\n";
        assert_eq!(name_of(users, 0), Some("root"));
        assert_eq!(name_of(users, 1000), Some("anna"));
        assert_eq!(name_of(users, 7), None);
    }

    #[test]
    fn a_permission_is_for_an_operation_and_a_module() {
        let list = ["read", "install:comments", "rollback:*"].map(|text| text.parse().unwrap());
        let may = Permissions::Listed(list.into());
        assert!(may.allow(Action::Read, None) && may.allow(Action::Read, Some("tags")));
        assert!(may.allow(Action::Install, Some("comments")));
        assert!(!may.allow(Action::Install, Some("tags")) && !may.allow(Action::Install, None));
        assert!(may.allow_somewhere(Action::Install) && !may.allow_somewhere(Action::Uninstall));
        assert!(may.allow(Action::Rollback, None));
        assert!(!may.allow(Action::Settings, None));
        let all = Permissions::Listed([Permission { action: None, module: None }].into());
        assert!(all.allow(Action::Settings, None));
    }

    #[test]
    fn what_cannot_be_a_permission_says_what_can() {
        let error = "instal:comments".parse::<Permission>().unwrap_err();
        assert!(error.contains("`instal`") && error.contains("install"), "{error}");
        assert!("install:No Module".parse::<Permission>().is_err());
    }
}
