#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::*;
use crate::core::{EndReason, Moment, Now};
use crate::election::{About, AttemptResult, Fact, Margins, Succession, TroubleKind};

const DOCUMENT: &str = include_str!("../../docs/metrics.md");

fn leadership() -> Leadership {
    let about = About {
        election: "orders".to_owned(),
        identity: "x".to_owned(),
        cluster: None,
        namespace: None,
        node: None,
        address: None,
        voters: ["a", "b", "c"].map(str::to_owned).to_vec(),
        ttl: Duration::from_secs(10),
        margins: Margins { stop_grace: Duration::from_secs(3), fence_margin: Duration::from_millis(500) },
    };
    Leadership::new(about, clock::now())
}

/// Each family's type, and the values of each of its closed labels.
fn exposed(text: &str) -> BTreeMap<String, (String, BTreeMap<String, BTreeSet<String>>)> {
    let mut families = BTreeMap::new();
    for line in text.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            families.insert(name.to_owned(), (kind.to_owned(), BTreeMap::new()));
        } else if let Some((name, rest)) = line.split_once('{') {
            let labels = rest.split_once('}').unwrap().0;
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
            let family = family.filter(|family| families.contains_key(*family)).unwrap_or(name);
            let (_, values) = families.get_mut(family).unwrap();
            for (label, value) in labels.split(',').filter_map(|label| label.split_once('=')) {
                let is_closed = !["election", "voter", "le", "version"].contains(&label);
                let value = value.trim_matches('"').to_owned();
                values
                    .entry(label.to_owned())
                    .or_insert_with(BTreeSet::new)
                    .extend(is_closed.then_some(value));
            }
        }
    }
    for (_, labels) in families.values_mut() {
        labels.remove("le");
    }
    families
}

/// The same, from the table of the document: `| name | type | label: value value; label | says |`.
fn documented() -> BTreeMap<String, (String, BTreeMap<String, BTreeSet<String>>)> {
    let rows = DOCUMENT.lines().filter(|line| line.starts_with("| `quorate_"));
    rows.map(|row| {
        let cells: Vec<_> = row.split('|').map(|cell| cell.trim().replace('`', "")).collect();
        let labels = cells[3].split(';').map(str::trim).filter(|label| !label.is_empty());
        let labels = labels.map(|label| {
            let (name, values) = label.split_once(':').unwrap_or((label, ""));
            (name.to_owned(), values.split_whitespace().map(str::to_owned).collect())
        });
        (cells[1].clone(), (cells[2].clone(), labels.collect()))
    })
    .collect()
}

#[test]
fn the_document_lists_exactly_what_a_standby_exports_from_the_start() {
    let metrics = Metrics::new().unwrap();
    let _series = metrics.election(leadership()).unwrap();
    assert_eq!(exposed(&metrics.render().unwrap()), documented());
}

#[test]
fn every_series_but_the_facts_of_configuration_begins_at_zero() {
    let metrics = Metrics::new().unwrap();
    let _series = metrics.election(leadership()).unwrap();
    let text = metrics.render().unwrap();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let is_fact = ["quorate_ttl_seconds", "quorate_voters{", "quorate_quorum", "quorate_build_info"]
            .iter()
            .any(|fact| line.starts_with(fact));
        assert!(is_fact || line.ends_with(" 0"), "{line}");
    }
}

#[test]
fn facts_are_counted_under_their_own_label() {
    let metrics = Metrics::new().unwrap();
    let series = metrics.election(leadership()).unwrap();
    series.note(Fact::Attempt(AttemptResult::Won));
    series.note(Fact::Elected(Succession::Expired));
    series.note(Fact::Ended(EndReason::ClockStood));
    series.note(Fact::Trouble { voter: 1, kind: TroubleKind::Timeout });
    series.note(Fact::Renewed { took: Duration::from_millis(1), headroom: 0.79 });
    let text = metrics.render().unwrap();
    for line in [
        r#"quorate_elections_total{election="orders",result="won"} 1"#,
        r#"quorate_transitions_total{election="orders",reason="elected_expired"} 1"#,
        r#"quorate_transitions_total{election="orders",reason="clock_stood"} 1"#,
        r#"quorate_clock_trips_total{election="orders",kind="stood"} 1"#,
        r#"quorate_voter_errors_total{election="orders",kind="timeout",voter="b"} 1"#,
        r#"quorate_renew_headroom_ratio_bucket{election="orders",le="0.75"} 0"#,
        r#"quorate_renew_headroom_ratio_bucket{election="orders",le="0.8"} 1"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
    }
}

#[test]
fn a_leader_whose_validity_ended_is_no_leader_at_the_scrape_even_if_nobody_said_so() {
    let metrics = Metrics::new().unwrap();
    let leadership = leadership();
    let _series = metrics.election(leadership.clone()).unwrap();
    let now = clock::now();
    leadership.elected(now, 7, now.at.plus(Duration::from_secs(5)), Succession::Vacant);
    let has = |line: &str| metrics.render().unwrap().lines().any(|found| found == line);
    assert!(has(r#"quorate_is_leader{election="orders"} 1"#));
    assert!(has(r#"quorate_term{election="orders"} 7"#));
    let past = Now { at: Moment::from_nanos(1, 1), wall_us: now.wall_us };
    leadership.extended(past, past.at);
    assert!(has(r#"quorate_is_leader{election="orders"} 0"#));
    assert!(has(r#"quorate_leader_tenure_seconds{election="orders"} 0"#));
    assert!(has(r#"quorate_validity_remaining_seconds{election="orders"} 0"#));
    assert!(has(r#"quorate_term{election="orders"} 0"#));
}
