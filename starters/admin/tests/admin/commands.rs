//! The commands of the base's binary, against a base that runs and against none.

use std::path::{Path, PathBuf};

use bedplate::Result;
use bedplate::base::{Command, CommandContext, Exit, Output};
use bedplate::settings::Sources;
use bedplate::testing::run;
use bedplate_starter_admin::{
    APPLY_COMMAND, HISTORY_COMMAND, INFLIGHT_COMMAND, INSTALL_COMMAND, LOGS_COMMAND, READY_COMMAND, REDEPLOY_COMMAND,
    ROLLBACK_COMMAND, ROUTES_COMMAND, SNAPSHOT_COMMAND, STATUS_COMMAND, UNINSTALL_COMMAND,
};

use crate::support::{Shows, operated, socket};

/// Runs a command as the binary does, and returns its exit status.
pub(crate) async fn exit(command: Command, arguments: &[&str], folder: &Path, output: Output) -> String {
    let (arguments, folder): (Vec<String>, PathBuf) =
        (arguments.iter().map(|&argument| argument.to_owned()).collect(), folder.to_owned());
    let run = move || {
        let line = std::iter::once(command.name().to_owned()).chain(arguments);
        let matches = command.command_line().try_get_matches_from(line).unwrap();
        let settings = Sources::new().load().unwrap();
        command.run(&CommandContext { settings: &settings, folder: &folder, output, matches: &matches })
    };
    format!("{:?}", tokio::task::spawn_blocking(run).await.unwrap())
}

pub(crate) fn status(exit: Exit) -> String {
    format!("{:?}", std::process::ExitCode::from(exit))
}

#[test]
fn they_ask_the_running_base() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let place = folder.path().to_owned();
    run(operated(&folder).starter::<Shows>(), |base| async move {
        socket(&base).await;
        for output in [Output::Text, Output::Json] {
            for command in [STATUS_COMMAND, READY_COMMAND, ROUTES_COMMAND, INFLIGHT_COMMAND, HISTORY_COMMAND] {
                assert_eq!(exit(command, &[], &place, output).await, status(Exit::Done), "{command:?}");
            }
            assert_eq!(exit(HISTORY_COMMAND, &["--transitions"], &place, output).await, status(Exit::Done));
            assert_eq!(exit(REDEPLOY_COMMAND, &["quiet"], &place, output).await, status(Exit::Done));
        }
        Ok(())
    })
}

#[test]
fn what_is_refused_ends_with_one() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let place = folder.path().to_owned();
    run(operated(&folder), |base| async move {
        socket(&base).await;
        for output in [Output::Text, Output::Json] {
            for (command, arguments) in [
                (ROUTES_COMMAND, &[][..]),
                (LOGS_COMMAND, &["quiet"]),
                (REDEPLOY_COMMAND, &["absent"]),
                (UNINSTALL_COMMAND, &["absent"]),
                (ROLLBACK_COMMAND, &["quiet"]),
                (INSTALL_COMMAND, &["/nothing/here.so"]),
            ] {
                assert_eq!(exit(command, arguments, &place, output).await, status(Exit::Failed), "{command:?}");
            }
        }
        Ok(())
    })
}

#[tokio::test]
async fn where_no_base_answers_they_end_with_three() {
    let folder = tempfile::tempdir().unwrap();
    for (command, arguments) in [
        (STATUS_COMMAND, &[][..]),
        (READY_COMMAND, &[]),
        (ROLLBACK_COMMAND, &[]),
        (APPLY_COMMAND, &[]),
        (SNAPSHOT_COMMAND, &[]),
        (LOGS_COMMAND, &["quiet"]),
        (REDEPLOY_COMMAND, &["quiet"]),
    ] {
        for output in [Output::Text, Output::Json] {
            assert_eq!(exit(command, arguments, folder.path(), output).await, status(Exit::NoBase), "{command:?}");
        }
    }
}

#[test]
fn what_cannot_be_understood_is_said_before_a_base_is_asked() {
    for (command, arguments) in [
        (REDEPLOY_COMMAND, &["redeploy"][..]),
        (INSTALL_COMMAND, &["install"]),
        (UNINSTALL_COMMAND, &["uninstall"]),
        (LOGS_COMMAND, &["logs"]),
        (ROLLBACK_COMMAND, &["rollback", "--bake", "soon"]),
        (HISTORY_COMMAND, &["history", "--limit", "0"]),
    ] {
        let error = command.command_line().try_get_matches_from(arguments).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{command:?}");
    }
}
