//! Addresses, connections, and who listens.

use std::time::{Duration, Instant};

use quorate::core::Answer;
use quorate::local::Memory;
use quorate::voter::{TroubleKind, Voter};
use tokio::sync::mpsc;

use super::{SHORT, answered, kind, look};
use crate::common::{PATIENT, Rig, eventually, settings};
use crate::on_every_server;

on_every_server! {
    async fn a_unix_socket_and_a_database_number_are_used(version) {
        let server = version.start();
        for url in [format!("unix://{}?db=3", server.socket().display()), format!("{}/3", server.url())] {
            assert!(answered(&look(&Voter::new(settings(&url)), PATIENT).await), "{url}");
            assert_eq!(server.command(&["DBSIZE"]).unwrap(), "0");
            assert_eq!(server.commands(&[&["SELECT", "3"], &["DBSIZE"]]).unwrap(), "1");
        }
        let voter = Voter::new(settings(&format!("{}/999", server.url())));
        assert_eq!(kind(&voter).await, TroubleKind::Other);
    }
}

on_every_server! {
    async fn a_stopped_server_is_silence_within_the_limit_and_no_pile_of_connections(version) {
        let server = version.start();
        let voter = Voter::new(settings(&server.url()));
        assert!(answered(&look(&voter, PATIENT).await));
        let received = || {
            let stats = server.command(&["INFO", "stats"]).unwrap();
            let count = stats.split("total_connections_received:").nth(1).unwrap();
            count.split('\r').next().unwrap().parse::<u32>().unwrap()
        };
        let before = received();
        server.stop().unwrap();
        let begun = Instant::now();
        for _ in 0..5 {
            let asks: Vec<_> = (0..50)
                .map(|_| {
                    let voter = voter.clone();
                    tokio::spawn(async move { look(&voter, SHORT).await })
                })
                .collect();
            for ask in asks {
                assert_eq!(ask.await.unwrap().trouble.unwrap().kind, TroubleKind::Timeout);
            }
        }
        let took = begun.elapsed();
        assert!(took < SHORT * 5 + Duration::from_millis(500), "{took:?}");
        server.resume().unwrap();
        let reply = look(&voter, PATIENT).await;
        assert!(answered(&reply), "{:?}", reply.trouble);
        let opened = received() - before;
        assert!(opened <= 8, "{opened} connections for 250 questions");
    }
}

on_every_server! {
    async fn questions_asked_at_once_share_one_connection(version) {
        let server = version.start();
        let voter = Voter::new(settings(&server.url()));
        let asks: Vec<_> = (0..300)
            .map(|_| {
                let voter = voter.clone();
                tokio::spawn(async move { look(&voter, PATIENT).await })
            })
            .collect();
        for ask in asks {
            assert!(answered(&ask.await.unwrap()));
        }
        let clients = server.command(&["CLIENT", "LIST"]).unwrap();
        assert_eq!(clients.lines().filter(|line| line.contains("cmd=evalsha")).count(), 1, "{clients}");
    }
}

on_every_server! {
    async fn a_closed_connection_is_noticed_and_the_next_question_opens_another(version) {
        let server = version.start();
        let voter = Voter::new(settings(&server.url()));
        assert!(answered(&look(&voter, PATIENT).await));
        server.command(&["CLIENT", "KILL", "TYPE", "normal"]).unwrap();
        // Time for our side to see the end of the stream.
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(answered(&look(&voter, PATIENT).await));
    }
}

on_every_server! {
    async fn a_release_is_heard_at_once_and_again_after_a_reconnect(version) {
        let mut rig = Rig::joined(version).await;
        let (tell, mut hints) = mpsc::channel(4);
        rig.voter.listen(&rig.scope, tell.clone());
        for round in 0..3 {
            eventually("the channel has a subscriber", || {
                rig.redis(&["PUBSUB", "NUMSUB", rig.scope.hint_channel()]).ends_with('1')
            }).await;
            rig.taken_by(round).await;
            assert_eq!(rig.release(round).await, Answer::Released);
            let released = Instant::now();
            let hint = tokio::time::timeout(PATIENT, hints.recv()).await.unwrap().unwrap();
            assert!(released.elapsed() < Duration::from_millis(50), "{:?}", released.elapsed());
            assert_eq!((&*hint.election, &*hint.voter), ("orders", "a"));
            assert!(hints.try_recv().is_err(), "told once");
            if round == 0 {
                rig.redis(&["CLIENT", "KILL", "TYPE", "normal"]);
                rig.redis(&["CLIENT", "KILL", "TYPE", "pubsub"]);
            } else {
                rig.server.restart(Memory::Empty).unwrap();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            if round == 0 {
                rig.observe().await;
            } else {
                rig.join(100).await;
            }
        }
        let (tell_another, mut hints_of_another) = mpsc::channel(4);
        rig.voter.listen(&rig.scope, tell_another.clone());
        rig.voter.stop_listening(&rig.scope, &tell);
        rig.taken_by(3).await;
        assert_eq!(rig.release(3).await, Answer::Released);
        let heard = tokio::time::timeout(PATIENT, hints_of_another.recv()).await;
        assert!(heard.unwrap().is_some(), "candidates that share a voter are told each by itself");
        assert!(hints.try_recv().is_err(), "who stopped listening hears nothing");
        rig.voter.stop_listening(&rig.scope, &tell_another);
        eventually("nobody listens", || {
            rig.redis(&["PUBSUB", "NUMSUB", rig.scope.hint_channel()]).ends_with('0')
        }).await;
    }
}

on_every_server! {
    async fn a_listener_that_does_not_listen_costs_nothing(version) {
        let rig = Rig::joined(version).await;
        let (tell, mut hints) = mpsc::channel(1);
        rig.voter.listen(&rig.scope, tell);
        eventually("the channel has a subscriber", || {
            rig.redis(&["PUBSUB", "NUMSUB", rig.scope.hint_channel()]).ends_with('1')
        }).await;
        for _ in 0..100 {
            rig.redis(&["PUBLISH", rig.scope.hint_channel(), "released"]);
        }
        rig.observe().await;
        assert!(hints.recv().await.is_some());
    }
}
