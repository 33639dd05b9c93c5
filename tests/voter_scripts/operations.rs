//! What each operation does.

use std::time::Duration;

use quorate::core::{Answer, Ballot, GrantTerm, LeaseKey, Operation, Refusal, Seen, Standing};

use crate::common::{Rig, TTL, WHO, grant};
use crate::on_every_server;

on_every_server! {
    async fn a_voter_without_a_record_begins_an_instance_only_from_a_proposal(version) {
        let rig = Rig::new(version);
        assert_eq!(rig.ask(Operation::Observe { proposal: None }).await, Answer::Amnesia);
        assert_eq!(rig.redis(&["EXISTS", rig.scope.record_key()]), "0");

        let seen = rig.propose(7).await;
        assert_eq!(seen.standing, Standing::Joining);
        assert_eq!((seen.seen.holder, seen.seen.version, seen.seen.released), (None, 1, false));
        assert_eq!((seen.term, seen.ttl, seen.key), (0, None, LeaseKey::Free));
        assert_eq!((seen.seen.instance.proposal, seen.seen.instance.run), (7, seen.run));
        assert!(seen.time_us >= seen.seen.instance.time_us);
        assert_eq!(rig.propose(8).await.seen, seen.seen, "it remembers now");
        assert_eq!(rig.redis(&["HEXISTS", rig.scope.record_key(), "electorate"]), "0", "joining binds nobody yet");
    }
}

on_every_server! {
    async fn a_voter_that_forgot_answers_everything_but_an_observation_with_amnesia(version) {
        let rig = Rig::new(version);
        let other = Rig::joined(version).await;
        let seen = other.observe().await.seen;
        let ballot = Ballot(1);
        for operation in [
            grant(1, GrantTerm::Hint(1), seen),
            grant(1, GrantTerm::Adopt(1), seen),
            Operation::Confirm { ballot, term: 1, ttl: TTL },
            Operation::Release { ballot },
            Operation::Join { instance: seen.instance, term: 1, ttl: TTL },
        ] {
            assert_eq!(rig.ask(operation).await, Answer::Amnesia, "{operation:?}");
        }
        assert_eq!(rig.redis(&["DBSIZE"]), "0");
    }
}

on_every_server! {
    async fn a_join_makes_a_member_that_is_released_and_knows_whose_it_is(version) {
        let rig = Rig::new(version);
        let joining = rig.propose(1).await;
        let instance = joining.seen.instance;
        let mut stale = instance;
        stale.proposal += 1;
        let refused = rig.ask(Operation::Join { instance: stale, term: 5, ttl: TTL }).await;
        assert_eq!(refused, Answer::Refused(Refusal::Changed));

        assert_eq!(rig.ask(Operation::Join { instance, term: 100, ttl: TTL }).await, Answer::Joined);
        let member = rig.observe().await;
        assert_eq!(member.standing, Standing::Member);
        assert_eq!(member.seen, Seen { instance, holder: None, version: 2, released: true });
        assert_eq!((member.term, member.ttl), (100, Some(TTL)));
        assert_eq!(rig.field("electorate"), "1 a,b,c");
        assert_eq!((rig.field("format").as_str(), rig.field("voter").as_str()), ("1", "a"));
        let again = rig.ask(Operation::Join { instance, term: 200, ttl: TTL }).await;
        assert_eq!(again, Answer::Refused(Refusal::Changed));
        assert_eq!(rig.observe().await.term, 100);
    }
}

on_every_server! {
    async fn a_grant_takes_a_released_voter_with_the_larger_of_hint_and_its_next_term(version) {
        let rig = Rig::joined(version).await;
        let seen = rig.observe().await.seen;
        assert_eq!(rig.grant(1, 50, seen).await, Answer::Granted { term: 101, version: 3 });
        let held = rig.observe().await;
        assert_eq!((held.seen.holder, held.seen.released, held.term), (Some(Ballot(1)), false, 101));
        let LeaseKey::Holders { left } = held.key else { panic!("{:?}", held.key) };
        assert!(left <= TTL && left + Duration::from_secs(1) > TTL, "{left:?}");
        assert_eq!(rig.lease(), Ballot(1).to_string());
        assert_eq!(rig.field("who"), WHO);

        assert_eq!(rig.release(1).await, Answer::Released);
        let answer = rig.grant(2, 500, rig.observe().await.seen).await;
        assert_eq!(answer, Answer::Granted { term: 500, version: 5 });
    }
}

on_every_server! {
    async fn a_grant_of_what_has_changed_since_is_refused(version) {
        let rig = Rig::joined(version).await;
        let seen = rig.observe().await.seen;
        let mut instance = seen.instance;
        instance.time_us += 1;
        for wrong in [
            Seen { version: seen.version - 1, ..seen },
            Seen { holder: Some(Ballot(9)), ..seen },
            Seen { released: false, ..seen },
            Seen { instance, ..seen },
        ] {
            assert_eq!(rig.grant(1, 0, wrong).await, Answer::Refused(Refusal::Changed), "{wrong:?}");
        }
        assert_eq!(rig.observe().await.seen, seen);
    }
}

