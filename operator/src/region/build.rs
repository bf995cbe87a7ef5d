//! What runs in a region, as objects. Pure: the same region and settings give the same objects.

use realmwright_crds::region::{Instance, Place, RegionSpec, ResourceList};
use realmwright_snapshot::{Digest, InstanceName, RegionName};
use serde_json::{Map, Value, json};

use crate::names::{MANAGED_BY, OPERATOR, instance_namespace, keys_namespace};

/// Name of everything that an instance has one of.
pub const IDP: &str = "realmwright-idp";

/// Secret in the namespace of an instance that holds the database's URL, and its key.
pub const DATABASE: &str = "database";
/// Key of the URL in [`DATABASE`].
pub const DATABASE_KEY: &str = "url";

/// The instance of a region that declares none.
pub const DEFAULT_INSTANCE: &str = "default";

const DEFAULT_REPLICAS: i32 = 2;
const HTTP_PORT: u16 = 8080;
const MANAGEMENT_PORT: u16 = 9090;
/// Artefacts lie in memory, which counts as the pod's.
const VOLUME_LIMIT: &str = "256Mi";
/// Requests under way have so long to end, after the endpoints have heard of it.
const STOP_SECONDS: u32 = 40;

/// What every pod of every region has in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodSettings {
    /// Image of the provider.
    pub idp_image: String,
    /// Image of the operator, for the init container.
    pub operator_image: String,
    /// Who the operator is: namespace and name of its account.
    pub operator_account: (String, String),
}

/// One instance of a region.
#[derive(Clone, Debug)]
pub struct InstanceView<'a> {
    /// The region.
    pub region: &'a RegionName,
    /// What it declares.
    pub spec: &'a RegionSpec,
    /// The instance.
    pub name: InstanceName,
    /// What it declares; none for the default one.
    pub instance: Option<&'a Instance>,
}

/// The instances of a region.
#[must_use]
pub fn instances<'a>(region: &'a RegionName, spec: &'a RegionSpec) -> Vec<InstanceView<'a>> {
    let view = |name: &str, instance| InstanceView {
        region,
        spec,
        name: InstanceName::from(name),
        instance,
    };
    if spec.instances.is_empty() {
        return vec![view(DEFAULT_INSTANCE, None)];
    }
    let declared = spec.instances.iter();
    declared
        .map(|instance| view(instance.name.as_str(), Some(instance)))
        .collect()
}

/// The ClusterRole that the operator gives itself in the namespaces that it makes.
pub const INSTANCE_ROLE: &str = "realmwright-instance";

/// Namespaces of a region: those of its instances, and that of its keys; and the right to work in
/// each, which the operator has nowhere else.
#[must_use]
pub fn namespaces(region: &RegionName, spec: &RegionSpec, settings: &PodSettings) -> Vec<Value> {
    let pods = instances(region, spec)
        .into_iter()
        .map(|instance| instance.namespace());
    let namespace = |name: String| {
        json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": name,
                "labels": {
                    MANAGED_BY: OPERATOR,
                    "realmwright.dev/region": region.as_str(),
                    "pod-security.kubernetes.io/enforce": "restricted",
                },
            },
        })
    };
    let (account_namespace, account) = &settings.operator_account;
    let access = |name: &str| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": OPERATOR, "namespace": name, "labels": {MANAGED_BY: OPERATOR}},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": INSTANCE_ROLE,
            },
            "subjects": [{
                "kind": "ServiceAccount", "name": account, "namespace": account_namespace,
            }],
        })
    };
    let names = pods.chain([keys_namespace(region)]);
    names
        .flat_map(|name| {
            let access = access(&name);
            [namespace(name), access]
        })
        .collect()
}

