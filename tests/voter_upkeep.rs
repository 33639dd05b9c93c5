//! What `quorate reset` and `quorate check` do at a voter, script by script.
#![expect(clippy::unwrap_used, reason = "a test ends where a value is not what it must be")]

mod common;

use common::{NAMES, PATIENT, RIGHTS, Rig, TTL, Version, WHO, settings, start};
use quorate::core::{Ballot, Operation};
use quorate::local::Memory;
use quorate::voter::{Inspection, Removal, Scope, Survey, SurveyedKey, TroubleKind, Voter};

impl Rig {
    async fn survey(&self) -> Survey {
        self.voter.survey(&self.scope, PATIENT).await.unwrap()
    }

    async fn remove(&self, survey: &Survey) -> Removal {
        self.voter.remove(&self.scope, survey.stamp(), PATIENT).await.unwrap()
    }

    fn exists(&self, key: &str) -> bool {
        self.redis(&["EXISTS", key]) == "1"
    }
}

on_every_server! {
    async fn a_survey_shows_a_record_whoever_wrote_it_and_changes_nothing(version) {
        let mut rig = Rig::joined(version).await;
        rig.taken_by(1).await;
        let before = rig.everything();
        rig.scope = Scope::new("quorate", "orders", ["x", "y", "z"], "y");
        let survey = rig.survey().await;
        let record = survey.record.as_ref().unwrap();
        assert_eq!((record.format.as_str(), record.electorate.as_str(), record.voter.as_str()), ("1", "1 a,b,c", "a"));
        assert_eq!((record.standing.as_str(), record.is_released, record.term), ("member", false, Some(101)));
        assert_eq!((record.ttl, record.who.as_str(), survey.key), (Some(TTL), WHO, SurveyedKey::Ours));
        assert_eq!(record.holder, Ballot(1).to_string());
        assert_eq!(rig.survey().await.stamp(), survey.stamp(), "nothing happened");
        assert_eq!(rig.everything(), before);
    }
}

on_every_server! {
    async fn only_what_was_surveyed_is_removed(version) {
        let mut rig = Rig::joined(version).await;
        rig.taken_by(1).await;
        let survey = rig.survey().await;
        rig.confirm(1, 101).await;
        let before = rig.everything();
        assert_eq!(rig.remove(&survey).await, Removal::Changed, "renewed since");
        assert_eq!(rig.everything(), before);
        let survey = rig.survey().await;
        rig.server.restart(Memory::Saved).unwrap();
        assert!(rig.exists(rig.scope.record_key()));
        let _broken = rig.voter.survey(&rig.scope, PATIENT).await;
        assert_eq!(rig.remove(&survey).await, Removal::Changed, "another life of the server");
        let survey = rig.survey().await;
        assert_eq!(rig.remove(&survey).await, Removal::Removed);
        assert_eq!(rig.redis(&["DBSIZE"]), "0", "record and lease key");
        assert!(rig.survey().await.is_clean());
        assert_eq!(rig.remove(&survey).await, Removal::Changed, "a late duplicate finds something else");
    }
}

on_every_server! {
    async fn a_foreign_lease_key_outlives_a_removal(version) {
        let rig = Rig::joined(version).await;
        let key = rig.scope.lease_key();
        rig.redis(&["SET", key, "redlock", "PX", "60000"]);
        let survey = rig.survey().await;
        assert_eq!(survey.key, SurveyedKey::Foreign);
        assert_eq!(rig.remove(&survey).await, Removal::Removed);
        assert_eq!((rig.exists(rig.scope.record_key()), rig.lease().as_str()), (false, "redlock"));
        assert!(rig.survey().await.is_clean());
        rig.redis(&["DEL", key]);
        rig.redis(&["RPUSH", key, "a list"]);
        assert_eq!(rig.survey().await.key, SurveyedKey::Foreign);
    }
}

on_every_server! {
    async fn a_replica_is_neither_surveyed_nor_robbed(version) {
        let primary = Rig::joined(version).await;
        let rig = Rig::joined(version).await;
        let survey = rig.survey().await;
        rig.server.replicate(Some(&primary.server)).unwrap();
        let trouble = rig.voter.survey(&rig.scope, PATIENT).await.unwrap_err();
        assert!(matches!(trouble.kind, TroubleKind::Replica | TroubleKind::ReadOnly), "{trouble}");
        let trouble = rig.voter.remove(&rig.scope, survey.stamp(), PATIENT).await.unwrap_err();
        assert!(matches!(trouble.kind, TroubleKind::Replica | TroubleKind::ReadOnly), "{trouble}");
        assert!(primary.exists(primary.scope.record_key()));
    }
}

