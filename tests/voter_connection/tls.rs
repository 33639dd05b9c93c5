//! Who the server is, and who we are.

use quorate::local::LocalServer;
use quorate::voter::{Address, TlsIdentity, TlsSettings, TroubleKind, Voter};

use super::{SHORT, answered, kind, look, trouble};
use crate::common::{PATIENT, Version, settings, start};

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
