//! How a voter is reached, let in to, and told apart when it does not answer.
#![expect(clippy::unwrap_used, reason = "a test ends where a value is not what it must be")]
#![expect(clippy::disallowed_methods, reason = "tests measure how long they waited")]

mod common;

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use common::{PATIENT, RIGHTS, Rig, Version, WHO, eventually, settings, start};
use quorate::core::{Answer, Operation, Question};
use quorate::local::{LocalServer, Memory};
use quorate::voter::{
    Address, Credentials, Flaws, PasswordSource, Reply, TlsIdentity, TlsSettings, Trouble, TroubleKind,
    Voter, VoterSettings,
};
use tokio::sync::mpsc;

const SHORT: Duration = Duration::from_millis(200);

async fn look(voter: &Voter, timeout: Duration) -> Reply {
    let question = Question { operation: Operation::Observe { proposal: Some(1) }, high_water: None };
    voter.ask(&common::scope(), &question, WHO, timeout).await
}

async fn trouble(voter: &Voter) -> Trouble {
    let reply = look(voter, PATIENT).await;
    assert_eq!(reply.answer, Answer::Silent);
    reply.trouble.unwrap()
}

async fn kind(voter: &Voter) -> TroubleKind {
    trouble(voter).await.kind
}

fn answered(reply: &Reply) -> bool {
    matches!(reply.answer, Answer::Observed(_))
}

fn with(settings: VoterSettings, credentials: Credentials) -> Voter {
    Voter::new(VoterSettings { credentials, ..settings })
}

fn password(source: PasswordSource) -> Credentials {
    Credentials { password: Some(source), ..Credentials::default() }
}

on_every_server! {
    async fn the_user_with_exactly_the_documented_rights_can_do_everything(version) {
        let options = version.options().line(format!("user quorate on >secret {RIGHTS}"));
        let mut rig = Rig::with(options);
        rig.voter = Voter::new(settings(&rig.server.url().replace("://", "://quorate:secret@")));
        let (tell, mut hints) = mpsc::channel(1);
        rig.voter.listen(&rig.scope, tell);
        rig.join(100).await;
        rig.taken_by(1).await;
        assert_eq!(rig.confirm(1, 101).await, Answer::Confirmed { term: 101 });
        assert_eq!(rig.release(1).await, Answer::Released);
        rig.redis(&["SET", rig.scope.lease_key(), "quorate:stale"]);
        rig.observe().await;
        assert_eq!(rig.redis(&["EXISTS", rig.scope.lease_key()]), "0");
        tokio::time::timeout(PATIENT, hints.recv()).await.unwrap().unwrap();
        assert_eq!(rig.voter.flaws(), Flaws::default());
    }
}

on_every_server! {
    async fn a_missing_right_is_told_as_such(version) {
        for missing in ["+evalsha", "+info", "+hset", "+script|load"] {
            let rights = RIGHTS.replace(missing, "");
            let server = start(version.options().line(format!("user quorate on >secret {rights}")));
            let voter = Voter::new(settings(&server.url().replace("://", "://quorate:secret@")));
            let trouble = trouble(&voter).await;
            assert_eq!(trouble.kind, TroubleKind::NoPerm, "{missing}: {trouble}");
        }
        let rights = RIGHTS.replace("&quorate:*", "");
        let server = start(version.options().line(format!("user quorate on >secret {rights}")));
        let voter = Voter::new(settings(&server.url().replace("://", "://quorate:secret@")));
        let (tell, _hints) = mpsc::channel(1);
        voter.listen(&common::scope(), tell);
        assert!(answered(&look(&voter, PATIENT).await), "hints are not needed to vote");
        for _ in 0..100 {
            if voter.flaws().hints.is_some() {
                break;
            }
            look(&voter, PATIENT).await;
        }
        assert_eq!(voter.flaws().hints.unwrap().kind, TroubleKind::NoPerm);
    }
}

on_every_server! {
    async fn a_wrong_or_missing_password_is_told_apart_and_never_shown(version) {
        let server = start(version.options().line("requirepass tops3cret"));
        assert_eq!(kind(&Voter::new(settings(&server.url()))).await, TroubleKind::NoAuth);
        let voter = Voter::new(settings(&server.url().replace("://", "://:wr0ngone@")));
        let trouble = trouble(&voter).await;
        assert_eq!(trouble.kind, TroubleKind::WrongPass);
        assert!(!format!("{trouble} {trouble:?}").contains("wr0ngone"));
        let voter = Voter::new(settings(&server.url().replace("://", "://:tops3cret@")));
        assert!(answered(&look(&voter, PATIENT).await));
    }
}

