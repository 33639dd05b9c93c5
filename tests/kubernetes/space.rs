//! A namespace for each test, with accounts of exactly the rights of `deploy/rbac`.

use std::fmt::Debug;
use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Namespace, Pod, Service, ServiceAccount};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{Api, DeleteParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::common::candidate::{Agent, Launch, Voters, eventually};

pub const TTL: Duration = Duration::from_secs(2);
pub const ROLE: &str = "quorate.dev/role";
/// Every gate there is.
pub const ALL: [(&str, &str); 7] = [
    ("QUORATE_GATES_POD_LABEL_ENABLED", "true"),
    ("QUORATE_GATES_ENDPOINT_SLICE_ENABLED", "true"),
    ("QUORATE_GATES_ENDPOINT_SLICE_SERVICE", "orders-leader"),
    ("QUORATE_GATES_POD_DELETION_COST_ENABLED", "true"),
    ("QUORATE_GATES_EVENTS_ENABLED", "true"),
    ("QUORATE_GATES_LEASE_MIRROR_ENABLED", "true"),
    ("QUORATE_GATES_LEASE_MIRROR_NAME", "orders-writer"),
];

/// A kind of object that a namespace has, and a test can make.
pub trait Namespaced:
    kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
    + Clone
    + Debug
    + DeserializeOwned
    + Serialize
{
}

impl<K> Namespaced for K where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + DeserializeOwned
        + Serialize
{
}

/// A namespace, gone with everything in it however the test ends.
pub struct Space {
    pub name: String,
    pub client: Client,
    runtime: Runtime,
    folder: TempDir,
}

impl Space {
    pub fn new(test: &str) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        assert!(std::env::var_os("KUBECONFIG").is_some(), "KUBECONFIG names no cluster: run make test-gates");
        let client = runtime.block_on(Client::try_default()).unwrap();
        let name = format!("{test}-{}", std::process::id());
        let space = Self { name, client, runtime, folder: tempfile::tempdir().unwrap() };
        let namespaces = Api::<Namespace>::all(space.client.clone());
        let namespace = object(json!({"metadata": {"name": space.name}}));
        space.wait(namespaces.create(&PostParams::default(), &namespace)).unwrap();
        space
    }

    pub fn wait<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Beside everything else, until the test ends.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.runtime.spawn(task));
    }

    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.name)
    }

    pub fn create<K: Namespaced>(&self, value: Value) -> K {
        self.try_create(value).unwrap()
    }

    /// None where the API server wants no such object.
    pub fn try_create<K: Namespaced>(&self, value: Value) -> Option<K> {
        match self.wait(self.api().create(&PostParams::default(), &object::<K>(value))) {
            Err(kube::Error::Api(status)) if status.code == 422 => None,
            created => Some(created.unwrap()),
        }
    }

    /// A pod that nobody runs.
    pub fn pod(&self, name: &str) -> Pod {
        self.create(json!({"metadata": {"name": name}, "spec": {
            "schedulerName": "nobody", "automountServiceAccountToken": false, "serviceAccountName": "quorate",
            "containers": [{"name": "quorate", "image": "quorate:none"}]}}))
    }

    /// The Service without selector that the gates write for.
    pub fn service(&self, name: &str) -> Service {
        self.create(json!({"metadata": {"name": name}, "spec": {
            "ports": [{"name": "http", "port": 80, "targetPort": 9797}]}}))
    }

    /// With the rights of one of `deploy/rbac`; answers a kubeconfig with its token.
    pub fn account(&self, tier: &str) -> PathBuf {
        let path = format!("{}/deploy/rbac/{tier}.yaml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path)
            .unwrap()
            .replace("namespace: default", &format!("namespace: {}", self.name));
        for document in text.split("\n---\n") {
            let value: Value = serde_yaml::from_str(document).unwrap();
            match value["kind"].as_str().unwrap() {
                "ServiceAccount" => drop(self.create::<ServiceAccount>(value)),
                "Role" => drop(self.create::<Role>(value)),
                "RoleBinding" => drop(self.create::<RoleBinding>(value)),
                other => panic!("{other}"),
            }
        }
        let request: TokenRequest =
            object(json!({"metadata": {}, "spec": {"audiences": [], "expirationSeconds": 3600}}));
        let accounts = self.api::<ServiceAccount>();
        let token: TokenRequest = self
            .wait(accounts.create_subresource("token", "quorate", &PostParams::default(), &request))
            .unwrap();
        self.kubeconfig(tier, &token.status.unwrap().token)
    }

    fn kubeconfig(&self, name: &str, token: &str) -> PathBuf {
        let file = self.folder.path().join(format!("{name}.token"));
        std::fs::write(&file, token).unwrap();
        let mut config = serde_json::to_value(Kubeconfig::read().unwrap()).unwrap();
        for user in config["users"].as_array_mut().unwrap() {
            user["user"] = json!({"tokenFile": file});
        }
        let path = self.folder.path().join(format!("{name}.kubeconfig"));
        std::fs::write(&path, config.to_string()).unwrap();
        path
    }

    /// As somebody with this kubeconfig.
    pub fn client_of(&self, kubeconfig: &std::path::Path) -> Client {
        let config = Kubeconfig::read_from(kubeconfig).unwrap();
        let config =
            self.wait(Config::from_custom_kubeconfig(config, &KubeConfigOptions::default())).unwrap();
        let _inside = self.runtime.enter();
        Client::try_from(config).unwrap()
    }

    /// A candidate in a pod that has been made.
    pub fn launch(
        &self,
        voters: &Voters,
        pod: &Pod,
        kubeconfig: &std::path::Path,
        gates: &[(&str, &str)],
    ) -> Launch {
        let name = pod.metadata.name.as_deref().unwrap();
        self.place(Launch::new(name, voters.urls(), TTL), pod, kubeconfig, gates)
    }

    pub fn place(
        &self,
        launch: Launch,
        pod: &Pod,
        kubeconfig: &std::path::Path,
        gates: &[(&str, &str)],
    ) -> Launch {
        let name = pod.metadata.name.as_deref().unwrap();
        let address = address(name);
        let place = [
            ("KUBECONFIG", kubeconfig.to_str().unwrap()),
            ("POD_NAME", name),
            ("POD_NAMESPACE", &self.name),
            ("POD_UID", pod.metadata.uid.as_deref().unwrap()),
            ("POD_IP", &address),
            ("NODE_NAME", "node-1"),
        ];
        place.iter().chain(gates).fold(launch, |launch, (name, value)| launch.environment(name, value))
    }

    /// A candidate with every gate in this pod, once all of them show it.
    pub fn shown(&self, voters: &Voters, pod: &Pod, kubeconfig: &std::path::Path) -> Agent {
        let name = pod.metadata.name.as_deref().unwrap();
        let candidate = self.launch(voters, pod, kubeconfig, &ALL).start();
        eventually("it is shown", || self.is_shown(name) && self.lease().is_some());
        candidate
    }

    /// The leader and its standby, with every gate, in pods `a` and `b`.
    pub fn pair(&self, voters: &Voters) -> (Agent, Agent) {
        let full = self.account("full");
        let pods = ["a", "b"].map(|name| self.pod(name));
        self.service("orders-leader");
        let first = self.shown(voters, &pods[0], &full);
        let second = self.launch(voters, &pods[1], &full, &ALL).start();
        eventually("the second is ready", || second.sees("a") && second.code("/readyz") == 200);
        (first, second)
    }

    pub fn pod_now(&self, name: &str) -> Pod {
        self.wait(self.api::<Pod>().get(name)).unwrap()
    }

    pub fn has_label(&self, name: &str) -> bool {
        label(&self.pod_now(name)) == Some("leader".to_owned())
    }

    /// By the label and the endpoints.
    pub fn is_shown(&self, name: &str) -> bool {
        self.has_label(name) && self.routed().as_deref() == Some(name)
    }

    pub fn slice(&self) -> Option<EndpointSlice> {
        self.wait(self.api().get_opt("orders-leader-ipv4")).unwrap()
    }

    /// The pod that the slice names.
    pub fn routed(&self) -> Option<String> {
        named(&self.slice()?)
    }

    pub fn lease(&self) -> Option<Lease> {
        self.wait(self.api().get_opt("orders-writer")).unwrap()
    }

    /// The reasons of the Events about a pod, oldest first.
    pub fn events(&self, pod: &str) -> Vec<String> {
        let list = self
            .wait(self.api::<k8s_openapi::api::events::v1::Event>().list(&kube::api::ListParams::default()));
        let mut about: Vec<_> = list.unwrap().items;
        about.retain(|event| event.regarding.as_ref().and_then(|about| about.name.as_deref()) == Some(pod));
        about.sort_by_key(|event| event.event_time.clone().map(|time| time.0));
        about.into_iter().filter_map(|event| event.reason).collect()
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let namespaces = Api::<Namespace>::all(self.client.clone());
        if let Err(error) = self.wait(namespaces.delete(&self.name, &DeleteParams::default())) {
            eprintln!("{} is left: {error}", self.name);
        }
    }
}

/// Where the pod would be.
pub fn address(pod: &str) -> String {
    format!("10.9.8.{}", pod.bytes().next_back().unwrap())
}

pub fn label(pod: &Pod) -> Option<String> {
    pod.metadata.labels.as_ref()?.get(ROLE).cloned()
}

pub fn annotation(meta: &kube::api::ObjectMeta, key: &str) -> Option<String> {
    meta.annotations.as_ref()?.get(key).cloned()
}

pub fn named(slice: &EndpointSlice) -> Option<String> {
    slice.endpoints.first()?.target_ref.as_ref()?.name.clone()
}

pub fn object<K: DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}
