//! A resource that compares terms, and whoever stands beside it: it never takes a smaller term after a larger one, and
//! never has to refuse who leads.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use crate::common::candidate::boot;

/// Something that a candidate does because it was said to lead.
#[derive(Clone, Debug)]
pub struct Act {
    pub identity: String,
    pub term: u64,
    /// When the question was sent whose answer allowed it.
    pub asked: Duration,
}

#[derive(Debug)]
struct Claim {
    identity: String,
    since: Duration,
}

#[derive(Debug, Default)]
struct Taken {
    /// By term: who claimed it, and when.
    claims: BTreeMap<u64, Claim>,
    acts: usize,
    refused: usize,
}

/// Shared by all who act.
#[derive(Debug, Default)]
pub struct Resource(Mutex<Taken>);

impl Resource {
    /// An act arrives.
    ///
    /// It is refused where a larger term was claimed. That is right, if it came late: whoever was asked when the larger
    /// term had been claimed already must not have said that it leads.
    pub fn take(&self, act: &Act) {
        let mut taken = self.0.lock().unwrap();
        let larger = taken.claims.range(act.term + 1..).map(|(term, claim)| (*term, claim.since));
        if let Some((term, since)) = larger.min_by_key(|(_, since)| *since) {
            assert!(act.asked <= since, "{act:?} was allowed after term {term} had been claimed");
            taken.refused += 1;
            return;
        }
        taken.acts += 1;
        let first = || Claim { identity: act.identity.clone(), since: boot() };
        let claim = taken.claims.entry(act.term).or_insert_with(first);
        assert_eq!(claim.identity, act.identity, "two leaders of term {}", act.term);
    }

    /// How many acts were taken, and how many refused.
    pub fn counts(&self) -> (usize, usize) {
        let taken = self.0.lock().unwrap();
        (taken.acts, taken.refused)
    }
}

#[test]
fn who_leads_is_not_refused_and_what_comes_late_is() {
    let act = |identity: &str, term, asked| Act { identity: identity.to_owned(), term, asked };
    let after = |before: &[Act], last: &Act| {
        let resource = Resource::default();
        for act in before {
            resource.take(act);
        }
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| resource.take(last))).ok()?;
        Some(resource.counts())
    };
    let (early, later) = (boot(), boot() + Duration::from_secs(9));
    let [first, second] = [act("a", 1, early), act("b", 2, early)];
    assert_eq!(after(&[first.clone(), second.clone()], &first), Some((2, 1)), "a late act");
    assert_eq!(after(&[second], &act("a", 1, later)), None, "one that led beside a newer leader");
    assert_eq!(after(&[first], &act("b", 1, early)), None, "a term that came twice");
}
