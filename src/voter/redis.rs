//! One warmed connection to a server; the only file that knows the redis crate.
//!
//! Assumes an open stream and a caller that bounds every wait: no timeout of the crate's own is left, it never
//! connects again and never repeats a command. Scripts go by `EVALSHA`; where the server has lost them they are loaded
//! and the question is put once more, within the same call.

mod upkeep;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, ProtocolVersion, PushInfo, PushKind, RedisConnectionInfo,
    RedisError, Script, ServerErrorKind, Value, cmd,
};
use tokio::task::AbortHandle;

use super::secret::Secret;
use super::transport::Stream;
use super::trouble::{Trouble, TroubleKind};
use super::{Scope, wire};
use crate::core::{Operation, Question};

pub(super) use self::upkeep::Upkeep;

/// Questions to one voter under way at a time; more wait for their turn within their own timeout. A leader with the
/// shortest intervals has two or three per election.
pub(super) const QUESTIONS_IN_FLIGHT: usize = 256;

/// The first version that knows `#!lua` headers.
const FIRST_WITH_FLAGS: u32 = 7;

macro_rules! script {
    ($header:literal, $file:literal) => {
        Script::new(concat!($header, include_str!("prelude.lua"), include_str!($file)))
    };
}

macro_rules! scripts {
    ($header:literal) => {
        LazyLock::new(|| {
            [
                script!($header, "observe.lua"),
                script!($header, "grant.lua"),
                script!($header, "confirm.lua"),
                script!($header, "release.lua"),
                script!($header, "join.lua"),
            ]
        })
    };
}

/// In the order of [`position`]. Without the flag a server of version 7 whose memory is full would not vote; 6.2 knows
/// no flags.
static SCRIPTS_WITH_FLAGS: LazyLock<[Script; 5]> = scripts!("#!lua flags=allow-oom\n");
static SCRIPTS_PLAIN: LazyLock<[Script; 5]> = scripts!("");

const fn position(operation: Operation) -> usize {
    match operation {
        Operation::Observe { .. } => 0,
        Operation::Grant { .. } => 1,
        Operation::Confirm { .. } => 2,
        Operation::Release { .. } => 3,
        Operation::Join { .. } => 4,
    }
}

/// Who logs in.
pub(super) struct Login<'a> {
    pub(super) username: Option<&'a str>,
    pub(super) password: Option<&'a Secret>,
    pub(super) database: u32,
}

/// A connection that is ready for questions. Ends, with everything under way on it, when dropped.
pub(super) struct Link {
    connection: MultiplexedConnection,
    driver: AbortHandle,
    scripts: &'static [Script; 5],
    /// It knows `#!lua` headers.
    has_flags: bool,
    version: String,
    /// Set from the connection's own task, too, as soon as the server closes it.
    is_broken: Arc<AtomicBool>,
}

impl Link {
    /// Logs in, refuses what is no standalone server, and loads the scripts. `hear` is given the channel and the
    /// text of every message on a subscribed one, and must not block.
    ///
    /// # Errors
    ///
    /// Why this server cannot be asked.
    pub(super) async fn open(
        stream: Stream,
        login: Login<'_>,
        hear: impl Fn(&[u8], &[u8]) + Send + Sync + 'static,
    ) -> Result<Self, Trouble> {
        let is_broken = Arc::new(AtomicBool::new(false));
        let has_ended = Arc::clone(&is_broken);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_pipeline_buffer_size(QUESTIONS_IN_FLIGHT)
            .set_push_sender(move |push: PushInfo| {
                match (push.kind, push.data.as_slice()) {
                    (PushKind::Disconnection, _) => has_ended.store(true, Ordering::Relaxed),
                    (PushKind::Message, [Value::BulkString(channel), Value::BulkString(message)]) => {
                        hear(channel, message);
                    }
                    _ => {}
                }
                Ok::<(), ()>(())
            });
        let (connection, driver) = MultiplexedConnection::new_with_config(&info(&login), stream, config)
            .await
            .map_err(|error| trouble_of(&error))?;
        let driver = tokio::spawn(driver).abort_handle();
        let mut link = Self {
            connection,
            driver,
            scripts: &SCRIPTS_PLAIN,
            has_flags: false,
            version: String::new(),
            is_broken,
        };
        link.get_ready(login.database).await?;
        Ok(link)
    }

    async fn get_ready(&mut self, database: u32) -> Result<(), Trouble> {
        // The crate's own HELLO logged in and kept the answer to itself.
        let hello = self.call(cmd("HELLO").arg(3)).await?;
        let fact = |name| fact(&hello, name).unwrap_or_default();
        let mode = fact("mode");
        if mode != "standalone" {
            return Err(Trouble::with(TroubleKind::Cluster, format!("mode {mode:?}")));
        }
        fact("version").clone_into(&mut self.version);
        let major = self.version.split('.').next().and_then(|digits| digits.parse::<u32>().ok());
        self.has_flags = major.is_some_and(|major| major >= FIRST_WITH_FLAGS);
        if self.has_flags {
            self.scripts = &SCRIPTS_WITH_FLAGS;
        }
        if database != 0 {
            self.call(cmd("SELECT").arg(database)).await?;
        }
        for script in self.scripts {
            self.load(script).await?;
        }
        Ok(())
    }

