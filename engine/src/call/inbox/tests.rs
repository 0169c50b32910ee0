//! Nothing lost, nothing twice, nobody left asleep.

use super::*;
use proptest::prelude::*;
use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::atomic::AtomicBool,
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};
use tokio::time::timeout;

/// Far more than any of these tests needs; only a lost wake-up lets it pass.
const STUCK: Duration = Duration::from_secs(60);

#[test]
fn a_full_inbox_gives_the_item_back() {
    let inbox = Inbox::new(2);
    assert_eq!(inbox.try_push(1), Ok(()));
    assert_eq!(inbox.try_push(2), Ok(()));
    assert_eq!(inbox.try_push(3), Err(Full(3)));
    assert_eq!((inbox.depth(), inbox.capacity(), inbox.high_water()), (2, 2, 2));
    assert_eq!([inbox.try_recv(), inbox.try_recv(), inbox.try_recv()], [Some(1), Some(2), None]);
    assert_eq!((inbox.depth(), inbox.high_water()), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_new_reader_goes_on_where_a_dead_one_stopped() {
    let inbox = Inbox::new(4);
    let dead = tokio::spawn({
        let inbox = inbox.clone();
        async move {
            assert_eq!(inbox.recv().await, 1);
            panic!("crashes with an item unread");
        }
    });
    inbox.push(1).await;
    inbox.push(2).await;
    assert!(dead.await.unwrap_err().is_panic());
    assert_eq!(timeout(STUCK, inbox.recv()).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_waiting_writer_gets_the_room_that_a_reader_makes() {
    let inbox = Inbox::new(1);
    inbox.push(1).await;
    let writers: Vec<_> = (2..5)
        .map(|item| {
            let inbox = inbox.clone();
            tokio::spawn(async move { inbox.push(item).await })
        })
        .collect();
    let mut read = Vec::new();
    for _ in 0..4 {
        read.push(timeout(STUCK, inbox.recv()).await.unwrap());
    }
    for writer in writers {
        writer.await.unwrap();
    }
    read.sort_unstable();
    assert_eq!(read, [1, 2, 3, 4]);
}

/// Four writers and a reader that is replaced again and again, on real threads.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn nothing_is_lost_between_threads_while_readers_come_and_go() {
    const WRITERS: usize = 4;
    const EACH: usize = 5_000;
    let inbox = Inbox::new(3);
    for writer in 0..WRITERS {
        let inbox = inbox.clone();
        tokio::spawn(async move {
            for number in 0..EACH {
                let item = (writer, number);
                if number % 3 == 0 {
                    inbox.push(item).await;
                } else if let Err(Full(item)) = inbox.try_push(item) {
                    inbox.push(item).await;
                }
            }
        });
    }
    let mut next = [0; WRITERS];
    for round in 0..WRITERS * EACH {
        if round % 7 == 0 {
            // A reader that goes away after having been asked once; what it may have got is kept.
            let mut dropped = Box::pin(inbox.recv());
            if let Poll::Ready((writer, number)) = futures_util::poll!(&mut dropped) {
                assert_eq!(number, next[writer], "out of order");
                next[writer] += 1;
                continue;
            }
        }
        let (writer, number) = timeout(STUCK, inbox.recv()).await.expect("somebody was left asleep");
        assert_eq!(number, next[writer], "out of order");
        next[writer] += 1;
    }
    assert_eq!(next, [EACH; WRITERS]);
    assert!(inbox.try_recv().is_none());
    assert!(inbox.high_water() <= inbox.capacity());
}

/// Two readers are not meant to be, but while one replaces the other there are.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn two_readers_share_without_falling_asleep() {
    const ITEMS: usize = 20_000;
    let inbox = Inbox::new(8);
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let inbox = inbox.clone();
            tokio::spawn(async move {
                let mut sum = 0;
                loop {
                    match inbox.recv().await {
                        0 => return sum,
                        item => sum += item,
                    }
                }
            })
        })
        .collect();
    for item in 1..=ITEMS {
        timeout(STUCK, inbox.push(item)).await.expect("the readers are asleep");
    }
    inbox.push(0).await;
    inbox.push(0).await;
    let mut sum = 0;
    for reader in readers {
        sum += timeout(STUCK, reader).await.expect("a reader is asleep").unwrap();
    }
    assert_eq!(sum, ITEMS * (ITEMS + 1) / 2);
}

