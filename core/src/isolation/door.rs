//! The door of an instance: what comes may enter, waits, or has to go elsewhere.
//!
//! While the door is open, the way in reads one atomic. All else is behind it: why it is not open,
//! who waits, in the order they came. A queue for a limit on concurrency belongs here as well: one
//! more reason for which the door is not open, and a waiting that lets in one at a time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use crate::deploy::Pinned;
use crate::isolation::Frame;
use crate::sync::lock;

/// It has not come up yet, or does not come up any more.
const DOWN: u8 = 1;
/// It takes over from another instance, which is not done yet.
const HELD: u8 = 2;
/// Another composition serves in its place.
const SUPERSEDED: u8 = 4;
/// It has stopped.
const STOPPED: u8 = 8;

/// The door of one instance.
pub(crate) struct Door {
    /// The reasons for which it is not open, as bits.
    shut: AtomicU8,
    behind: Mutex<Behind>,
}

/// What is looked at while the door is not open.
#[derive(Default)]
struct Behind {
    hold: Option<Hold>,
    elsewhere: Option<Pinned>,
    next: u64,
    waiting: BTreeMap<u64, Waker>,
}

/// Why doors are held: these instances take over together.
#[derive(Debug, Clone)]
pub(crate) struct Hold {
    /// The instances that take over: what one of them calls in another is let in.
    pub(crate) together: Arc<[u64]>,
    /// The longest that anything waits.
    pub(crate) longest: Duration,
}

impl Hold {
    fn includes(&self, uid: u64) -> bool {
        self.together.contains(&uid)
    }
}

/// What a door says to whoever comes.
pub(crate) enum Passage {
    /// Enter.
    Open,
    /// Wait, but no longer than this.
    Held(Duration),
    /// Another composition serves in its place.
    Elsewhere(Option<Pinned>),
    /// It has not come up.
    Down,
    /// It has stopped.
    Stopped,
}

impl Door {
    /// The door of an instance that has not come up.
    pub(crate) fn new() -> Self {
        Self { shut: AtomicU8::new(DOWN), behind: Mutex::default() }
    }

    /// Whether whatever comes may enter: all that the way in looks at, nearly always.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.shut.load(Ordering::Acquire) == 0
    }

    /// Whether what comes waits here.
    pub(crate) fn is_held(&self) -> bool {
        self.shut.load(Ordering::Acquire) & (HELD | SUPERSEDED) == HELD
    }

    /// What to say to an entry that comes from where this thread is at work, on behalf of the
    /// instance `owner` where nobody is.
    #[cold]
    pub(crate) fn passage(&self, owner: Option<u64>) -> Passage {
        let behind = lock(&self.behind);
        let shut = self.shut.load(Ordering::Acquire);
        let together = behind.hold.as_ref().is_some_and(|hold| {
            owner.is_some_and(|owner| hold.includes(owner))
                || Frame::on_call_path(|instance| hold.includes(instance.uid))
        });
        if together {
            return Self::life(shut);
        }
        if shut & SUPERSEDED != 0 {
            return Passage::Elsewhere(behind.elsewhere.clone());
        }
        match &behind.hold {
            Some(hold) if shut & HELD != 0 => Passage::Held(hold.longest),
            _ => Self::life(shut),
        }
    }

    fn life(shut: u8) -> Passage {
        if shut & DOWN != 0 {
            Passage::Down
        } else if shut & STOPPED != 0 {
            Passage::Stopped
        } else {
            Passage::Open
        }
    }

    /// The number of who waits next: the queue is in the order of these.
    pub(crate) fn number(&self) -> u64 {
        let mut behind = lock(&self.behind);
        behind.next += 1;
        behind.next
    }

    /// Whether the wait with this number is over; if not, `waker` is woken when it is.
    pub(crate) fn poll_wait(&self, number: u64, waker: &Waker) -> Poll<Waited> {
        let mut behind = lock(&self.behind);
        // Under the lock: whoever opens the door does so under it, and then wakes who is in here.
        let shut = self.shut.load(Ordering::Acquire);
        if shut & SUPERSEDED != 0 {
            return Poll::Ready(Waited::Superseded(behind.elsewhere.clone()));
        }
        if shut & HELD == 0 {
            return Poll::Ready(Waited::Over);
        }
        behind.waiting.insert(number, waker.clone());
        Poll::Pending
    }

    /// Leaves the queue.
    pub(crate) fn leave(&self, number: u64) {
        let waker = lock(&self.behind).waiting.remove(&number);
        drop(waker);
    }

    /// The instance has come up: it takes entries, where nothing else keeps them out.
    pub(crate) fn came_up(&self) {
        self.shut.fetch_and(!DOWN, Ordering::AcqRel);
    }

    /// The instance has stopped, and yet belongs to what serves: nothing else could come up.
    pub(crate) fn goes_down(&self) {
        self.shut.fetch_or(DOWN, Ordering::AcqRel);
    }

    /// The instance has stopped.
    pub(crate) fn stopped(&self) {
        self.shut.fetch_or(STOPPED, Ordering::AcqRel);
    }

    /// Whether it does not take entries since it has not come up, or not again.
    pub(crate) fn is_down(&self) -> bool {
        self.shut.load(Ordering::Acquire) & DOWN != 0
    }

    /// Lets what comes wait from now on.
    pub(crate) fn hold(&self, hold: Hold) {
        let mut behind = lock(&self.behind);
        behind.hold = Some(hold);
        self.shut.fetch_or(HELD, Ordering::AcqRel);
    }

    /// Lets in what waits, the first who came first.
    pub(crate) fn open(&self) {
        let mut behind = lock(&self.behind);
        behind.hold = None;
        self.shut.fetch_and(!HELD, Ordering::AcqRel);
        let waiting = std::mem::take(&mut behind.waiting);
        drop(behind);
        waiting.into_values().for_each(Waker::wake);
    }

    /// Sends what waits, and what comes, to another composition: for as long as this one may be pinned.
    pub(crate) fn supersede(&self, by: Pinned) {
        let mut behind = lock(&self.behind);
        let before = behind.elsewhere.replace(by);
        self.shut.fetch_or(SUPERSEDED, Ordering::AcqRel);
        let waiting = std::mem::take(&mut behind.waiting);
        drop(behind);
        // Dropped after the lock is free: a pin may be the last reference to its composition.
        drop(before);
        waiting.into_values().for_each(Waker::wake);
    }

    /// Its life is over: nobody waits or enters any more, and it holds no other composition.
    pub(crate) fn close(&self) {
        let mut behind = lock(&self.behind);
        let elsewhere = behind.elsewhere.take();
        behind.hold = None;
        let waiting = std::mem::take(&mut behind.waiting);
        self.shut.fetch_or(STOPPED, Ordering::AcqRel);
        self.shut.fetch_and(!HELD, Ordering::AcqRel);
        drop(behind);
        drop(elsewhere);
        waiting.into_values().for_each(Waker::wake);
    }
}

/// How a wait at a door ended.
pub(crate) enum Waited {
    /// The door is held no more.
    Over,
    /// Another composition serves in its place.
    Superseded(Option<Pinned>),
}
