//! The thread on which objects are read, checked, copied and loaded: it gives way to those that serve.

use std::io;
use std::thread;

use tokio::runtime::Handle;

/// How far behind the threads that serve, in steps of `nice`: where every core is busy it still gets a tenth of one,
/// so that an overloaded base can be mended by a deployment.
const NICE: i32 = 10;

/// Does work on a thread of its own, which serves nothing. A tenth of a second of hashing and copying beside requests
/// is felt in their latency on a small machine; here the kernel lets them go first.
///
/// # Errors
///
/// Where there is no thread, or the work panicked.
pub(crate) async fn beside<T: Send + 'static>(
    runtime: &Handle,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    let context = runtime.clone();
    let body = move || {
        let _context = context.enter();
        if let Err(error) = give_way() {
            tracing::debug!(target: "bedplate::deploy", "a deployment's thread does not give way to others: {error}");
        }
        work()
    };
    // A thread of the runtime's waits for it, since a thread that has given way can serve nobody else: so the runtime
    // knows of the work, waits for it at its end, and lets no paused clock run on meanwhile.
    let waited = runtime.spawn_blocking(move || {
        let thread = thread::Builder::new().name("bedplate-deploy".to_owned()).spawn(body);
        let thread = thread.map_err(|error| format!("a thread cannot be made: {error}"))?;
        thread.join().map_err(|_| "it panicked".to_owned())
    });
    waited.await.unwrap_or_else(|error| Err(error.to_string()))
}

/// Puts the calling thread behind the others. It cannot be undone without privileges.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "the C library's call")]
fn give_way() -> io::Result<()> {
    // SAFETY: neither call touches memory; on Linux 0 stands for the calling thread, not for the process.
    let set = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, libc::getpriority(libc::PRIO_PROCESS, 0) + NICE) };
    match set {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Elsewhere the call is about the whole process.
#[cfg(not(target_os = "linux"))]
fn give_way() -> io::Result<()> {
    let _ = NICE;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[allow(unsafe_code, reason = "the C library's call")]
    fn nice() -> i32 {
        // SAFETY: it touches no memory; 0 stands for the calling thread.
        unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn it_gives_way_and_nobody_else_does() {
        let before = nice();
        let (beside, name) =
            beside(&Handle::current(), || (nice(), thread::current().name().map(str::to_owned))).await.unwrap();
        assert_eq!((beside, name.as_deref()), ((before + NICE).min(19), Some("bedplate-deploy")));
        assert_eq!(nice(), before);
    }

    #[tokio::test(start_paused = true)]
    async fn a_paused_clock_waits_for_it() {
        let limit = std::time::Duration::from_secs(60);
        let work = || thread::sleep(std::time::Duration::from_millis(20));
        let began = tokio::time::Instant::now();
        let done = tokio::time::timeout(limit, beside(&Handle::current(), work)).await;
        assert_eq!((done, began.elapsed()), (Ok(Ok(())), std::time::Duration::ZERO));
    }

    #[tokio::test]
    async fn the_runtime_is_at_hand_and_a_panic_stays_there() {
        let spawned = beside(&Handle::current(), || Handle::try_current().is_ok()).await;
        assert_eq!(spawned, Ok(true));
        assert_eq!(beside(&Handle::current(), || panic!("inside")).await, Err::<(), _>("it panicked".to_owned()));
    }
}
