//! What a server that does not vote says, and what is no server of ours.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use quorate::core::{Answer, GrantTerm};
use quorate::local::Memory;
use quorate::voter::{TroubleKind, Voter};

use super::{answered, kind, look, trouble};
use crate::common::{PATIENT, Rig, Version, eventually, grant, port_that_says, settings, start};
use crate::on_every_server;

on_every_server! {
    async fn scripts_are_loaded_before_the_first_question_and_again_when_the_server_lost_them(version) {
        let rig = Rig::joined(version).await;
        rig.taken_by(1).await;
        rig.confirm(1, 0).await;
        rig.release(1).await;
        let errors = || rig.redis(&["INFO", "errorstats"]);
        assert!(!errors().contains("NOSCRIPT"), "each hash is that of its text");
        rig.redis(&["SCRIPT", "FLUSH"]);
        assert_eq!(rig.confirm(1, 0).await, Answer::Lost);
        assert!(errors().contains("NOSCRIPT"));
    }
}

on_every_server! {
    async fn a_full_server_votes_where_the_version_lets_it(version) {
        let rig = Rig::joined(version).await;
        rig.redis(&["CONFIG", "SET", "maxmemory", "1"]);
        let seen = rig.observe().await.seen;
        let reply = rig.put(grant(1, GrantTerm::Hint(0), seen), None).await;
        if version.knows_flags() {
            assert_eq!(reply.answer, Answer::Granted { term: 101, version: 3 });
        } else {
            assert_eq!(reply.trouble.unwrap().kind, TroubleKind::OutOfMemory);
        }
    }
}

on_every_server! {
    async fn a_server_that_cannot_save_is_told_as_such(version) {
        let directory = tempfile::tempdir().unwrap();
        let options = version.options().line(format!("dir {}", directory.path().display())).line("save 3600 1000");
        let rig = Rig::with(options);
        rig.join(100).await;
        let seen = rig.observe().await.seen;
        directory.close().unwrap();
        rig.redis(&["BGSAVE"]);
        eventually("saving failed", || rig.redis(&["INFO", "persistence"]).contains("last_bgsave_status:err")).await;
        let reply = rig.put(grant(1, GrantTerm::Hint(0), seen), None).await;
        assert_eq!((reply.answer, reply.trouble.unwrap().kind), (Answer::Silent, TroubleKind::Misconf));
    }
}

on_every_server! {
    async fn a_server_kept_busy_by_a_script_is_told_as_such(version) {
        let server = start(version.options().line("lua-time-limit 20"));
        let voter = Voter::new(settings(&server.url()));
        assert!(answered(&look(&voter, PATIENT).await));
        let mut somebody = UnixStream::connect(server.socket()).unwrap();
        somebody.write_all(b"EVAL \"while true do end\" 0\r\n").unwrap();
        eventually("the script runs", || server.command(&["PING"]).is_err()).await;
        assert_eq!(kind(&voter).await, TroubleKind::Busy);
        let another = Voter::new(settings(&server.url()));
        assert_eq!(kind(&another).await, TroubleKind::Busy);
        server.command(&["SCRIPT", "KILL"]).unwrap();
        eventually("the script has ended", || server.command(&["PING"]).is_ok()).await;
        assert!(answered(&look(&voter, PATIENT).await));
    }
}

on_every_server! {
    async fn a_server_that_loads_its_data_is_told_as_such(version) {
        // It answers after every 2 MiB loaded.
        let options = version.options().line("key-load-delay 50").line("rdbcompression no");
        let mut server = start(options);
        server.command(&["DEBUG", "POPULATE", "10000", "key", "1024"]).unwrap();
        server.restart(Memory::Saved).unwrap();
        let voter = Voter::new(settings(&server.url()));
        assert_eq!(kind(&voter).await, TroubleKind::Loading);
    }
}

