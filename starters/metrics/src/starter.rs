//! The starter: times entries, and shows all numbers under `/metrics`.

use std::sync::{Arc, Once};
use std::time::Duration;

use bedplate::base::Phase;
use bedplate::{
    Around, Composition, Content, Inspection, InstanceId, Provided, Result, Starter, StarterContext, starter,
};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::deployments::Deployments;
use crate::exposition::{Exposition, MEDIA_TYPE};
use crate::facade::Facade;
use crate::histogram::Bounds;
use crate::timing::{Timed, Timing};
use crate::{MetricsSettings, series};

/// How often what modules have recorded is moved out of its buffers where nobody scrapes.
const UPKEEP: Duration = Duration::from_secs(5);

/// Numbers for Prometheus: per module and scene, and what modules record with the `metrics` crate.
#[starter(name = "metrics", settings = MetricsSettings)]
pub struct Metrics {
    timing: Arc<Timing>,
    facade: Facade,
    deployments: Arc<Deployments>,
    phase: watch::Receiver<Phase>,
    upkeep: AbortHandle,
    /// Gathers the numbers of deployments.
    following: AbortHandle,
    told: Once,
}

impl Metrics {
    /// All numbers at this moment, in the text format of Prometheus.
    #[must_use]
    pub fn render(&self, now: &Composition) -> String {
        let mut exposition = Exposition::default();
        series::write(&mut exposition, now, *self.phase.borrow(), &self.timing);
        self.deployments.write(&mut exposition);
        exposition.append(&self.facade.render());
        exposition.finish()
    }
}

impl Starter for Metrics {
    type Prepared = ();

    async fn start(ctx: &StarterContext) -> Result<Self> {
        let settings: MetricsSettings = ctx.settings()?;
        let facade = Facade::shared(&settings)?;
        let deployments = Arc::<Deployments>::default();
        let kept = facade.clone();
        let upkeep = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(UPKEEP);
            loop {
                ticks.tick().await;
                kept.run_upkeep();
            }
        });
        Ok(Self {
            deployments: deployments.clone(),
            following: tokio::spawn(deployments.follow(ctx.weak_base())).abort_handle(),
            timing: Arc::new(Timing::new(Bounds::new(&settings.buckets))),
            facade,
            phase: ctx.base().phases(),
            upkeep: upkeep.abort_handle(),
            told: Once::new(),
        })
    }

    fn provide(&self, to: &mut Provided<'_>) -> Result<()> {
        self.timing.add(to.staged().id());
        Ok(())
    }

    async fn prepare(&self, _: &Composition) -> Result<()> {
        self.timing.publish();
        Ok(())
    }

    fn committed(&self, _: &Composition) {
        // Not before all starters run: the one that writes the log may come after this one.
        self.told.call_once(|| self.facade.tell());
        self.deployments.changed.notify_one();
    }

    async fn release(&self, instance: &InstanceId) {
        self.timing.remove(instance);
        self.deployments.changed.notify_one();
    }

    fn around(&self) -> Option<Arc<dyn Around>> {
        Some(Arc::new(Timed(self.timing.clone())))
    }

    fn inspect(&self, now: &Composition) -> Vec<Inspection> {
        let content = Content::Text { media_type: MEDIA_TYPE, body: self.render(now) };
        vec![Inspection { name: "metrics", content }]
    }

    async fn stop(&self) -> Result<()> {
        self.upkeep.abort();
        self.following.abort();
        Ok(())
    }
}

/// A base that is dropped without being stopped, as tests may, leaves no task behind either.
impl Drop for Metrics {
    fn drop(&mut self) {
        self.upkeep.abort();
        self.following.abort();
    }
}
