//! Scripts and commands beside the election, over the same connection.

use std::sync::LazyLock;

use redis::{Script, Value, cmd};

use super::Link;
use crate::voter::trouble::{Trouble, TroubleKind};

/// Which script of upkeep.
#[derive(Clone, Copy, Debug)]
pub(in crate::voter) enum Upkeep {
    Survey,
    Remove,
    Probe,
}

macro_rules! scripts {
    ($header:literal) => {
        LazyLock::new(|| {
            [
                Script::new(concat!($header, include_str!("../upkeep.lua"), include_str!("../survey.lua"))),
                Script::new(concat!($header, include_str!("../upkeep.lua"), include_str!("../remove.lua"))),
                Script::new(concat!($header, include_str!("../probe.lua"))),
            ]
        })
    };
}

/// In the order of [`Upkeep`]. The flag, as for the operations: a full server must answer here as it does there.
static SCRIPTS_WITH_FLAGS: LazyLock<[Script; 3]> = scripts!("#!lua flags=allow-oom\n");
static SCRIPTS_PLAIN: LazyLock<[Script; 3]> = scripts!("");

impl Link {
    /// Runs a script of upkeep; the fields of its answer.
    ///
    /// # Errors
    ///
    /// Why there is no answer. Whether the server acted is then unknown.
    pub(in crate::voter) async fn keep_up(
        &self,
        upkeep: Upkeep,
        keys: [&str; 2],
        arguments: &[&str],
    ) -> Result<Vec<String>, Trouble> {
        let scripts = if self.has_flags { &SCRIPTS_WITH_FLAGS } else { &SCRIPTS_PLAIN };
        let script = match upkeep {
            Upkeep::Survey => &scripts[0],
            Upkeep::Remove => &scripts[1],
            Upkeep::Probe => &scripts[2],
        };
        let mut command = cmd("EVALSHA");
        command.arg(script.get_hash()).arg(keys.len()).arg(&keys).arg(arguments);
        match self.evaluate(script, &command).await? {
            Value::ServerError(error) => Err(self.refused(error.code(), error.details())),
            // Whatever somebody wrote into a record, it must be possible to show and to remove it.
            Value::Array(values) => values.into_iter().map(lossy).collect(),
            _ => Err(Trouble::new(TroubleKind::Malformed)),
        }
    }

    /// What the server tells about itself.
    ///
    /// # Errors
    ///
    /// Why it does not.
    pub(in crate::voter) async fn info(&self) -> Result<String, Trouble> {
        match self.call(&cmd("INFO")).await? {
            Value::VerbatimString { text, .. } => Ok(text),
            value => lossy(value),
        }
    }

    /// How many connections listen on this channel.
    ///
    /// # Errors
    ///
    /// Why the server does not say; a user needs `pubsub|numsub` for it, which nothing else does.
    pub(in crate::voter) async fn listeners(&self, channel: &str) -> Result<u64, Trouble> {
        let counted = self.call(cmd("PUBSUB").arg("NUMSUB").arg(channel)).await?;
        let count = match counted {
            Value::Array(pair) => match pair.as_slice() {
                [_, Value::Int(count)] => u64::try_from(*count).ok(),
                _ => None,
            },
            Value::Map(pairs) => match pairs.as_slice() {
                [(_, Value::Int(count))] => u64::try_from(*count).ok(),
                _ => None,
            },
            _ => None,
        };
        count.ok_or_else(|| Trouble::new(TroubleKind::Malformed))
    }
}

fn lossy(value: Value) -> Result<String, Trouble> {
    match value {
        Value::BulkString(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        _ => Err(Trouble::new(TroubleKind::Malformed)),
    }
}