on_every_server! {
    async fn what_somebody_wrote_by_hand_can_be_shown_and_removed(version) {
        let rig = Rig::new(version);
        rig.redis(&["HSET", rig.scope.record_key(), "term", "many", "electorate", "\u{1b}[2J", "ttl", "-1"]);
        let survey = rig.survey().await;
        let record = survey.record.as_ref().unwrap();
        assert_eq!((record.term, record.ttl, record.format.as_str()), (None, None, ""));
        assert_eq!(rig.remove(&survey).await, Removal::Removed);
        assert!(!rig.exists(rig.scope.record_key()));
    }
}

on_every_server! {
    async fn whoever_listens_to_hints_is_counted(version) {
        let rig = Rig::new(version);
        let (tell, _hints) = tokio::sync::mpsc::channel(1);
        assert_eq!(rig.voter.listeners(&rig.scope, PATIENT).await.unwrap(), 0);
        let other = Voter::new(settings(&rig.server.url()));
        other.listen(&Scope::new("quorate", "orders", NAMES, "a"), tell);
        let question = quorate::core::Question { operation: Operation::Observe { proposal: None }, high_water: None };
        other.ask(&rig.scope, &question, WHO, PATIENT).await;
        let mut count = 0;
        for _ in 0..200 {
            count = rig.voter.listeners(&rig.scope, PATIENT).await.unwrap();
            if count > 0 {
                break;
            }
        }
        assert_eq!(count, 1);
    }
}

/// With a user who has these rights.
async fn inspected(version: Version, rights: &str) -> Inspection {
    let server = start(version.options().line(format!("user quorate on >secret {rights}")));
    let voter = Voter::new(settings(&server.url().replace("://", "://quorate:secret@")));
    voter.inspect(&common::scope(), PATIENT).await.unwrap()
}

on_every_server! {
    async fn an_inspection_writes_nothing_and_finds_nothing_wrong_with_the_documented_rights(version) {
        let mut rig = Rig::with(version.options().line(format!("user quorate on >secret {RIGHTS}")));
        rig.join(100).await;
        rig.taken_by(1).await;
        rig.voter = Voter::new(settings(&rig.server.url().replace("://", "://quorate:secret@")));
        let changes = |rig: &Rig| {
            let info = rig.redis(&["INFO", "persistence"]);
            let line = info.lines().find(|line| line.starts_with("rdb_changes_since_last_save:"));
            line.unwrap().trim().to_owned()
        };
        let before = (rig.everything(), changes(&rig));
        let inspection = rig.voter.inspect(&rig.scope, PATIENT).await.unwrap();
        assert_eq!((rig.everything(), changes(&rig)), before);
        assert_eq!(inspection.lacking, Vec::<String>::new());
        assert!(inspection.failing.is_empty() && inspection.deaf.is_none(), "{inspection:?}");
        assert_eq!(inspection.listeners, None, "a right that nothing else needs");
        assert_eq!(inspection.facts["role"], "master");
        assert!(inspection.clock_offset_us.unwrap().abs() < 60_000_000);
    }
}

on_every_server! {
    async fn each_right_that_is_missing_is_told_by_its_name(version) {
        for right in [
            "+hget", "+hmget", "+hset", "+persist", "+set", "+get", "+del", "+pttl", "+pexpire", "+time", "+info",
            "+publish",
        ] {
            let rights = RIGHTS.replace(&format!("{right} "), "");
            assert_ne!(rights, RIGHTS);
            assert_eq!(inspected(version, &rights).await.lacking, [right]);
        }
        let deaf = inspected(version, &RIGHTS.replace("+subscribe ", "")).await;
        assert_eq!((deaf.lacking.len(), deaf.deaf.unwrap().kind), (0, TroubleKind::NoPerm));
        let counting = inspected(version, &format!("{RIGHTS} +pubsub|numsub")).await;
        assert_eq!(counting.listeners, Some(0));
    }
}

on_every_server! {
    async fn rights_on_just_these_keys_and_this_channel_are_enough(version) {
        let places = "~quorate:{orders}:record ~quorate:{orders}:lease resetchannels &quorate:{orders}:hint";
        let narrow = RIGHTS.replace("~quorate:* resetchannels &quorate:*", places);
        assert_ne!(narrow, RIGHTS);
        let inspection = inspected(version, &narrow).await;
        assert_eq!((inspection.lacking, inspection.failing.len()), (vec![], 0));
        let elsewhere = inspected(version, &RIGHTS.replace("~quorate:*", "~other:*")).await;
        let trouble = &elsewhere.failing.iter().map(|(_, trouble)| trouble.kind).collect::<Vec<_>>();
        let is_told = elsewhere.lacking.iter().any(|right| right.starts_with("~quorate:{orders}:record"));
        assert!(is_told || trouble.contains(&TroubleKind::NoPerm), "{elsewhere:?}");
    }
}