on_every_server! {
    async fn a_password_comes_from_the_environment_or_from_files_that_are_read_again(version) {
        // Cargo sets this one for every test; setting one of our own would be unsafe beside other threads.
        let in_environment = std::env::var("CARGO_PKG_NAME").unwrap();
        let server = start(version.options().line(format!("requirepass {in_environment}")));
        let voter = with(settings(&server.url()), password(PasswordSource::Env("CARGO_PKG_NAME".to_owned())));
        assert!(answered(&look(&voter, PATIENT).await));
        let voter = with(settings(&server.url()), password(PasswordSource::Env("QUORATE_NO_SUCH".to_owned())));
        assert_eq!(kind(&voter).await, TroubleKind::Credentials);

        let directory = tempfile::tempdir().unwrap();
        let (current, previous) = (directory.path().join("current"), directory.path().join("previous"));
        let mut credentials = password(PasswordSource::File(current.clone()));
        credentials.previous_password_file = Some(previous.clone());
        let voter = with(settings(&server.url()), credentials);
        assert_eq!(kind(&voter).await, TroubleKind::Credentials);
        std::fs::write(&current, "next\n").unwrap();
        assert_eq!(kind(&voter).await, TroubleKind::WrongPass);
        std::fs::write(&previous, format!("{in_environment}\n")).unwrap();
        assert!(answered(&look(&voter, PATIENT).await), "the previous one still opens");
        let login = ["AUTH", &in_environment];
        server.commands(&[&login, &["CONFIG", "SET", "requirepass", "next"]]).unwrap();
        assert!(answered(&look(&voter, PATIENT).await), "a connection outlives the rotation");
        server.commands(&[&["AUTH", "next"], &["CLIENT", "KILL", "TYPE", "normal"]]).unwrap();
        std::fs::remove_file(&previous).unwrap();
        look(&voter, PATIENT).await;
        assert!(answered(&look(&voter, PATIENT).await), "and the next one uses the current password");
        assert_eq!(voter.flaws().password, None);
        std::fs::remove_file(&current).unwrap();
        server.commands(&[&["AUTH", "next"], &["CLIENT", "KILL", "TYPE", "normal"]]).unwrap();
        look(&voter, PATIENT).await;
        assert!(answered(&look(&voter, PATIENT).await), "and the last known one where it cannot be read");
        assert_eq!(voter.flaws().password.unwrap().kind, TroubleKind::Credentials);
        std::fs::write(&current, "next\n").unwrap();
        server.commands(&[&["AUTH", "next"], &["CLIENT", "KILL", "TYPE", "normal"]]).unwrap();
        look(&voter, PATIENT).await;
        assert!(answered(&look(&voter, PATIENT).await));
        assert_eq!(voter.flaws().password, None);
    }
}

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
        let reply = rig.put(common::grant(1, quorate::core::GrantTerm::Hint(0), seen), None).await;
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
        let reply = rig.put(common::grant(1, quorate::core::GrantTerm::Hint(0), seen), None).await;
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

/// Certificates of one authority: PEM files for a server, for us, and of another authority.
struct Certificates {
    directory: tempfile::TempDir,
}

impl Certificates {
    fn new() -> Self {
        let certificates = Self { directory: tempfile::tempdir().unwrap() };
        let issuer = certificates.authority("ca.crt");
        certificates.authority("other.crt");
        for (name, subject) in [("server", "redis.test"), ("client", "quorate")] {
            let key = rcgen::KeyPair::generate().unwrap();
            let params = rcgen::CertificateParams::new(vec![subject.to_owned()]).unwrap();
            let signed = params.signed_by(&key, &issuer).unwrap();
            std::fs::write(certificates.path(&format!("{name}.crt")), signed.pem()).unwrap();
            std::fs::write(certificates.path(&format!("{name}.key")), key.serialize_pem()).unwrap();
        }
        certificates
    }

