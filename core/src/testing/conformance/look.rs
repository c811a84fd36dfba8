//! The place that a probe looks at: a module in a scene of a running base.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::base::Base;
use crate::descriptors::ModuleName;
use crate::scene::SceneName;
use crate::starter::Content;
use crate::testing::TestBase;

/// The place that a probe looks at: a module in a scene, which need not be there.
pub struct Look<'a> {
    pub(super) base: &'a TestBase,
    pub(super) running: &'a Base,
    pub(super) module: &'a ModuleName,
    pub(super) scene: &'a SceneName,
    pub(super) object: Option<Arc<dyn Any + Send + Sync>>,
}

impl Look<'_> {
    /// The base, as a test has it: what extends [`TestBase`] (`base.http()`) works on it.
    #[must_use]
    pub fn base(&self) -> &TestBase {
        self.base
    }

    /// The running base.
    #[must_use]
    pub fn running(&self) -> &Base {
        self.running
    }

    /// The module's name.
    #[must_use]
    pub fn module(&self) -> &ModuleName {
        self.module
    }

    /// The scene.
    #[must_use]
    pub fn scene(&self) -> &SceneName {
        self.scene
    }

    /// The trace of a module in a scene where the technology does not tell generations apart: `module@scene`.
    #[must_use]
    pub fn member(&self) -> String {
        format!("{}@{}", self.module, self.scene)
    }

    /// The module's own object, of the type that [`Subject::module`](super::Subject::module) makes: that of the
    /// instance that serves, or that the suite asks about. `None` where the module does not serve.
    #[must_use]
    pub fn object<M: Send + Sync + 'static>(&self) -> Option<Arc<M>> {
        self.object.clone()?.downcast().ok()
    }

    /// What the starters show under this name of the module in this scene: the objects that have its name and the
    /// scene's as `module` and `scene`, in whatever they stand.
    #[must_use]
    pub fn shown(&self, inspection: &str) -> Vec<Value> {
        let mut found = Vec::new();
        for shown in self.running.inspect() {
            if let (true, Content::Json(value)) = (shown.name == inspection, &shown.content) {
                self.rows(value, &mut found);
            }
        }
        found
    }

    fn rows(&self, value: &Value, found: &mut Vec<Value>) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.rows(value, found)),
            Value::Object(object) => {
                let is = |key: &str, wanted: &str| object.get(key).and_then(Value::as_str) == Some(wanted);
                if is("module", self.module.as_str()) && is("scene", self.scene.as_str()) {
                    found.push(value.clone());
                } else {
                    object.values().for_each(|value| self.rows(value, found));
                }
            }
            _ => {}
        }
    }
}

impl fmt::Debug for Look<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Look").field("module", self.module).field("scene", self.scene).finish_non_exhaustive()
    }
}
