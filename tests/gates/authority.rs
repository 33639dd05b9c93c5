//! The authority that the API server's certificate is checked against is replaced while a candidate runs.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::common::candidate::{Launch, Voters, count, eventually};
use crate::stand_in::{StandIn, obedient};

const TTL: Duration = Duration::from_secs(2);
const FAILURES: &str = r#"quorate_gate_failures_total{gate="pod_label",kind="unreachable"}"#;

/// Speaks TLS before a server that does not, with a certificate of an authority of its own.
struct Front {
    port: u16,
    acceptor: Arc<Mutex<TlsAcceptor>>,
    open: Arc<Mutex<Vec<JoinHandle<()>>>>,
    runtime: Runtime,
}

impl Front {
    fn before(port: u16, authority: &Path) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let own = listener.local_addr().unwrap().port();
        let (acceptor, open) = (Arc::new(Mutex::new(certified_by_a_new(authority))), Arc::default());
        let front = Self { port: own, acceptor, open, runtime };
        let (acceptor, open) = (Arc::clone(&front.acceptor), Arc::clone(&front.open));
        drop(front.runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.lock().unwrap().clone();
                open.lock().unwrap().push(tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut behind = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut behind).await;
                }));
            }
        }));
        front
    }

    /// What is open ends, as with an API server that restarts.
    fn take_another_authority(&self, authority: &Path) {
        *self.acceptor.lock().unwrap() = certified_by_a_new(authority);
        self.open.lock().unwrap().drain(..).for_each(|connection| connection.abort());
    }
}

/// Writes the authority to a file.
fn certified_by_a_new(authority: &Path) -> TlsAcceptor {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    std::fs::write(authority, params.self_signed(&key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

#[test]
fn an_authority_that_was_replaced_is_read_again() {
    let (voters, stand_in) = (Voters::experienced(3, TTL), StandIn::new(obedient()));
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let front = Front::before(stand_in.port, &file("ca.crt"));
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "x",
        "clusters": [{"name": "x", "cluster": {"server": format!("https://127.0.0.1:{}", front.port),
            "certificate-authority": file("ca.crt")}}],
        "users": [{"name": "x", "user": {"token": "x"}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
    });
    std::fs::write(file("kubeconfig"), config.to_string()).unwrap();
    let launch =
        stand_in.launch(Launch::new("a", voters.urls(), TTL), &[("QUORATE_GATES_POD_LABEL_ENABLED", "true")]);
    let candidate = launch.environment("KUBECONFIG", file("kubeconfig").to_str().unwrap()).start();
    let shown = || {
        let labels = stand_in.writes().into_iter().map(|write| write.body["metadata"]["labels"].clone());
        labels.filter(|labels| labels["quorate.dev/role"] == "leader").count()
    };
    eventually("the label is there", || shown() == 1);

    front.take_another_authority(&file("next.crt"));
    let resigned = Command::new(env!("CARGO_BIN_EXE_quorate"))
        .args(["resign", "--for", "1s", "--address", &candidate.address.to_string()])
        .output()
        .unwrap();
    assert!(resigned.status.success(), "{resigned:?}");
    eventually("it leads again", || candidate.leads());
    eventually("nobody is taken for the API server who is not known", || candidate.metric(FAILURES) >= 2.0);
    assert_eq!(shown(), 1);

    std::fs::rename(file("next.crt"), file("ca.crt")).unwrap();
    eventually("the label is there again", || shown() == 2);
    let (code, log) = candidate.end();
    assert_eq!((code, count(&log, "the API server shows again")), (Some(0), 1), "{log}");
}
