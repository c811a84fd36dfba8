//! One object on its way into the store.

use std::io;
use std::path::Path;

use axum::http::StatusCode;
use bedplate::Base;
use bedplate_admin_client::protocol::{Artifact, Refusal};
use tempfile::NamedTempFile;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use crate::api::Refused;
use crate::caller::Arrival;
use crate::operations;

/// The folder of what is not whole yet, in the base's state folder.
const UPLOADS: &str = "uploads";

/// An upload; where it is dropped before its end, nothing of it is left.
pub(crate) struct Upload {
    base: Base,
    kept: NamedTempFile,
    file: File,
}

impl Upload {
    /// Makes an empty file beside those that are stored.
    pub(crate) async fn begin(base: &Base) -> Result<Self, Refused> {
        let of = base.clone();
        let made = tokio::task::spawn_blocking(move || {
            let folder = of.state_folder()?.join(UPLOADS);
            std::fs::create_dir_all(&folder)?;
            // For its owner alone, as `tempfile` makes it, and gone with this value.
            let kept = tempfile::Builder::new().suffix(".so").tempfile_in(folder)?;
            let file = kept.as_file().try_clone()?;
            io::Result::Ok((kept, file))
        });
        let (kept, file) =
            made.await.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(|error| failed(&error))?;
        Ok(Self { base: base.clone(), kept, file: File::from_std(file) })
    }

    /// Writes the next piece.
    pub(crate) async fn write(&mut self, piece: &[u8]) -> Result<(), Refused> {
        self.file.write_all(piece).await.map_err(|error| failed(&error))
    }

    /// It is whole: looks at it, and stores it by its digest.
    pub(crate) async fn finish(mut self, arrival: Arrival) -> Result<Artifact, Refused> {
        self.file.flush().await.map_err(|error| failed(&error))?;
        // The open file, and not what may have its name by now. Its name goes with this value.
        let Self { base, kept: _kept, file } = self;
        operations::keep(&base, file.into_std().await, arrival).await
    }
}

/// Takes away what uploads left behind that were cut off with the base itself.
pub(crate) fn clear(folder: &Path) {
    // What cannot be taken away now is tried again at the next start.
    let _ = std::fs::remove_dir_all(folder.join(UPLOADS));
}

/// A write that failed, with the status that says whose fault it was.
pub(crate) fn failed(error: &io::Error) -> Refused {
    let is_full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    let (status, code, help) = match is_full {
        true => (StatusCode::INSUFFICIENT_STORAGE, "disk-full", "make room on the disk of `deploy.folder`"),
        false => (StatusCode::INTERNAL_SERVER_ERROR, "disk-failed", "see to the folder `deploy.folder` of the base"),
    };
    (status, Refusal::new(code, format!("the object cannot be stored: {error}"), help)).into()
}
