//! A web server that says what it is told to, and what it was asked.

#![expect(clippy::unnecessary_wraps, reason = "an answer is one that might not have been given")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::candidate::{Agent, Launch, Voters, boot};

/// What was asked, and when on `CLOCK_BOOTTIME`.
#[derive(Clone, Debug)]
pub struct Request {
    pub at: Duration,
    pub method: String,
    pub path: String,
    pub token: String,
    pub body: Value,
}

/// Code and text; nothing: it never answers.
pub type Answer = Option<(u16, String)>;
type Behaviour = Box<dyn FnMut(&Request) -> Answer + Send>;

/// Ends with its value.
pub struct StandIn {
    pub port: u16,
    asked: Arc<Mutex<Vec<Request>>>,
    behaviour: Arc<Mutex<Behaviour>>,
    is_over: Arc<AtomicBool>,
    folder: TempDir,
}

impl StandIn {
    pub fn new(behaviour: impl FnMut(&Request) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let behaviour: Arc<Mutex<Behaviour>> = Arc::new(Mutex::new(Box::new(behaviour)));
        let is_over = Arc::new(AtomicBool::new(false));
        let shared = (Arc::clone(&asked), Arc::clone(&behaviour), Arc::clone(&is_over));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (asked, behaviour, is_over) = shared.clone();
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                std::thread::spawn(move || drop(serve(&stream, &asked, &behaviour)));
            }
        });
        let stand_in = Self { port, asked, behaviour, is_over, folder: tempfile::tempdir().unwrap() };
        stand_in.write_token("first");
        stand_in
    }

    /// From now on.
    pub fn behave(&self, behaviour: impl FnMut(&Request) -> Answer + Send + 'static) {
        *self.behaviour.lock().unwrap() = Box::new(behaviour);
    }

    pub fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }

    pub fn writes(&self) -> Vec<Request> {
        self.asked().into_iter().filter(|request| request.method != "GET").collect()
    }

    /// As the kubelet replaces it.
    pub fn write_token(&self, token: &str) {
        let path = self.folder.path().join("token");
        std::fs::write(path.with_extension("new"), token).unwrap();
        std::fs::rename(path.with_extension("new"), path).unwrap();
    }

    /// A candidate in the pod `a` of the namespace `space`, with these keys of its configuration.
    pub fn candidate(&self, voters: &Voters, ttl: Duration, gates: &[(&str, &str)]) -> Agent {
        self.launch(Launch::new("a", voters.urls(), ttl), gates).start()
    }

    pub fn launch(&self, launch: Launch, gates: &[(&str, &str)]) -> Launch {
        let config = kubeconfig(self.port, &self.folder.path().join("token"));
        let path = self.folder.path().join("kubeconfig");
        std::fs::write(&path, config).unwrap();
        let pod = [("POD_NAME", "a"), ("POD_NAMESPACE", "space"), ("POD_IP", "10.0.0.2"), ("POD_UID", "u")];
        let launch = launch.environment("KUBECONFIG", path.to_str().unwrap());
        pod.iter().chain(gates).fold(launch, |launch, (name, value)| launch.environment(name, value))
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Wakes it up to see that.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

fn kubeconfig(port: u16, token: &Path) -> String {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "x",
        "clusters": [{"name": "x", "cluster": {"server": format!("http://127.0.0.1:{port}")}}],
        "users": [{"name": "x", "user": {"tokenFile": token}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
    })
    .to_string()
}

fn serve(
    stream: &TcpStream,
    asked: &Mutex<Vec<Request>>,
    behaviour: &Mutex<Behaviour>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut words = line.split(' ').map(str::to_owned);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (mut length, mut token) = (0, String::new());
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let Some((name, value)) = header.trim().split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap(),
                "authorization" => value.trim_start_matches("Bearer ").clone_into(&mut token),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let body = serde_json::from_slice(&body).unwrap_or_default();
        let request = Request { at: boot(), method, path, token, body };
        asked.lock().unwrap().push(request.clone());
        let answer = behaviour.lock().unwrap()(&request);
        let Some((code, text)) = answer else {
            // Until whoever asked has given up.
            return reader.read_to_end(&mut Vec::new()).map(drop);
        };
        let mut stream = stream;
        write!(
            stream,
            "HTTP/1.1 {code} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{text}",
            text.len()
        )?;
    }
}

/// The pod `a` with its labels and annotations, in this version.
pub fn pod(version: &str, labels: &Value, annotations: &Value) -> Answer {
    let metadata = json!({"name": "a", "namespace": "space", "resourceVersion": version,
        "labels": labels, "annotations": annotations});
    Some((200, json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata}).to_string()))
}

pub fn no_pods() -> Answer {
    Some((200, json!({"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": []}).to_string()))
}

pub fn refusal(code: u16, details: &Value) -> Answer {
    // By its reason, and not by its code, is an object known that is not there.
    let reason = if code == 404 { "NotFound" } else { "No" };
    let status = json!({"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code,
        "message": "no", "reason": reason, "details": details});
    Some((code, status.to_string()))
}

/// A pod that keeps what it is told.
pub fn obedient() -> impl FnMut(&Request) -> Answer + Send {
    let (mut version, mut labels, mut annotations) = (1, json!({}), json!({}));
    move |request| {
        let merge = |into: &mut Value, from: &Value| {
            for (key, value) in from.as_object().into_iter().flatten() {
                if value.is_null() {
                    into.as_object_mut().unwrap().remove(key);
                } else {
                    into[key] = value.clone();
                }
            }
        };
        if request.path.contains("labelSelector") {
            return no_pods();
        }
        if request.method == "PATCH" {
            let named = request.body["metadata"]["resourceVersion"].as_str();
            if named.and_then(|named| named.parse().ok()) != Some(version) {
                return refusal(409, &Value::Null);
            }
            merge(&mut labels, &request.body["metadata"]["labels"]);
            merge(&mut annotations, &request.body["metadata"]["annotations"]);
            version += 1;
        }
        pod(&version.to_string(), &labels, &annotations)
    }
}