on_every_server! {
    async fn a_repeated_grant_renews_and_one_after_its_release_is_refused(version) {
        let rig = Rig::joined(version).await;
        let seen = rig.observe().await.seen;
        assert_eq!(rig.grant(1, 0, seen).await, Answer::Granted { term: 101, version: 3 });
        rig.redis(&["PEXPIRE", rig.scope.lease_key(), "500"]);
        assert_eq!(rig.grant(1, 900, seen).await, Answer::Granted { term: 101, version: 4 }, "a hint raises nobody");
        assert!(rig.redis(&["PTTL", rig.scope.lease_key()]).parse::<u64>().unwrap() > 5000);
        let adopted = rig.ask(grant(1, GrantTerm::Adopt(900), seen)).await;
        assert_eq!(adopted, Answer::Granted { term: 900, version: 5 });
        rig.release(1).await;
        assert_eq!(rig.grant(1, 0, seen).await, Answer::Refused(Refusal::Released));
    }
}

on_every_server! {
    async fn a_held_key_is_refused_unless_it_stood_still(version) {
        let rig = Rig::joined(version).await;
        let seen = rig.taken_by(1).await.seen;
        assert_eq!(rig.grant(2, 0, seen).await, Answer::Refused(Refusal::Held));
        let stood = Operation::Grant {
            ballot: Ballot(2), ttl: TTL, seen, key_stood_still: true, term: GrantTerm::Hint(0),
        };
        assert_eq!(rig.ask(stood).await, Answer::Granted { term: 102, version: 4 });
        assert_eq!(rig.lease(), Ballot(2).to_string());
        assert_eq!(rig.confirm(1, 101).await, Answer::Lost);
        rig.redis(&["DEL", rig.scope.lease_key()]);
        let answer = rig.grant(3, 0, rig.observe().await.seen).await;
        assert_eq!(answer, Answer::Granted { term: 103, version: 5 }, "a key that ended is no bar");
    }
}

on_every_server! {
    async fn an_adopt_takes_a_member_without_raising_its_term_and_a_joining_voter_of_this_very_instance(version) {
        let rig = Rig::joined(version).await;
        let seen = rig.observe().await.seen;
        assert_eq!(rig.ask(grant(1, GrantTerm::Adopt(100), seen)).await, Answer::Granted { term: 100, version: 3 });

        let joining = Rig::new(version);
        let seen = joining.propose(3).await.seen;
        assert_eq!(joining.grant(1, 5, seen).await, Answer::Refused(Refusal::Joining));
        let mut instance = seen.instance;
        instance.proposal = 4;
        let stale = joining.ask(grant(1, GrantTerm::Adopt(7), Seen { instance, ..seen })).await;
        assert_eq!(stale, Answer::Refused(Refusal::Joining));
        let adopted = joining.ask(grant(1, GrantTerm::Adopt(7), seen)).await;
        assert_eq!(adopted, Answer::Granted { term: 7, version: 2 });
        let now = joining.observe().await;
        assert_eq!((now.standing, now.seen.holder), (Standing::Member, Some(Ballot(1))));
        assert_eq!(joining.field("electorate"), "1 a,b,c");
        assert_eq!((joining.field("format").as_str(), joining.field("voter").as_str()), ("1", "a"));
    }
}

on_every_server! {
    async fn a_confirm_raises_verifies_and_renews_or_is_lost(version) {
        let rig = Rig::joined(version).await;
        assert_eq!(rig.confirm(1, 5).await, Answer::Lost, "nobody holds it");
        rig.taken_by(1).await;
        rig.redis(&["DEL", rig.scope.lease_key()]);
        assert_eq!(rig.confirm(1, 300).await, Answer::Confirmed { term: 300 });
        assert_eq!(rig.lease(), Ballot(1).to_string());
        assert_eq!(rig.confirm(1, 200).await, Answer::Confirmed { term: 300 });
        assert_eq!(rig.observe().await.seen.version, 5);
        assert_eq!(rig.confirm(2, 300).await, Answer::Lost);
        rig.release(1).await;
        assert_eq!(rig.confirm(1, 300).await, Answer::Lost);
    }
}

on_every_server! {
    async fn a_release_gives_back_once_and_deletes_only_its_own_key(version) {
        let rig = Rig::joined(version).await;
        rig.taken_by(1).await;
        let before = rig.everything();
        assert_eq!(rig.release(2).await, Answer::Released);
        assert_eq!(rig.everything(), before, "another ballot's release changes nothing");
        assert_eq!(rig.release(1).await, Answer::Released);
        assert_eq!(rig.redis(&["EXISTS", rig.scope.lease_key()]), "0");
        let released = rig.observe().await;
        assert!(released.seen.released);
        rig.redis(&["SET", rig.scope.lease_key(), "somebody else"]);
        assert_eq!(rig.release(1).await, Answer::Released);
        assert_eq!(rig.observe().await.seen, released.seen);
        assert_eq!(rig.lease(), "somebody else");
    }
}
