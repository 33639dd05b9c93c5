//! What holds for every operation: whose the record and the key are, and whether the voter remembers.

use std::time::Duration;

use quorate::core::{
    Answer, Ballot, GrantTerm, LeaseKey, Operation, Question, Refusal, Standing, TERM_LIMIT,
};
use quorate::local::Memory;
use quorate::voter::{Scope, TroubleKind};

use crate::common::{NAMES, PATIENT, Rig, TTL, Version, WHO, above, eventually, grant, observation};
use crate::on_every_server;

on_every_server! {
    async fn a_foreign_key_is_never_touched_nor_granted_over(version) {
        let rig = Rig::joined(version).await;
        let key = rig.scope.lease_key().to_owned();
        for (setup, is_lasting) in [
            (vec!["SET", &key, "redlock", "PX", "60000"], false),
            (vec!["SET", &key, "redlock"], true),
            (vec!["HSET", &key, "a", "hash"], true),
        ] {
            rig.redis(&["DEL", &key]);
            rig.redis(&setup);
            let before = rig.redis(&["DUMP", &key]);
            let seen = rig.observe().await;
            let LeaseKey::Foreign { left } = seen.key else { panic!("{:?}", seen.key) };
            assert_eq!(left.is_none(), is_lasting);
            assert_eq!(rig.grant(1, 0, seen.seen).await, Answer::Refused(Refusal::Foreign));
            assert_eq!(rig.ask(grant(1, GrantTerm::Adopt(900), seen.seen)).await, Answer::Refused(Refusal::Foreign));
            assert_eq!(rig.redis(&["DUMP", &key]), before);
        }
        rig.redis(&["DEL", &key]);
        rig.taken_by(1).await;
        rig.redis(&["SET", &key, "redlock", "PX", "60000"]);
        assert_eq!(rig.confirm(1, 101).await, Answer::Confirmed { term: 101 }, "the record alone");
        let seen = rig.observe().await.seen;
        assert!(matches!(rig.grant(1, 0, seen).await, Answer::Granted { .. }), "a renewal, the record alone");
        assert_eq!(rig.release(1).await, Answer::Released);
        assert_eq!(rig.lease(), "redlock");
        assert!(rig.redis(&["PTTL", &key]).parse::<u64>().unwrap() > 50_000);
    }
}

on_every_server! {
    async fn a_key_of_the_holder_is_cut_to_its_ttl_and_a_stale_key_of_ours_deleted(version) {
        let rig = Rig::joined(version).await;
        rig.taken_by(1).await;
        let key = rig.scope.lease_key();
        for words in [["PEXPIRE", key, "90000"].as_slice(), &["PERSIST", key]] {
            rig.redis(words);
            let LeaseKey::Holders { left } = rig.observe().await.key else { panic!("not the holder's") };
            assert_eq!(left, TTL);
            assert!(rig.redis(&["PTTL", key]).parse::<u128>().unwrap() <= TTL.as_millis());
        }
        rig.redis(&["SET", key, &Ballot(2).to_string(), "PX", "60000"]);
        assert_eq!(rig.observe().await.key, LeaseKey::Free);
        assert_eq!(rig.redis(&["EXISTS", key]), "0");
    }
}

on_every_server! {
    async fn a_record_of_others_is_a_mismatch_that_writes_nothing_even_after_amnesia(version) {
        let rig = Rig::joined(version).await;
        rig.taken_by(1).await;
        let before = rig.everything();
        for (names, name, electorate_differs) in [
            (["a", "b", "d"].as_slice(), "a", true),
            (&NAMES, "b", false),
        ] {
            let scope = Scope::new("quorate", "orders", names.iter().copied(), name);
            let question = Question { operation: Operation::Observe { proposal: Some(1) }, high_water: None };
            let reply = rig.voter.ask(&scope, &question, WHO, PATIENT).await;
            assert_eq!(reply.answer, Answer::Mismatch { electorate_differs });
            let trouble = reply.trouble.unwrap();
            assert_eq!(trouble.kind, TroubleKind::Mismatch);
            assert!(trouble.to_string().contains("1 a,b,c"), "{trouble}");
            assert!(trouble.to_string().contains(scope.electorate()), "{trouble}");
        }
        assert_eq!(rig.everything(), before);

        rig.redis(&["HDEL", rig.scope.record_key(), "run"]);
        rig.redis(&["HSET", rig.scope.record_key(), "format", "2"]);
        let forgot = rig.ask(Operation::Observe { proposal: Some(1) }).await;
        assert_eq!(forgot, Answer::Mismatch { electorate_differs: true }, "what survived binds");
    }
}