    /// Puts a question; the fields of the script's answer.
    ///
    /// # Errors
    ///
    /// Why there is no answer. Whether the server acted on the question is then unknown.
    pub(super) async fn ask(
        &self,
        scope: &Scope,
        question: &Question,
        who: &str,
    ) -> Result<Vec<String>, Trouble> {
        let script = &self.scripts[position(question.operation)];
        let mut command = Cmd::with_capacity(24, 1024);
        command.arg("EVALSHA").arg(script.get_hash()).arg(2).arg(&scope.record).arg(&scope.lease);
        wire::arguments(scope, question, who, |text| {
            command.arg(text);
        });
        self.fields(self.evaluate(script, &command).await?)
    }

    /// Sends an `EVALSHA`; where the server has lost the script, loads it and sends it once more.
    async fn evaluate(&self, script: &Script, command: &Cmd) -> Result<Value, Trouble> {
        let reply = self.send(command).await?;
        if matches!(&reply, Value::ServerError(error) if error.kind() == Some(ServerErrorKind::NoScript)) {
            self.load(script).await?;
            return self.send(command).await;
        }
        Ok(reply)
    }

    /// Wants to be told of messages on these channels.
    ///
    /// # Errors
    ///
    /// Why they will not be heard.
    pub(super) async fn subscribe(&self, channels: &[String]) -> Result<(), Trouble> {
        self.connection
            .clone()
            .subscribe(channels)
            .await
            .map_err(|error| self.noted(trouble_of(&error), &error))
    }

    /// Wants no more of this channel.
    pub(super) async fn unsubscribe(&self, channel: &str) -> Result<(), Trouble> {
        self.connection
            .clone()
            .unsubscribe(channel)
            .await
            .map_err(|error| self.noted(trouble_of(&error), &error))
    }

    /// The server's version, as it says.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// No further question should be put here.
    pub(super) fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Relaxed)
    }

    /// See [`Self::is_broken`].
    pub(super) fn set_broken(&self) {
        self.is_broken.store(true, Ordering::Relaxed);
    }

    async fn load(&self, script: &Script) -> Result<(), Trouble> {
        // The crate keeps the script's text to itself, so it sends the command.
        let loaded = script.load_async(&mut self.connection.clone()).await;
        loaded.map(drop).map_err(|error| self.noted(trouble_of(&error), &error))
    }

    async fn call(&self, command: &Cmd) -> Result<Value, Trouble> {
        match self.send(command).await? {
            Value::ServerError(error) => Err(self.refused(error.code(), error.details())),
            value => Ok(value),
        }
    }

    async fn send(&self, command: &Cmd) -> Result<Value, Trouble> {
        let reply = self.connection.clone().send_packed_command(command).await;
        reply.map_err(|error| self.noted(trouble_of(&error), &error))
    }

    fn fields(&self, reply: Value) -> Result<Vec<String>, Trouble> {
        let malformed = |()| {
            self.set_broken();
            Trouble::new(TroubleKind::Malformed)
        };
        match reply {
            Value::ServerError(error) => Err(self.refused(error.code(), error.details())),
            Value::Array(values) => {
                values.into_iter().map(text).collect::<Option<_>>().ok_or(()).map_err(malformed)
            }
            _ => Err(malformed(())),
        }
    }

    /// Of a server that wants another login, or lets us in no more, the connection is worth nothing.
    fn refused(&self, code: &str, details: Option<&str>) -> Trouble {
        let trouble = Trouble::of_server(code, details.unwrap_or_default());
        if matches!(trouble.kind, TroubleKind::NoAuth | TroubleKind::WrongPass | TroubleKind::MaxClients) {
            self.set_broken();
        }
        trouble
    }

    fn noted(&self, trouble: Trouble, error: &RedisError) -> Trouble {
        if error.code().is_none() {
            self.set_broken();
        }
        trouble
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // The crate would keep the socket for as long as answers are outstanding, which may be for ever.
        self.driver.abort();
    }
}

/// `SELECT` is sent by ourselves, because the crate drops the reason of a refusal; `CLIENT SETINFO` is not sent,
/// because naming it makes an ACL line unreadable for 7.0.
fn info(login: &Login<'_>) -> RedisConnectionInfo {
    let mut info =
        RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name();
    if let Some(username) = login.username {
        info = info.set_username(username);
    }
    if let Some(password) = login.password {
        info = info.set_password(password.expose());
    }
    info
}

type Shared = Arc<dyn std::error::Error + Send + Sync>;

fn trouble_of(error: &RedisError) -> Trouble {
    if let Some(code) = error.code() {
        return Trouble::of_server(code, error.detail().unwrap_or_default());
    }
    match error.kind() {
        ErrorKind::Parse => Trouble::new(TroubleKind::Garbage),
        ErrorKind::RESP3NotSupported => {
            Trouble::with(TroubleKind::Other, "too old: needs Redis 6.2 or later")
        }
        ErrorKind::Io => {
            // The crate keeps the error of the stream in an `Arc`.
            let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<Shared>());
            let stream = source.and_then(|source| source.downcast_ref());
            stream.map_or_else(|| Trouble::new(TroubleKind::Unreachable), Trouble::of_stream)
        }
        _ => Trouble::with(TroubleKind::Other, error.category()),
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes).ok(),
        _ => None,
    }
}

fn fact<'a>(hello: &'a Value, name: &str) -> Option<&'a str> {
    let Value::Map(facts) = hello else { return None };
    facts.iter().find_map(|(key, value)| match (key, value) {
        (Value::BulkString(key), Value::BulkString(value)) if key == name.as_bytes() => {
            std::str::from_utf8(value).ok()
        }
        _ => None,
    })
}
