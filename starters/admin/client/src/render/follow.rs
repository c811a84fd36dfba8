//! A deployment as it goes: each line once, when it is known.

use super::{clean, duration};
use crate::protocol::{Deployment, DeploymentState};

/// Turns the states of one deployment into the lines that are new in each.
#[derive(Debug, Default)]
pub struct Follower {
    position: Option<usize>,
    steps: usize,
    decided: bool,
}

impl Follower {
    /// Nothing has been shown yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The lines that this state adds.
    pub fn lines(&mut self, deployment: &Deployment) -> Vec<String> {
        let mut lines = Vec::new();
        if deployment.state == DeploymentState::Queued && deployment.position != self.position {
            self.position = deployment.position;
            lines
                .extend(self.position.filter(|before| *before > 0).map(|before| format!("queued: {before} before it")));
        }
        for step in deployment.steps.iter().skip(self.steps) {
            lines.push(format!("  {:<10} {:>9}", clean(&step.name), duration(step.took())));
        }
        self.steps = self.steps.max(deployment.steps.len());
        if deployment.state.is_decided() && !self.decided {
            self.decided = true;
            let unchanged = deployment.unchanged.iter();
            lines.extend(unchanged.map(|module| format!("{}: this build serves already", clean(module))));
            lines.extend(outcome(deployment));
        }
        lines
    }
}

fn outcome(deployment: &Deployment) -> Option<String> {
    let changed: Vec<_> = deployment.modules.iter().filter(|module| !deployment.unchanged.contains(module)).collect();
    let modules = match changed.as_slice() {
        [] => deployment.operation.clone(),
        modules => modules.iter().map(|module| clean(module)).collect::<Vec<_>>().join(", "),
    };
    let took = duration(deployment.steps.iter().map(crate::protocol::StepTime::took).sum());
    match deployment.state {
        DeploymentState::Live if deployment.deployed.is_none() => None,
        DeploymentState::Live if deployment.operation == "uninstall" => {
            Some(format!("{modules}: taken out after {took}"))
        }
        DeploymentState::Live => Some(format!("{modules}: serving after {took}")),
        DeploymentState::Planned => Some(format!("{modules}: this is a plan, nothing has changed")),
        // The error is shown in its own form.
        DeploymentState::Failed | DeploymentState::Queued | DeploymentState::Running => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::StepTime;

    fn deployment(state: DeploymentState, steps: &[(&str, u64)]) -> Deployment {
        Deployment {
            id: "a-1".into(),
            revision: 1,
            state,
            operation: "install".into(),
            modules: vec!["comments".into()],
            who: "root".into(),
            asked_ms: 0,
            position: None,
            step: None,
            steps: steps.iter().map(|(name, took_us)| StepTime { name: (*name).into(), took_us: *took_us }).collect(),
            plan: None,
            deployed: Some(serde_json::json!({})),
            unchanged: Vec::new(),
            later: Vec::new(),
            error: None,
        }
    }

    #[test]
    fn every_line_is_shown_once() {
        let mut follower = Follower::new();
        let queued = Deployment { position: Some(2), ..deployment(DeploymentState::Queued, &[]) };
        assert_eq!(follower.lines(&queued), ["queued: 2 before it"]);
        assert!(follower.lines(&queued).is_empty());
        let running = deployment(DeploymentState::Running, &[("check", 900)]);
        assert_eq!(follower.lines(&running), ["  check         900 µs"]);
        let live = deployment(DeploymentState::Live, &[("check", 900), ("swap", 100)]);
        assert_eq!(follower.lines(&live), ["  swap          100 µs", "comments: serving after 1.0 ms"]);
        assert!(follower.lines(&live).is_empty());
    }
}