on_every_server! {
    async fn a_rollback_of_this_very_instance_is_amnesia(version) {
        let rig = Rig::joined(version).await;
        let held = rig.taken_by(1).await.seen;
        let observe = Operation::Observe { proposal: Some(9) };
        let same = observation(rig.put(observe, Some(above(held.instance, held.version))).await.answer);
        assert_eq!(same.seen, held, "the version itself is no rollback");
        let mut other = held.instance;
        other.proposal = 77;
        let unrelated = observation(rig.put(observe, Some(above(other, 1000))).await.answer);
        assert_eq!(unrelated.seen, held, "nor is another instance's");

        let confirm = Operation::Confirm { ballot: Ballot(1), term: 101, ttl: TTL };
        assert_eq!(rig.put(confirm, Some(above(held.instance, held.version + 1))).await.answer, Answer::Amnesia);
        let forgot = observation(rig.put(observe, Some(above(held.instance, held.version + 1))).await.answer);
        assert_eq!(forgot.standing, Standing::Joining);
        assert_ne!(forgot.seen.instance, held.instance);
        assert_eq!((forgot.seen.holder, forgot.seen.version, forgot.seen.released), (None, 1, false));
        assert_eq!((forgot.term, forgot.ttl), (101, Some(TTL)), "as hints");
        assert_eq!(rig.redis(&["EXISTS", rig.scope.lease_key()]), "0", "the forgotten holder's key is deleted");
        assert_eq!(rig.field("electorate"), "1 a,b,c", "kept where it survived");
    }
}

on_every_server! {
    async fn a_restart_with_its_data_is_amnesia_and_a_foreign_key_survives_it(version) {
        let mut rig = Rig::joined(version).await;
        let held = rig.taken_by(1).await;
        rig.redis(&["SET", rig.scope.lease_key(), "redlock"]);
        rig.server.restart(Memory::Saved).unwrap();
        let confirm = Operation::Confirm { ballot: Ballot(1), term: held.term, ttl: TTL };
        // The old connection may be found dead only by using it.
        let answer = match rig.put(confirm, None).await.answer {
            Answer::Silent => rig.ask(confirm).await,
            answer => answer,
        };
        assert_eq!(answer, Answer::Amnesia, "before anybody has looked");
        let now = rig.propose(2).await;
        assert_eq!(now.standing, Standing::Joining);
        assert_ne!(now.run.process, held.run.process);
        assert_ne!(now.run.history, held.run.history, "the one that the scripts compare");
        assert_ne!(now.seen.instance, held.seen.instance);
        assert_eq!(rig.lease(), "redlock");
    }
}

on_every_server! {
    async fn a_fail_over_to_a_stale_replica_and_back_is_amnesia_by_the_history_of_writes(version) {
        let rig = Rig::joined(version).await;
        let held = rig.taken_by(1).await;
        let replica = version.start();
        replica.replicate(Some(&rig.server)).unwrap();
        eventually("the replica has the copy", || {
            replica.command(&["INFO", "replication"]).unwrap().contains("master_link_status:up")
        }).await;
        replica.replicate(None).unwrap();
        rig.server.replicate(Some(&replica)).unwrap();
        let reply = rig.put(Operation::Observe { proposal: Some(2) }, None).await;
        assert_eq!(reply.answer, Answer::Replica);
        let kind = reply.trouble.unwrap().kind;
        assert!(matches!(kind, TroubleKind::Replica | TroubleKind::ReadOnly), "{kind:?}");
        eventually("the old primary has copied", || {
            rig.redis(&["INFO", "replication"]).contains("master_link_status:up")
        }).await;
        rig.server.replicate(None).unwrap();
        let now = rig.propose(2).await;
        assert_eq!(now.run.process, held.run.process, "it never stopped");
        assert_ne!(now.run.history, held.run.history);
        assert_eq!(now.standing, Standing::Joining);
    }
}