    fn authority(&self, file: &str) -> rcgen::Issuer<'static, rcgen::KeyPair> {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, file);
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(self.path(file), certificate.pem()).unwrap();
        rcgen::Issuer::new(params, key)
    }

    fn path(&self, file: &str) -> std::path::PathBuf {
        self.directory.path().join(file)
    }

    /// The 6.2 and 8.1 that the tests can install are built without TLS.
    fn server(&self, asks_for_ours: &str) -> LocalServer {
        let mut options = Version::Redis70
            .options()
            .line(format!("tls-cert-file {}", self.path("server.crt").display()))
            .line(format!("tls-key-file {}", self.path("server.key").display()))
            .line(format!("tls-ca-cert-file {}", self.path("ca.crt").display()))
            .line(format!("tls-auth-clients {asks_for_ours}"));
        options.is_tls = true;
        start(options)
    }

    fn trusting(&self, ca: &str, server_name: Option<&str>) -> TlsSettings {
        TlsSettings {
            ca_file: Some(self.path(ca)),
            identity: None,
            server_name: server_name.map(str::to_owned),
        }
    }
}

fn voter_of(server: &LocalServer, with: TlsSettings) -> Voter {
    let mut settings = settings(&server.url().replace("redis://", "rediss://"));
    if let Address::Tls { tls, .. } = &mut settings.endpoint.address {
        *tls = with;
    }
    Voter::new(settings)
}

#[tokio::test]
async fn a_server_is_known_by_its_certificate_and_only_the_given_authority_is_trusted() {
    let certificates = Certificates::new();
    let server = certificates.server("no");
    let voter = |ca, name| voter_of(&server, certificates.trusting(ca, name));
    let reply = look(&voter("ca.crt", Some("redis.test")), PATIENT).await;
    assert!(answered(&reply), "{:?}", reply.trouble);
    for (ca, name, told) in [
        ("other.crt", Some("redis.test"), "UnknownIssuer"),
        ("ca.crt", None, "not valid for name"),
        ("ca.crt", Some("no name"), "no name for a certificate"),
        ("missing.crt", None, "missing.crt"),
        ("server.key", None, "no certificate"),
    ] {
        let trouble = trouble(&voter(ca, name)).await;
        assert_eq!(trouble.kind, TroubleKind::Tls, "{trouble}");
        assert!(trouble.to_string().contains(told), "{trouble}");
    }
    let of_the_system = voter_of(&server, TlsSettings::default());
    assert_eq!(kind(&of_the_system).await, TroubleKind::Tls);
}

#[tokio::test]
async fn a_server_that_asks_for_our_certificate_gets_it_from_files_that_are_read_again() {
    let certificates = Certificates::new();
    let server = certificates.server("yes");
    let mut tls = certificates.trusting("ca.crt", Some("redis.test"));
    assert_eq!(kind(&voter_of(&server, tls.clone())).await, TroubleKind::Tls, "without one");
    let (cert_file, key_file) = (certificates.path("own.crt"), certificates.path("own.key"));
    tls.identity = Some(TlsIdentity { cert_file: cert_file.clone(), key_file: key_file.clone() });
    let voter = voter_of(&server, tls);
    assert_eq!(kind(&voter).await, TroubleKind::Tls, "before it is mounted");
    std::fs::copy(certificates.path("client.crt"), cert_file).unwrap();
    std::fs::copy(certificates.path("client.key"), key_file).unwrap();
    let reply = look(&voter, PATIENT).await;
    assert!(answered(&reply), "{:?}", reply.trouble);
}

#[tokio::test]
async fn a_scheme_that_the_server_does_not_speak_is_told_as_such() {
    let certificates = Certificates::new();
    let plain = Version::Redis70.start();
    let voter = voter_of(&plain, certificates.trusting("ca.crt", None));
    // A plain server waits for the end of a line that a handshake need not have.
    let kind = look(&voter, SHORT).await.trouble.unwrap().kind;
    assert!(matches!(kind, TroubleKind::Tls | TroubleKind::Timeout), "{kind:?}");
    assert!(look(&voter, SHORT).await.trouble.unwrap().to_string().contains("scheme"));
    let encrypted = certificates.server("no");
    let voter = Voter::new(settings(&encrypted.url().replace("rediss://", "redis://")));
    let kind = look(&voter, SHORT).await.trouble.unwrap().kind;
    assert!(matches!(kind, TroubleKind::Garbage | TroubleKind::Unreachable), "{kind:?}");
    assert!(look(&voter, SHORT).await.trouble.unwrap().to_string().contains("scheme"));
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

/// A port on which every connection is told the same, until the test ends.
fn port_that_says(what: Vec<u8>, is_endless: bool) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 64];
            let _ = stream.read(&mut request);
            while stream.write_all(&what).is_ok() && is_endless {}
        }
    });
    port
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