impl InstanceView<'_> {
    /// Where its pods run.
    #[must_use]
    pub fn namespace(&self) -> String {
        instance_namespace(self.region, &self.name)
    }

    /// Its database: its own, or the region's.
    #[must_use]
    pub fn database(&self) -> Option<&realmwright_crds::region::Database> {
        let own = self
            .instance
            .and_then(|instance| instance.database.as_ref());
        own.or(self.spec.database.as_ref())
    }

    fn has_own_database(&self) -> bool {
        self.instance
            .is_some_and(|instance| instance.database.is_some())
    }

    fn metadata(&self, name: &str) -> Value {
        json!({"name": name, "namespace": self.namespace(), "labels": self.labels()})
    }

    fn labels(&self) -> Value {
        json!({
            "app.kubernetes.io/name": IDP,
            MANAGED_BY: OPERATOR,
            "realmwright.dev/region": self.region.as_str(),
            "realmwright.dev/instance": self.name.as_str(),
        })
    }

    fn selector(&self) -> Value {
        json!({"app.kubernetes.io/name": IDP})
    }

    /// The account of the pods, which reads the artefacts of its own namespace and nothing else.
    #[must_use]
    pub fn account(&self) -> Vec<Value> {
        vec![
            json!({
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": self.metadata(IDP),
                "automountServiceAccountToken": false,
            }),
            json!({
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "Role",
                "metadata": self.metadata(IDP),
                "rules": [
                    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]},
                    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
                ],
            }),
            json!({
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                "metadata": self.metadata(IDP),
                "roleRef": {
                    "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": IDP,
                },
                "subjects": [{
                    "kind": "ServiceAccount", "name": IDP, "namespace": self.namespace(),
                }],
            }),
        ]
    }

    /// The Job that brings the database to the schema of this image; its name says which, so that
    /// another image has another Job.
    #[must_use]
    pub fn migration(&self, settings: &PodSettings) -> Value {
        let digest = Digest::of(settings.idp_image.as_bytes()).short();
        json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": self.metadata(&format!("migrate-{digest}")),
            "spec": {
                "backoffLimit": 6,
                "template": {
                    "metadata": {"labels": {"app.kubernetes.io/name": "realmwright-migrate"}},
                    "spec": {
                        "restartPolicy": "OnFailure",
                        "automountServiceAccountToken": false,
                        "securityContext": pod_security(),
                        "containers": [{
                            "name": "migrate",
                            "image": settings.idp_image,
                            "args": ["migrate", "--database-url-file", "/database/url"],
                            "securityContext": container_security(),
                            "volumeMounts": [database_mount()],
                        }],
                        "volumes": [database_volume()],
                    },
                },
            },
        })
    }

    /// The pods and what stands before them.
    #[must_use]
    pub fn workload(&self, settings: &PodSettings) -> Vec<Value> {
        vec![
            self.deployment(settings),
            json!({
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": self.metadata(IDP),
                "spec": {
                    "selector": self.selector(),
                    "ports": [{"name": "http", "port": 80, "targetPort": "http"}],
                },
            }),
            json!({
                "apiVersion": "policy/v1",
                "kind": "PodDisruptionBudget",
                "metadata": self.metadata(IDP),
                "spec": {"maxUnavailable": 1, "selector": {"matchLabels": self.selector()}},
            }),
            self.network_policy(),
        ]
    }

    fn deployment(&self, settings: &PodSettings) -> Value {
        let replicas = self.instance.and_then(|instance| instance.replicas);
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": self.metadata(IDP),
            "spec": {
                "replicas": replicas.unwrap_or(DEFAULT_REPLICAS),
                "selector": {"matchLabels": self.selector()},
                // A new pod is ready before an old one goes.
                "strategy": {
                    "type": "RollingUpdate",
                    "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
                },
                "template": {
                    "metadata": {"labels": self.labels()},
                    "spec": self.pod(settings),
                },
            },
        })
    }

    fn pod(&self, settings: &PodSettings) -> Value {
        json!({
            "serviceAccountName": IDP,
            // Only the init container has a token.
            "automountServiceAccountToken": false,
            "terminationGracePeriodSeconds": STOP_SECONDS,
            "securityContext": pod_security(),
            "affinity": self.affinity(),
            "topologySpreadConstraints": self.spread(),
            "initContainers": [{
                "name": "fetch",
                "image": settings.operator_image,
                "args": ["fetch", "--folder", "/artefacts"],
                "env": [{
                    "name": "POD_NAMESPACE",
                    "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}},
                }],
                "securityContext": container_security(),
                "volumeMounts": [
                    {"name": "artefacts", "mountPath": "/artefacts"},
                    {
                        "name": "token",
                        "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
                        "readOnly": true,
                    },
                ],
            }],
            "containers": [self.provider(settings)],
            "volumes": [
                {
                    "name": "artefacts",
                    "emptyDir": {"medium": "Memory", "sizeLimit": VOLUME_LIMIT},
                },
                token_volume(),
                database_volume(),
            ],
        })
    }

    fn provider(&self, settings: &PodSettings) -> Value {
        let mut env = vec![
            variable("REALMWRIGHT_SOURCE", "dir:/artefacts"),
            variable("REALMWRIGHT_DATABASE_URL_FILE", "/database/url"),
            variable(
                "REALMWRIGHT_MANAGEMENT_LISTEN",
                &format!("0.0.0.0:{MANAGEMENT_PORT}"),
            ),
        ];
        if self.has_own_database() {
            env.push(variable("REALMWRIGHT_INSTANCE_DATABASE", "true"));
        }
        let probe = |path: &str| json!({"httpGet": {"path": path, "port": "management"}});
        let with = |mut probe: Value, members: Value| {
            if let (Value::Object(probe), Value::Object(members)) = (&mut probe, members) {
                probe.extend(members);
            }
            probe
        };
        json!({
            "name": "idp",
            "image": settings.idp_image,
            "env": env,
            "ports": [
                {"name": "http", "containerPort": HTTP_PORT},
                {"name": "management", "containerPort": MANAGEMENT_PORT},
            ],
            "readinessProbe": with(probe("/readyz"), json!({"periodSeconds": 1, "failureThreshold": 2})),
            "livenessProbe": with(probe("/healthz"), json!({"periodSeconds": 10, "failureThreshold": 6})),
            "startupProbe": with(probe("/healthz"), json!({"periodSeconds": 1, "failureThreshold": 60})),
            "securityContext": container_security(),
            "resources": self.resources(),
            "volumeMounts": [
                {"name": "artefacts", "mountPath": "/artefacts"},
                database_mount(),
            ],
        })
    }

    fn resources(&self) -> Value {
        let declared = self
            .instance
            .and_then(|instance| instance.resources.as_ref());
        let list = |list: Option<&ResourceList>| {
            let members = list.into_iter().flat_map(|list| {
                let cpu = list.cpu.as_ref().map(|cpu| ("cpu", cpu.as_str()));
                let memory = list.memory.as_ref();
                let memory = memory.map(|memory| ("memory", memory.as_str()));
                cpu.into_iter().chain(memory)
            });
            let members = members.map(|(name, value)| (name.to_owned(), value.into()));
            Value::Object(members.collect::<Map<_, _>>())
        };
        json!({
            "requests": list(declared.and_then(|declared| declared.requests.as_ref())),
            "limits": list(declared.and_then(|declared| declared.limits.as_ref())),
        })
    }

    /// Required, not preferred: data stays where the region is.
    fn affinity(&self) -> Value {
        let Some(Place::NodeSelector(labels)) = &self.spec.place else {
            return json!({});
        };
        let terms = labels
            .iter()
            .map(|(key, value)| json!({"key": key, "operator": "In", "values": [value]}));
        json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": terms.collect::<Vec<_>>()}],
        }}})
    }

    fn spread(&self) -> Value {
        let over = ["topology.kubernetes.io/zone", "kubernetes.io/hostname"];
        let constraints = over.map(|key| {
            json!({
                "maxSkew": 1,
                "topologyKey": key,
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": self.selector()},
            })
        });
        json!(constraints)
    }

    /// In: requests and probes. What goes out is not narrowed here: databases and applications'
    /// documents lie at addresses that only the cluster's owner knows.
    fn network_policy(&self) -> Value {
        json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": self.metadata(IDP),
            "spec": {
                "podSelector": {"matchLabels": self.selector()},
                "policyTypes": ["Ingress"],
                "ingress": [{"ports": [
                    {"port": "http", "protocol": "TCP"},
                    {"port": "management", "protocol": "TCP"},
                ]}],
            },
        })
    }
}

fn variable(name: &str, value: &str) -> Value {
    json!({"name": name, "value": value})
}

fn database_mount() -> Value {
    json!({"name": "database", "mountPath": "/database", "readOnly": true})
}

fn database_volume() -> Value {
    json!({
        "name": "database",
        "secret": {
            "secretName": DATABASE,
            "defaultMode": 0o440,
            "items": [{"key": DATABASE_KEY, "path": "url"}],
        },
    })
}

/// As Kubernetes mounts it by default, for one container alone.
fn token_volume() -> Value {
    json!({
        "name": "token",
        "projected": {"defaultMode": 0o440, "sources": [
            {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}},
            {"configMap": {
                "name": "kube-root-ca.crt",
                "items": [{"key": "ca.crt", "path": "ca.crt"}],
            }},
            {"downwardAPI": {"items": [{
                "path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"},
            }]}},
        ]},
    })
}

fn pod_security() -> Value {
    json!({
        "runAsNonRoot": true,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "fsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    })
}

fn container_security() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "capabilities": {"drop": ["ALL"]},
    })
}

#[cfg(test)]
mod tests;
