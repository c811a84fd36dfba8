//! The socket in the base's state folder: one base has it, and nobody but its user can use it.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use bedplate::compose::{CompositionError, Place, Problem};
use tokio::net::UnixListener;

/// The socket's name in the state folder.
pub(crate) const SOCKET: &str = "admin.sock";

/// Held for as long as a base has the socket: tells a base that runs from one that was killed.
const LOCK: &str = "admin.lock";

/// For its owner alone.
const PRIVATE: u32 = 0o600;

/// The longest path of a socket, in bytes: what the kernel's address has room for, without its end.
const LONGEST: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// The socket of one base. It is taken away when this is closed or dropped.
#[derive(Debug)]
pub(crate) struct AdminSocket {
    path: PathBuf,
    /// The file's device and number, so that nobody else's is taken away.
    file: (u64, u64),
    owner: u32,
    /// Let go of when the socket is gone.
    lock: File,
    closed: AtomicBool,
}

impl AdminSocket {
    /// Binds the socket in this folder. One that a base left behind when it was killed is replaced.
    ///
    /// # Errors
    ///
    /// Where another base runs with this folder, where the path is too long for a socket, and where the
    /// socket cannot be made.
    pub(crate) fn bind(folder: &Path) -> Result<(Self, UnixListener), CompositionError> {
        let path = folder.join(SOCKET);
        if SocketAddr::from_pathname(&path).is_err() {
            return Err(too_long(&path));
        }
        let lock = lock(folder)?;
        clear(&path)?;
        let failed = |error: io::Error| failed(&path, &error);
        let listener = UnixListener::bind(&path).map_err(failed)?;
        // Until here the folder, which is for its owner alone, keeps others away.
        std::fs::set_permissions(&path, Permissions::from_mode(PRIVATE)).map_err(failed)?;
        let metadata = std::fs::symlink_metadata(&path).map_err(failed)?;
        let file = (metadata.dev(), metadata.ino());
        Ok((Self { path, file, owner: metadata.uid(), lock, closed: AtomicBool::new(false) }, listener))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a user may use it: the kernel asks the file's mode too, but not on every system.
    pub(crate) fn admits(&self, user: u32) -> bool {
        user == 0 || user == self.owner
    }
}

impl AdminSocket {
    /// Takes the socket away, and lets another base have its place.
    pub(crate) fn close(&self) {
        // Once: afterwards a socket of another base may stand there, and have the same number.
        if self.closed.swap(true, Ordering::Relaxed) {
            return;
        }
        let is_ours = |metadata: &std::fs::Metadata| (metadata.dev(), metadata.ino()) == self.file;
        if std::fs::symlink_metadata(&self.path).as_ref().is_ok_and(is_ours) {
            // What cannot be taken away is replaced by the next base.
            let _ = std::fs::remove_file(&self.path);
        }
        // It is let go of with the file at the latest.
        let _ = self.lock.unlock();
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        self.close();
    }
}

fn lock(folder: &Path) -> Result<File, CompositionError> {
    let path = folder.join(LOCK);
    let open = OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(PRIVATE).open(&path);
    let mut file = open.map_err(|error| failed(&path, &error))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let owner = std::fs::read_to_string(&path).unwrap_or_default();
            return Err(taken(&folder.join(SOCKET), owner.trim()));
        }
        Err(TryLockError::Error(error)) => return Err(failed(&path, &error)),
    }
    // For people who want to know who has it; nothing depends on it.
    let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(file)
}

/// Takes away what a base that was killed left behind.
fn clear(path: &Path) -> Result<(), CompositionError> {
    let metadata = match std::fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(path, &error)),
    };
    if !metadata.file_type().is_socket() {
        return Err(problem(
            "socket-path-taken",
            path,
            format!("{} is there already, and is no socket", path.display()),
            "take it away, or set `deploy.folder` to another folder".to_owned(),
        ));
    }
    // Not every file system has locks that hold.
    if UnixStream::connect(path).is_ok() {
        return Err(taken(path, ""));
    }
    std::fs::remove_file(path).map_err(|error| failed(path, &error))
}

