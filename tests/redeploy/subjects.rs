//! The module that the tests write faults into.

use std::fs;
use std::path::PathBuf;

use crate::base::Place;
use crate::workshop::{Workshop, workshop};

/// What every version of it begins with.
const BEGIN: &str = "//! Written by a test.

#![allow(unused_imports, reason = \"the same for all\")]

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use bedplate::{Exports, Module, ModuleContext, Result};
use bedplate_starter_http::RoutesExt;
use bedplate_starter_schedule::ScheduleExt;

";

/// The object of a subject with these methods.
pub(crate) fn subject(name: &str, methods: &str) -> PathBuf {
    with(&mut workshop(), name, methods)
}

/// The same, by somebody who has the copy.
pub(crate) fn with(copy: &mut Workshop, name: &str, methods: &str) -> PathBuf {
    copy.write("modules/subject/src/lib.rs", &source(methods));
    let object = copy.object("subject", name);
    copy.restore();
    object
}

/// The source of a subject with these methods.
pub(crate) fn source(methods: &str) -> String {
    format!(
        "{BEGIN}/// Has a fault.\n#[bedplate::module]\npub struct Subject {{}}\n\nimpl Module for Subject {{\n{methods}\n}}\n"
    )
}

/// A subject's routes that say this.
pub(crate) fn says(text: &str) -> String {
    format!(
        "fn exports(self: &Arc<Self>, to: &mut Exports) {{
             to.routes(Router::new().route(\"/subject\", get(|| async {{ \"{text}\" }})));
         }}"
    )
}

/// A subject that says that it is in `method` by a file `at`, and waits there for as long as a file `hold` is there.
pub(crate) fn waits_in(place: &Place, method: &str, signature: &str) -> PathBuf {
    subject(&format!("waits-in-{method}"), &waits_in_source(place, method, signature))
}

/// The methods of such a subject.
pub(crate) fn waits_in_source(place: &Place, method: &str, signature: &str) -> String {
    let (hold, at) = hold(place);
    let text = says(&format!("waited in {method}"));
    format!(
        "async fn {method}({signature}) -> Result<()> {{
             std::fs::write({at:?}, \"\")?;
             while std::path::Path::new({hold:?}).exists() {{ tokio::time::sleep(Duration::from_millis(2)).await; }}
             Ok(())
         }}
         {text}"
    )
}

/// A subject that waits so while it is made.
pub(crate) fn waits_in_its_constructor(place: &Place) -> PathBuf {
    let (hold, at) = hold(place);
    let waits = format!(
        "/// Waits.
         struct Waits;

         impl Default for Waits {{
             fn default() -> Self {{
                 let _ = std::fs::write({at:?}, \"\");
                 while std::path::Path::new({hold:?}).exists() {{ std::thread::sleep(Duration::from_millis(2)); }}
                 Self
             }}
         }}
"
    );
    let fields = "pub struct Subject {\n    #[own]\n    _waits: Waits,\n}";
    written("waits-in-construct", &(source(&says("waited")).replace("pub struct Subject {}", fields) + &waits))
}

/// The object of a subject with these methods, of which there cannot be two at once.
pub(crate) fn exclusive(methods: &str) -> PathBuf {
    let text = source(methods);
    written("exclusive", &text.replace("#[bedplate::module]", "#[bedplate::module(exclusive)]"))
}

/// The object of a subject with this source.
fn written(name: &str, text: &str) -> PathBuf {
    let mut copy = workshop();
    copy.write("modules/subject/src/lib.rs", text);
    let object = copy.object("subject", name);
    copy.restore();
    object
}

/// The file that holds a subject up, which is there from now on, and the one by which it says that it waits.
fn hold(place: &Place) -> (PathBuf, PathBuf) {
    let (hold, at) = (place.folder.join("hold"), place.folder.join("at"));
    fs::write(&hold, "").unwrap();
    (hold, at)
}
