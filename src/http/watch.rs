//! `/watch`: what is so now, then everything that changes, as server-sent events.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, broadcast, mpsc};
use tokio_util::sync::CancellationToken;

use super::Endpoints;
use super::answers::say;
use super::server::Connection;
use crate::clock;
use crate::election::{Alarm, Leadership, News};

/// How many events may wait for a slow watcher before it is cut off: it is told wrong things by then.
const EVENTS_WAITING: usize = 16;
/// A comment now and then lets both sides notice that the other is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(super) async fn watch(
    State(endpoints): State<Endpoints>,
    Extension(connection): Extension<Arc<Connection>>,
) -> Response {
    let Ok(place) = endpoints.watchers.try_acquire_owned() else {
        return say(StatusCode::SERVICE_UNAVAILABLE, "too many are watching; try again later".to_owned());
    };
    let (current, news) = endpoints.leadership.watch(clock::now().at);
    let (sender, receiver) = mpsc::channel(EVENTS_WAITING);
    tokio::spawn(forward(current, news, sender, connection.end.clone(), endpoints.closing, place));
    let events = stream::unfold(receiver, async |mut receiver| {
        let news = receiver.recv().await?;
        Some((Ok::<_, Infallible>(event(&news)), receiver))
    });
    let answer = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    ([(CACHE_CONTROL, "no-store")], answer).into_response()
}

/// Hands news on until the watcher leaves, falls behind or the server closes; ends its connection if it fell behind.
async fn forward(
    current: News,
    mut news: broadcast::Receiver<News>,
    watcher: mpsc::Sender<News>,
    cut_off: CancellationToken,
    closing: CancellationToken,
    _place: OwnedSemaphorePermit,
) {
    let mut next = Some(current);
    loop {
        if let Some(news) = next.take()
            && let Err(mpsc::error::TrySendError::Full(_)) = watcher.try_send(news)
        {
            return cut_off.cancel();
        }
        tokio::select! {
            biased;
            told = news.recv() => match told {
                Ok(told) => next = Some(told),
                Err(broadcast::error::RecvError::Lagged(_)) => return cut_off.cancel(),
                Err(broadcast::error::RecvError::Closed) => return,
            },
            () = watcher.closed() => return,
            () = closing.cancelled() => return,
        }
    }
}

fn event(news: &News) -> Event {
    let data = serde_json::to_string(news).unwrap_or_default();
    Event::default().event(news.kind.word()).id(news.id.to_string()).data(data)
}

/// Tells watchers what time alone changes, even where the election's own task does not run. Ends only in error.
///
/// # Errors
///
/// The kernel refuses a timer.
pub(super) fn notices(leadership: Leadership) -> io::Result<impl Future<Output = io::Result<()>>> {
    let mut alarm = Alarm::new()?;
    Ok(async move {
        let mut moves = leadership.moves();
        loop {
            let now = clock::now();
            leadership.notice(now);
            match leadership.next_notice() {
                Some(instant) => tokio::select! {
                    rung = alarm.wait(instant, now.at) => rung?,
                    _ = moves.changed() => {}
                },
                None => drop(moves.changed().await),
            }
        }
    })
}
