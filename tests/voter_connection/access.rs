//! Rights and passwords.

use quorate::core::Answer;
use quorate::voter::{Credentials, Flaws, PasswordSource, TroubleKind, Voter, VoterSettings};
use tokio::sync::mpsc;

use super::{answered, kind, look, trouble};
use crate::common::{PATIENT, RIGHTS, Rig, scope, settings, start};
use crate::on_every_server;

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
        voter.listen(&scope(), tell);
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
