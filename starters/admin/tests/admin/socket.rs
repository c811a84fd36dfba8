//! The socket as a file: whose it is, when it is there, and when it is not.

use std::os::unix::fs::PermissionsExt;

use bedplate::Result;
use bedplate::base::Assembly;
use bedplate::settings::Sources;
use bedplate::testing::run;
use bedplate_starter_admin::Admin;
use tokio::net::UnixStream;

use crate::support::{get, operated, socket};

#[test]
fn socket_and_folder_are_for_the_bases_user_alone() -> Result<()> {
    let folder = tempfile::tempdir()?;
    // A folder that is there already is closed to others.
    let state = folder.path().join("state");
    std::fs::create_dir(&state)?;
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o755))?;
    run(operated(&folder), |base| async move {
        let socket = socket(&base).await;
        assert_eq!(socket, state.join("admin.sock"));
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&socket), 0o600);
        assert_eq!(mode(&state), 0o700);
        assert_eq!(mode(&state.join("admin.lock")), 0o600);
        Ok(())
    })
}

#[test]
fn the_socket_goes_when_the_base_ends() -> Result<()> {
    let folder = tempfile::tempdir()?;
    run(operated(&folder), |base| async move {
        let socket = socket(&base).await;
        assert_eq!(get(&socket, "/v1/ready").await?.status, 200);
        // Held over the base's end: a starter's object may be.
        let held = base.starter::<Admin>().await?;
        base.running().await?.shutdown().await?;
        assert!(!socket.exists());
        assert!(UnixStream::connect(&socket).await.is_err());
        drop(held);
        Ok(())
    })
}

#[test]
fn a_second_base_in_the_same_folder_does_not_start_and_harms_nobody() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let place = folder.path().to_owned();
    run(operated(&folder), |base| async move {
        let socket = socket(&base).await;
        let settings = Sources::new().set("starters.admin.address=127.0.0.1:0").load().unwrap();
        let error = Assembly::new(settings, &place).starter::<Admin>().start().await.unwrap_err();
        assert!(error.has("state-folder-in-use"), "{error}");
        assert_eq!(get(&socket, "/v1/ready").await?.status, 200);
        Ok(())
    })
}

#[test]
fn after_a_base_that_was_killed_the_next_one_answers() -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::create_dir(folder.path().join("state"))?;
    // Closed, and not taken away: what a killed process leaves.
    drop(std::os::unix::net::UnixListener::bind(folder.path().join("state/admin.sock"))?);
    std::fs::write(folder.path().join("state/admin.lock"), "1\n")?;
    run(operated(&folder), |base| async move {
        assert_eq!(get(&socket(&base).await, "/v1/ready").await?.status, 200);
        Ok(())
    })
}
