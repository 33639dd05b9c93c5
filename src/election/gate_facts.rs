//! What gates that write somewhere else may tell whoever counts: which gate, and what was in its way.

/// A gate that writes to the API server of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateName {
    /// The label of the own pod.
    PodLabel,
    /// The endpoints of a Service without selector.
    EndpointSlice,
    /// What a rollout asks before it deletes a pod.
    PodDeletionCost,
    /// Events about the own pod.
    Events,
    /// The Lease that shows who leads.
    LeaseMirror,
}

impl GateName {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::PodLabel, Self::EndpointSlice, Self::PodDeletionCost, Self::Events, Self::LeaseMirror];

    /// The word for it in logs and labels.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::PodLabel => "pod_label",
            Self::EndpointSlice => "endpoint_slice",
            Self::PodDeletionCost => "pod_deletion_cost",
            Self::Events => "events",
            Self::LeaseMirror => "lease_mirror",
        }
    }
}

/// Why what a gate wants is not so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateTrouble {
    /// No answer within our limit.
    Timeout,
    /// No connection, or none that may be trusted.
    Unreachable,
    /// Our own credentials cannot be read.
    Credentials,
    /// 401.
    Unauthorized,
    /// 403.
    Forbidden,
    /// Something that must be there is not.
    Missing,
    /// Somebody else wrote in between, again and again.
    Conflict,
    /// 429.
    Throttled,
    /// Refused for what it says.
    Rejected,
    /// 5xx.
    Server,
    /// No answer of an API server.
    Garbage,
    /// A newer term has written there.
    Outdated,
    /// It belongs to somebody else.
    Foreign,
    /// There was too much to be told.
    Dropped,
}

impl GateTrouble {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Timeout,
        Self::Unreachable,
        Self::Credentials,
        Self::Unauthorized,
        Self::Forbidden,
        Self::Missing,
        Self::Conflict,
        Self::Throttled,
        Self::Rejected,
        Self::Server,
        Self::Garbage,
        Self::Outdated,
        Self::Foreign,
        Self::Dropped,
    ];

    /// The word for it in logs and labels.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Credentials => "credentials",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::Missing => "missing",
            Self::Conflict => "conflict",
            Self::Throttled => "throttled",
            Self::Rejected => "rejected",
            Self::Server => "server",
            Self::Garbage => "garbage",
            Self::Outdated => "outdated",
            Self::Foreign => "foreign",
            Self::Dropped => "dropped",
        }
    }
}