/// One step of a single-threaded scheduler that decides every interleaving itself.
#[derive(Clone, Copy, Debug)]
enum Step {
    TryPush,
    StartPush,
    PollPush(usize),
    DropPush(usize),
    StartRecv,
    PollRecv(usize),
    DropRecv(usize),
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

struct Task<'a, O> {
    future: Pin<Box<dyn Future<Output = O> + 'a>>,
    woken: Arc<Flag>,
    item: u32,
}

impl<'a, O> Task<'a, O> {
    fn new(item: u32, future: impl Future<Output = O> + 'a) -> Self {
        Self { future: Box::pin(future), woken: Arc::new(Flag(AtomicBool::new(true))), item }
    }

    fn poll(&mut self) -> Poll<O> {
        self.woken.0.store(false, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(&self.woken));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    fn is_woken(&self) -> bool {
        self.woken.0.load(Ordering::SeqCst)
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::TryPush),
        Just(Step::StartPush),
        (0_usize..4).prop_map(Step::PollPush),
        (0_usize..4).prop_map(Step::DropPush),
        Just(Step::StartRecv),
        (0_usize..4).prop_map(Step::PollRecv),
        (0_usize..4).prop_map(Step::DropRecv),
    ]
}

proptest! {
    /// After any interleaving: the queue is what a plain queue would be, and if there is something to read a
    /// reader that waits has been woken, and if there is room so has a writer.
    #[test]
    fn no_interleaving_loses_an_item_or_a_wake_up(capacity in 1_usize..4, steps in prop::collection::vec(step(), 0..120)) {
        let inbox = Inbox::new(capacity);
        let mut model = VecDeque::new();
        let mut pushes: Vec<Task<'_, ()>> = Vec::new();
        let mut recvs: Vec<Task<'_, u32>> = Vec::new();
        let mut next = 0;
        for step in steps {
            match step {
                Step::TryPush => {
                    next += 1;
                    let fits = model.len() < capacity;
                    prop_assert_eq!(inbox.try_push(next).is_ok(), fits);
                    if fits {
                        model.push_back(next);
                    }
                }
                Step::StartPush => {
                    next += 1;
                    pushes.push(Task::new(next, inbox.push(next)));
                }
                Step::StartRecv => recvs.push(Task::new(0, inbox.recv())),
                Step::PollPush(at) if at < pushes.len() => {
                    if pushes[at].poll().is_ready() {
                        model.push_back(pushes.remove(at).item);
                    }
                }
                Step::PollRecv(at) if at < recvs.len() => {
                    if let Poll::Ready(item) = recvs[at].poll() {
                        prop_assert_eq!(Some(item), model.pop_front());
                        drop(recvs.remove(at));
                    }
                }
                Step::DropPush(at) if at < pushes.len() => drop(pushes.remove(at)),
                Step::DropRecv(at) if at < recvs.len() => drop(recvs.remove(at)),
                Step::PollPush(_) | Step::DropPush(_) | Step::PollRecv(_) | Step::DropRecv(_) => {}
            }
            prop_assert_eq!(inbox.depth(), model.len());
            prop_assert!(model.is_empty() || recvs.is_empty() || recvs.iter().any(Task::is_woken), "readers asleep");
            prop_assert!(
                model.len() == capacity || pushes.is_empty() || pushes.iter().any(Task::is_woken),
                "writers asleep"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_can_wait_leaves_places_to_one_that_cannot() {
    let inbox = Inbox::new(8);
    let patient = tokio::spawn({
        let inbox = inbox.clone();
        async move {
            for item in 0..100 {
                inbox.push_leaving(4, item).await;
            }
        }
    });
    tokio::task::yield_now().await;
    assert_eq!(inbox.depth(), 4);
    for urgent in 1_000..1_004 {
        assert_eq!(inbox.try_push(urgent), Ok(()), "there was no room for who cannot wait");
    }
    let mut read = Vec::new();
    while read.len() < 104 {
        read.push(timeout(STUCK, inbox.recv()).await.unwrap());
    }
    patient.await.unwrap();
    read.retain(|&item| item < 1_000);
    assert_eq!(read, (0..100).collect::<Vec<_>>());
}