fn taken(path: &Path, process: &str) -> CompositionError {
    let process = match process.parse::<u32>() {
        Ok(process) => format!(" (process {process})"),
        Err(_) => String::new(),
    };
    problem(
        "state-folder-in-use",
        path,
        format!("another base runs with this state folder{process}, and answers on {}", path.display()),
        "end that base, or give this one a folder of its own: `deploy.folder`".to_owned(),
    )
}

fn too_long(path: &Path) -> CompositionError {
    let length = path.as_os_str().len();
    problem(
        "socket-path-too-long",
        path,
        format!("the socket's path {} has {length} bytes, and a socket's path has at most {LONGEST}", path.display()),
        "set `deploy.folder` to a folder with a shorter path".to_owned(),
    )
}

fn failed(path: &Path, error: &io::Error) -> CompositionError {
    problem(
        "socket-failed",
        path,
        format!("the base cannot be operated through {}: {error}", path.display()),
        "let the base's user write in the folder; or set `deploy.folder` to another one, on a file system with \
         sockets; or go without: `starters.admin.socket = false`"
            .to_owned(),
    )
}

/// What is wrong with the folder itself.
pub(crate) fn no_folder(folder: &Path, error: &io::Error) -> CompositionError {
    problem(
        "state-folder-failed",
        folder,
        format!(
            "the base's state folder {} cannot be made, or not be kept from other users: {error}",
            folder.display()
        ),
        "let the base's user own the folder, or set `deploy.folder` to another one".to_owned(),
    )
}

fn problem(code: &'static str, path: &Path, what: String, help: String) -> CompositionError {
    let places = vec![Place { what: "setting `deploy.folder`".to_owned(), at: path.display().to_string() }];
    CompositionError { step: "start", problems: vec![Problem { code, what, places, help }] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(folder: &Path) -> CompositionError {
        AdminSocket::bind(folder).map(|_| ()).unwrap_err()
    }

    #[tokio::test]
    async fn the_socket_is_for_its_owner_and_goes_with_its_base() {
        let folder = tempfile::tempdir().unwrap();
        let (socket, listener) = AdminSocket::bind(folder.path()).unwrap();
        assert_eq!(std::fs::metadata(socket.path()).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(socket.admits(0) && socket.admits(socket.owner) && !socket.admits(socket.owner + 1));
        let path = socket.path().to_owned();
        drop((socket, listener));
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_live_base_keeps_its_socket() {
        let folder = tempfile::tempdir().unwrap();
        let held = AdminSocket::bind(folder.path()).unwrap();
        let error = refused(folder.path());
        assert!(error.has("state-folder-in-use"), "{error}");
        assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
        assert!(UnixStream::connect(held.0.path()).is_ok());
    }

    #[tokio::test]
    async fn what_a_killed_base_left_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        drop(std::os::unix::net::UnixListener::bind(folder.path().join(SOCKET)).unwrap());
        assert!(AdminSocket::bind(folder.path()).is_ok());
    }

    #[tokio::test]
    async fn a_socket_that_somebody_answers_on_is_not_taken_without_a_lock_either() {
        let folder = tempfile::tempdir().unwrap();
        let _other = std::os::unix::net::UnixListener::bind(folder.path().join(SOCKET)).unwrap();
        assert!(refused(folder.path()).has("state-folder-in-use"));
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_stays() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(SOCKET), "mine").unwrap();
        assert!(refused(folder.path()).has("socket-path-taken"));
        assert_eq!(std::fs::read_to_string(folder.path().join(SOCKET)).unwrap(), "mine");
    }

    #[tokio::test]
    async fn a_path_that_is_too_long_says_how_long_it_may_be() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("d".repeat(LONGEST));
        std::fs::create_dir(&deep).unwrap();
        let error = refused(&deep);
        assert!(error.has("socket-path-too-long"), "{error}");
        assert!(error.to_string().contains(&format!("at most {LONGEST}")), "{error}");
        // The longest path that fits is taken.
        let fits = folder.path().join("f".repeat(LONGEST - folder.path().as_os_str().len() - SOCKET.len() - 2));
        std::fs::create_dir(&fits).unwrap();
        assert!(AdminSocket::bind(&fits).is_ok());
    }
}