on_every_server! {
    async fn a_server_without_a_connection_left_is_told_as_such(version) {
        let server = version.start();
        server.command(&["CONFIG", "SET", "maxclients", "2"]).unwrap();
        let mut held = Vec::new();
        // The connection that set the limit may still be counted.
        eventually("both connections are taken", || {
            let mut stream = UnixStream::connect(server.socket()).unwrap();
            let mut told = [0; 7];
            let is_in = stream.write_all(b"PING\r\n").and_then(|()| stream.read_exact(&mut told)).is_ok();
            if is_in && told == *b"+PONG\r\n" {
                held.push(stream);
            }
            held.len() == 2
        }).await;
        let voter = Voter::new(settings(&server.url()));
        assert_eq!(kind(&voter).await, TroubleKind::MaxClients);
        drop(held);
        eventually("connections are free again", || server.command(&["PING"]).is_ok()).await;
        assert!(answered(&look(&voter, PATIENT).await));
    }
}

on_every_server! {
    async fn a_server_in_cluster_mode_is_refused(version) {
        let server = start(version.options().line("cluster-enabled yes"));
        let trouble = trouble(&Voter::new(settings(&server.url()))).await;
        assert_eq!(trouble.kind, TroubleKind::Cluster);
        assert!(trouble.to_string().contains("standalone"), "{trouble}");
    }
}

on_every_server! {
    async fn a_replica_is_refused(version) {
        let primary = version.start();
        let replica = version.start();
        replica.replicate(Some(&primary)).unwrap();
        let reply = look(&Voter::new(settings(&replica.url())), PATIENT).await;
        assert_eq!(reply.answer, Answer::Replica);
        assert!(reply.trouble.unwrap().to_string().contains("primary of its own"));
    }
}

on_every_server! {
    async fn a_record_of_the_wrong_type_is_silence_and_left_alone(version) {
        let rig = Rig::new(version);
        rig.redis(&["SET", rig.scope.record_key(), "by hand"]);
        let trouble = trouble(&rig.voter).await;
        assert_eq!(trouble.kind, TroubleKind::Malformed);
        assert!(trouble.to_string().contains("delete it"), "{trouble}");
        assert_eq!(rig.redis(&["GET", rig.scope.record_key()]), "by hand");
    }
}

#[tokio::test]
async fn nobody_listening_is_told_as_such() {
    let mut server = Version::Redis70.start();
    server.kill();
    assert_eq!(kind(&Voter::new(settings(&server.url()))).await, TroubleKind::Refused);
    let path = server.directory().join("no-socket");
    let voter = Voter::new(settings(&format!("unix://{}", path.display())));
    assert_eq!(kind(&voter).await, TroubleKind::Refused);
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_told_as_such() {
    let voter = Voter::new(settings("redis://no-such-host.invalid:6379"));
    assert_eq!(kind(&voter).await, TroubleKind::Dns);
}

#[tokio::test]
async fn what_does_not_speak_the_protocol_is_told_as_such() {
    for (what, is_endless, expected) in [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), false, TroubleKind::Garbage),
        (b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), false, TroubleKind::Garbage),
        (b"\x15\x03\x03\x00\x02\x02\x46".to_vec(), false, TroubleKind::Garbage),
        (b"".to_vec(), false, TroubleKind::Unreachable),
        (b"+OK\r\n".to_vec(), false, TroubleKind::Unreachable),
        (b"*2147483647\r\n".to_vec(), false, TroubleKind::Unreachable),
        (b"$999999999999\r\n".to_vec(), false, TroubleKind::Unreachable),
        ([b"$999999999999\r\n".to_vec(), vec![b'x'; 100_000]].concat(), true, TroubleKind::Garbage),
    ] {
        let port = port_that_says(what.clone(), is_endless);
        let voter = Voter::new(settings(&format!("redis://127.0.0.1:{port}")));
        let reply = look(&voter, Duration::from_secs(2)).await;
        let trouble = reply.trouble.unwrap();
        let shown = String::from_utf8_lossy(&what[..what.len().min(40)]).into_owned();
        assert_eq!((reply.answer, trouble.kind), (Answer::Silent, expected), "{shown:?}: {trouble}");
    }
}