on_every_server! {
    async fn a_record_without_a_field_that_is_always_written_is_no_memory(version) {
        for field in ["run", "standing", "instance", "holder", "version", "released"] {
            let rig = Rig::joined(version).await;
            rig.redis(&["HDEL", rig.scope.record_key(), field]);
            assert_eq!(rig.ask(Operation::Observe { proposal: None }).await, Answer::Amnesia, "{field}");
        }
    }
}

on_every_server! {
    async fn a_record_never_has_a_ttl(version) {
        let rig = Rig::joined(version).await;
        rig.taken_by(1).await;
        rig.redis(&["PEXPIRE", rig.scope.record_key(), "60000"]);
        rig.confirm(1, 0).await;
        assert_eq!(rig.redis(&["PTTL", rig.scope.record_key()]), "-1");
    }
}

on_every_server! {
    async fn a_ttl_or_term_out_of_range_is_refused_without_a_change(version) {
        let rig = Rig::joined(version).await;
        let seen = rig.taken_by(1).await.seen;
        let before = rig.everything();
        let ballot = Ballot(1);
        let confirm = |term, ttl| Operation::Confirm { ballot, term, ttl };
        for operation in [
            confirm(0, Duration::from_millis(999)),
            confirm(0, Duration::from_millis(600_001)),
            confirm(TERM_LIMIT, TTL),
            grant(1, GrantTerm::Adopt(TERM_LIMIT), seen),
        ] {
            let reply = rig.put(operation, None).await;
            assert_eq!(reply.answer, Answer::Silent, "{operation:?}");
            assert_eq!(reply.trouble.unwrap().kind, TroubleKind::Other);
        }
        assert_eq!(rig.everything(), before);
        let largest = TERM_LIMIT - 1;
        assert_eq!(rig.confirm(1, largest).await, Answer::Confirmed { term: largest }, "exactly");
        rig.release(1).await;
        let seen = rig.observe().await.seen;
        let beyond = rig.put(grant(2, GrantTerm::Hint(0), seen), None).await;
        assert_eq!(beyond.answer, Answer::Silent, "there is no next term");
    }
}

on_every_server! {
    async fn an_observation_shows_people_who_holds_the_voter(version) {
        let rig = Rig::joined(version).await;
        rig.taken_by(1).await;
        let reply = rig.put(Operation::Observe { proposal: None }, None).await;
        let details = reply.details.unwrap();
        assert_eq!(details.who, WHO);
        assert_eq!(details.electorate.as_deref(), Some("1 a,b,c"));
        assert_eq!(details.eviction_policy, "noeviction");
        let expected = match version {
            Version::Redis62 => "6.2.",
            Version::Redis70 => "7.0.",
            Version::Valkey81 => "8.1.",
        };
        assert!(details.server_version.starts_with(expected), "{}", details.server_version);
    }
}

on_every_server! {
    async fn elections_on_one_voter_do_not_touch_each_other(version) {
        let rig = Rig::joined(version).await;
        rig.taken_by(1).await;
        let before = rig.everything();
        let other = Scope::new("quorate", "billing", NAMES, "a");
        let question = Question { operation: Operation::Observe { proposal: Some(4) }, high_water: None };
        let reply = rig.voter.ask(&other, &question, WHO, PATIENT).await;
        assert_eq!(observation(reply.answer).standing, Standing::Joining);
        assert_eq!(rig.everything(), before);
    }
}
