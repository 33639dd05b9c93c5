//! The port to a voter: one question, one answer, within a limit.
//!
//! Promises that [`Voter::ask`] ends within its timeout whatever the server does, that it sends a question at most
//! once (a script that the server had lost is loaded and asked again), and that everything but a well-formed answer is
//! [`Answer::Silent`], with a [`Trouble`] that says why. Knows `core`, `clock` and `files`, decides nothing, keeps nothing
//! global but the authorities of the operating system, for a while: a [`Voter`] is one configured server, shared by all
//! elections of a process.

mod flaws;
mod inspection;
mod naming;
mod redis;
mod secret;
mod settings;
mod tls;
mod transport;
mod trouble;
mod upkeep;
mod url;
mod wire;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use self::redis::{Link, Login};
use self::settings::Passwords;
use self::transport::Way;
use crate::clock;
use crate::core::{Answer, Moment, Question, Released};

pub use self::flaws::Flaws;
pub use self::inspection::Inspection;
pub use self::naming::{Unfit, check_election, check_key_prefix, check_text_for_people, check_voter};
pub use self::secret::{MASK, Secret};
pub use self::settings::{
    Address, Credentials, Endpoint, PasswordSource, TlsIdentity, TlsSettings, VoterSettings,
};
pub use self::trouble::{Trouble, TroubleKind};
pub use self::upkeep::{Removal, Stamp, Survey, SurveyedKey, SurveyedRecord};
pub use self::url::UrlError;

/// What all questions of one election to one voter share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    election: Arc<str>,
    voter: Arc<str>,
    electorate: String,
    record: String,
    lease: String,
    hint: String,
}

/// What a voter said, or why it said nothing.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Yes, no, or silence.
    pub answer: Answer,
    /// Read right after the answer was read completely, or after the silence was settled.
    pub received: Moment,
    /// With an observation, what people are shown; with a *mismatch*, the electorate alone.
    pub details: Option<Details>,
    /// Why the answer is silence, *replica* or *mismatch*.
    pub trouble: Option<Trouble>,
}

/// What an observation tells people; no decision uses it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// JSON: identity, cluster and address of the holder; empty where nobody ever held the voter.
    pub who: String,
    /// The record's electorate; absent until the voter has joined for the first time.
    pub electorate: Option<String>,
    /// The record's format where it is not ours, in a *mismatch*.
    pub foreign_format: Option<String>,
    /// `maxmemory_policy`; empty where a candidate proposed, because reading it costs the server as much as the rest.
    pub eviction_policy: String,
    /// The server's version, as it says.
    pub server_version: String,
}

/// "Released." Wakes up, and lets a candidate guess what it would observe; decides nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Which election.
    pub election: Arc<str>,
    /// Which voter said so, by its configured name.
    pub voter: Arc<str>,
    /// What was released; `None` where the message is not one of ours.
    pub released: Option<Released>,
}

/// One configured server.
#[derive(Clone)]
pub struct Voter {
    shared: Arc<Shared>,
}

struct Shared {
    settings: VoterSettings,
    way: Way,
    /// Held for a few instructions at a time, never across a wait.
    state: Mutex<State>,
    /// Who is told of messages on which channel.
    listeners: Mutex<HashMap<String, Vec<Listener>>>,
    /// What the present connection lacks.
    flaws: Mutex<Flaws>,
    /// The last password that could be read.
    password: Mutex<Option<Secret>>,
}

/// What is told of a release, and to whom. Several candidates of one election may share a voter.
type Listener = (Hint, mpsc::Sender<Hint>);

/// The one connection, or the one attempt to have it.
enum State {
    Idle,
    Connecting(watch::Receiver<Outcome>),
    Connected(Arc<Link>),
}

/// `None` while the attempt goes on.
type Outcome = Option<Result<Arc<Link>, Trouble>>;

impl Scope {
    /// The keys and names of an election at one of its voters.
    ///
    /// `voters` are the names of all voters of the election, in any order; `voter` is this one's.
    #[must_use]
    pub fn new<'a>(
        key_prefix: &str,
        election: &str,
        voters: impl IntoIterator<Item = &'a str>,
        voter: &str,
    ) -> Self {
        let mut names: Vec<_> = voters.into_iter().collect();
        names.sort_unstable();
        // The braces are a hash tag: all keys of an election belong together.
        let key = |what| format!("{key_prefix}:{{{election}}}:{what}");
        Self {
            election: election.into(),
            voter: voter.into(),
            electorate: format!("{GENERATION} {}", names.join(",")),
            record: key("record"),
            lease: key("lease"),
            hint: key("hint"),
        }
    }

    /// The election's name.
    #[must_use]
    pub fn election(&self) -> &str {
        &self.election
    }

    /// What the record must say about the set of voters.
    #[must_use]
    pub fn electorate(&self) -> &str {
        &self.electorate
    }

    /// The key of the record.
    #[must_use]
    pub fn record_key(&self) -> &str {
        &self.record
    }

    /// The key that any Redlock client sees.
    #[must_use]
    pub fn lease_key(&self) -> &str {
        &self.lease
    }

    /// The channel on which a release is told.
    #[must_use]
    pub fn hint_channel(&self) -> &str {
        &self.hint
    }
}

