//! The later version of the contract, published beside the first.

use bedplate::CallError;
use report_next::Report;

use crate::Reporter;
use crate::mark::MARK;

#[bedplate::scene_service]
impl Report for Reporter {
    async fn build(&self) -> Result<String, CallError> {
        Ok(format!("next:{MARK}"))
    }
}
