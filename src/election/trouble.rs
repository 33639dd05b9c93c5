//! stand-in
use std::fmt;
/// x
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TroubleKind {
    /// x
    Timeout,
    /// x
    Refused,
}
impl TroubleKind {
    /// x
    pub const ALL: [Self; 2] = [Self::Timeout, Self::Refused];
    /// x
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Refused => "refused",
        }
    }
}
/// x
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// x
    pub kind: TroubleKind,
}
impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.label())
    }
}