/// Of the set of voters; always 1 until voters can be changed online.
const GENERATION: u32 = 1;

/// An attempt to connect may last as long as the question that began it, and as long again: so that a handshake of
/// several round trips that does not fit into one question is finished for the next one, and a server that came back
/// is not kept waiting behind an attempt that the outage has swallowed.
const ATTEMPT_PER_QUESTION: u32 = 2;

impl Voter {
    /// A voter that has not been spoken to yet.
    #[must_use]
    pub fn new(settings: VoterSettings) -> Self {
        Self {
            shared: Arc::new(Shared {
                settings,
                way: Way::default(),
                state: Mutex::new(State::Idle),
                listeners: Mutex::default(),
                flaws: Mutex::default(),
                password: Mutex::default(),
            }),
        }
    }

    /// The configured name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.settings.name
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.shared.settings.endpoint.address
    }

    /// Puts one question and waits for the answer, connecting included, for at most `timeout`. `who` is stored by a
    /// grant. Any number of questions may be under way; they share the connection, and the attempt to have one.
    ///
    /// Must be called inside a tokio runtime.
    pub async fn ask(&self, scope: &Scope, question: &Question, who: &str, timeout: Duration) -> Reply {
        let mut used = None;
        let asked = tokio::time::timeout(timeout, async {
            let link = used.insert(self.shared.link(timeout).await?);
            let fields = link.ask(scope, question, who).await?;
            let received = clock::now().at;
            let understood = wire::understand(scope, question.operation, &fields);
            // Whatever else this connection says may then belong to another question.
            Ok((understood.inspect_err(|_| link.set_broken())?, received))
        })
        .await
        .unwrap_or_else(|_| {
            // It may be stopped or cut off; a fresh connection finds out sooner than this one would.
            if let Some(link) = &used {
                link.set_broken();
            }
            Err(self.shared.way.doubt(Trouble::new(TroubleKind::Timeout)))
        });
        match asked {
            Ok((wire::Understood { answer, details, trouble }, received)) => {
                let server_version = used.map(|link| link.version().to_owned()).unwrap_or_default();
                let details = details.map(|details| Details { server_version, ..details });
                Reply { answer, received, details, trouble }
            }
            Err(trouble) => {
                // What a primary would have done, a replica refuses before the script can say what it is.
                let is_replica = matches!(trouble.kind, TroubleKind::ReadOnly | TroubleKind::Replica);
                let answer = if is_replica { Answer::Replica } else { Answer::Silent };
                Reply { answer, received: clock::now().at, details: None, trouble: Some(trouble) }
            }
        }
    }

    /// From now on tells `listener` whenever this voter says that the lease of the scope's election was released, on
    /// this connection and all later ones. Where the listener is full the hint is dropped, and the next poll makes up for it.
    pub fn listen(&self, scope: &Scope, listener: mpsc::Sender<Hint>) {
        let hint =
            Hint { election: Arc::clone(&scope.election), voter: Arc::clone(&scope.voter), released: None };
        {
            let mut listeners = lock(&self.shared.listeners);
            let of_this_scope = listeners.entry(scope.hint.clone()).or_default();
            of_this_scope.retain(|(_, listener)| !listener.is_closed());
            of_this_scope.push((hint, listener));
        }
        if let (Some(link), Ok(runtime)) = (self.shared.connected(), tokio::runtime::Handle::try_current()) {
            let (shared, channel) = (Arc::clone(&self.shared), scope.hint.clone());
            runtime.spawn(async move { shared.subscribe(&link, &[channel]).await });
        }
    }

    /// Tells this listener of this scope's releases no more; the last one to go ends the subscription.
    pub fn stop_listening(&self, scope: &Scope, listener: &mpsc::Sender<Hint>) {
        {
            let mut listeners = lock(&self.shared.listeners);
            let Some(of_this_scope) = listeners.get_mut(&scope.hint) else { return };
            of_this_scope.retain(|(_, other)| !other.same_channel(listener) && !other.is_closed());
            if !of_this_scope.is_empty() {
                return;
            }
            listeners.remove(&scope.hint);
        }
        if let (Some(link), Ok(runtime)) = (self.shared.connected(), tokio::runtime::Handle::try_current()) {
            let channel = scope.hint.clone();
            runtime.spawn(async move { link.unsubscribe(&channel).await });
        }
    }

    /// What is wrong although questions are answered.
    #[must_use]
    pub fn flaws(&self) -> Flaws {
        lock(&self.shared.flaws).clone()
    }
}

