#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use tokio::sync::mpsc;

use super::*;

/// Closes when it is told so by the other end.
struct Slow {
    name: &'static str,
    told: Arc<Mutex<Vec<String>>>,
    done: Option<oneshot::Receiver<()>>,
}

impl Gate for Slow {
    fn open(&mut self, term: Term) {
        self.told.lock().unwrap().push(format!("{} opens {term}", self.name));
    }

    fn close(&mut self, reason: EndReason) -> Pending<()> {
        self.told.lock().unwrap().push(format!("{} closes {reason:?}", self.name));
        Box::pin(closed(self.done.take().unwrap()))
    }
}

fn is_ready(pending: &mut Pending<()>) -> bool {
    pending.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

#[test]
fn all_gates_begin_to_close_at_once_and_each_is_waited_for() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let (ends, gates): (Vec<_>, Vec<Box<dyn Gate>>) = ["a", "b"]
        .into_iter()
        .map(|name| {
            let (end, done) = oneshot::channel();
            (end, Box::new(Slow { name, told: Arc::clone(&told), done: Some(done) }) as Box<dyn Gate>)
        })
        .unzip();
    let mut work = Gates(gates);
    work.start(7);
    let mut stopping = work.stop(EndReason::Lost);
    assert_eq!(*told.lock().unwrap(), ["a opens 7", "b opens 7", "a closes Lost", "b closes Lost"]);
    for end in ends.into_iter().rev() {
        assert!(!is_ready(&mut stopping));
        end.send(()).unwrap();
    }
    assert!(is_ready(&mut stopping));
}

#[test]
fn without_gates_there_is_nothing_to_wait_for() {
    let mut work = Gates(Vec::new());
    work.start(7);
    assert!(is_ready(&mut work.stop(EndReason::Resigned)));
}

#[test]
fn a_gate_whose_thread_is_gone_has_proven_nothing() {
    let (orders, receiver) = mpsc::channel(ORDERS_WAITING);
    let mut remote = Remote(orders);
    drop(receiver);
    assert!(!is_ready(&mut remote.close(EndReason::Resigned)));
    let (orders, mut receiver) = mpsc::channel(ORDERS_WAITING);
    let mut stopping = Remote(orders).close(EndReason::Resigned);
    drop(receiver.try_recv().unwrap());
    assert!(!is_ready(&mut stopping), "dropped is not done");
}