impl Shared {
    /// The connection: the one there is, or the outcome of the one attempt.
    async fn link(self: &Arc<Self>, timeout: Duration) -> Result<Arc<Link>, Trouble> {
        let mut attempt = {
            let mut state = lock(&self.state);
            match &*state {
                State::Connected(link) if !link.is_broken() => return Ok(Arc::clone(link)),
                // An attempt whose sender is gone died with its runtime.
                State::Connecting(attempt) if attempt.has_changed().is_ok() => attempt.clone(),
                _ => {
                    let attempt = self.start(timeout * ATTEMPT_PER_QUESTION);
                    *state = State::Connecting(attempt.clone());
                    attempt
                }
            }
        };
        match attempt.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or_else(|| Err(Trouble::new(TroubleKind::Timeout))),
            Err(_) => Err(Trouble::new(TroubleKind::Unreachable)),
        }
    }

    fn start(self: &Arc<Self>, limit: Duration) -> watch::Receiver<Outcome> {
        let (tell, attempt) = watch::channel(None);
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            let outcome = tokio::time::timeout(limit, shared.connect())
                .await
                .unwrap_or_else(|_| Err(Trouble::new(TroubleKind::Timeout)))
                .inspect(|_| shared.way.is_good())
                .map_err(|trouble| shared.way.doubt(trouble));
            *lock(&shared.state) = match &outcome {
                Ok(link) => State::Connected(Arc::clone(link)),
                Err(_) => State::Idle,
            };
            let link = outcome.as_ref().ok().cloned();
            // Nobody may be waiting any more.
            let _ = tell.send(Some(outcome));
            if let Some(link) = link {
                // After the state was set, so that no listener who comes now falls between the two.
                let channels: Vec<_> = lock(&shared.listeners).keys().cloned().collect();
                shared.subscribe(&link, &channels).await;
            }
        });
        attempt
    }

    async fn connect(self: &Arc<Self>) -> Result<Arc<Link>, Trouble> {
        let VoterSettings { name: _, endpoint, credentials } = &self.settings;
        let last = lock(&self.password).clone();
        let Passwords { current, previous, unreadable } = credentials.passwords(last).await?;
        lock(&self.password).clone_from(&current);
        lock(&self.flaws).password = unreadable;
        let mut passwords = current.into_iter().chain(previous);
        let mut password = passwords.next();
        loop {
            let stream = transport::dial(&endpoint.address, &self.way).await?;
            let username = credentials.username.as_deref();
            let login = Login { username, password: password.as_ref(), database: endpoint.database };
            match Link::open(stream, login, self.teller()).await {
                Err(trouble) if trouble.kind == TroubleKind::WrongPass => match passwords.next() {
                    Some(previous) => password = Some(previous),
                    None => return Err(trouble),
                },
                other => return other.map(Arc::new),
            }
        }
    }

    /// Passes hints on; a connection does not keep its voter alive.
    fn teller(self: &Arc<Self>) -> impl Fn(&[u8], &[u8]) + Send + Sync + 'static {
        let shared: Weak<Self> = Arc::downgrade(self);
        move |channel, message| {
            let Some(shared) = shared.upgrade() else { return };
            let listeners = lock(&shared.listeners);
            let of_it = std::str::from_utf8(channel).ok().and_then(|channel| listeners.get(channel));
            for (hint, listener) in of_it.into_iter().flatten() {
                // Full: it will wake up anyway. Closed: the election is over.
                let released = std::str::from_utf8(message).ok().and_then(|message| message.parse().ok());
                let _ = listener.try_send(Hint { released, ..hint.clone() });
            }
        }
    }

    async fn subscribe(&self, link: &Link, channels: &[String]) {
        if !channels.is_empty() {
            let outcome = link.subscribe(channels).await;
            lock(&self.flaws).hints = outcome.err();
        }
    }

    fn connected(&self) -> Option<Arc<Link>> {
        match &*lock(&self.state) {
            State::Connected(link) if !link.is_broken() => Some(Arc::clone(link)),
            _ => None,
        }
    }
}

/// A panic elsewhere leaves these values whole: they are replaced, never edited in steps.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
