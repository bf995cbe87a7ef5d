use super::*;

fn settings() -> PodSettings {
    PodSettings {
        idp_image: "localhost/realmwright-idp:1".to_owned(),
        operator_image: "localhost/realmwright-operator:1".to_owned(),
        operator_account: (
            "realmwright-system".to_owned(),
            "realmwright-operator".to_owned(),
        ),
    }
}

fn region(spec: Value) -> RegionSpec {
    serde_json::from_value(spec).unwrap()
}

fn deployment(spec: &RegionSpec) -> Value {
    let region = RegionName::from("ua");
    let view = instances(&region, spec).remove(0);
    view.workload(&settings()).remove(0)
}

/// design.md section 4: `rw-<region>-<instance>`, and one for the keys that is never deleted.
#[test]
fn a_region_has_a_namespace_for_each_instance_and_one_for_its_keys() {
    let names = |spec: Value| {
        let objects = namespaces(&RegionName::from("ua"), &region(spec), &settings());
        let namespaces = objects
            .iter()
            .filter(|object| object["kind"] == "Namespace");
        let names = namespaces.map(|object| object["metadata"]["name"].clone());
        names.collect::<Vec<_>>()
    };
    assert_eq!(
        names(json!({"country": "UA"})),
        ["rw-ua-default", "rw-ua-keys"]
    );
    let two = json!({"country": "UA", "instances": [{"name": "bank"}, {"name": "gov"}]});
    assert_eq!(names(two), ["rw-ua-bank", "rw-ua-gov", "rw-ua-keys"]);
}

/// REGION-RES: data stays where the region is, so the affinity is required.
#[test]
fn pods_run_only_on_the_nodes_of_the_region() {
    let spec = region(json!({"country": "UA", "place": {"nodeSelector": {"zone": "kyiv"}}}));
    let pod = &deployment(&spec)["spec"]["template"]["spec"];
    let terms = &pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        ["nodeSelectorTerms"];
    assert_eq!(
        terms[0]["matchExpressions"],
        json!([{"key": "zone", "operator": "In", "values": ["kyiv"]}])
    );
}

/// Pod security "restricted", a root that cannot be written, and a token for the init container
/// alone.
#[test]
fn a_provider_runs_with_nothing_that_it_does_not_need() {
    let deployment = deployment(&region(json!({"country": "UA"})));
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(
        pod["securityContext"]["seccompProfile"]["type"],
        "RuntimeDefault"
    );
    let mounts = |container: &Value| {
        let mounts = container["volumeMounts"].as_array().unwrap().iter();
        mounts
            .map(|mount| mount["name"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(mounts(&pod["initContainers"][0]), ["artefacts", "token"]);
    assert_eq!(mounts(&pod["containers"][0]), ["artefacts", "database"]);
    for container in [&pod["initContainers"][0], &pod["containers"][0]] {
        let security = &container["securityContext"];
        assert_eq!(security["readOnlyRootFilesystem"], true);
        assert_eq!(security["allowPrivilegeEscalation"], false);
        assert_eq!(security["capabilities"]["drop"], json!(["ALL"]));
    }
    let volumes = pod["volumes"].as_array().unwrap();
    assert_eq!(volumes[0]["emptyDir"]["medium"], "Memory");
    assert!(volumes[0]["emptyDir"]["sizeLimit"].is_string());
}

#[test]
fn what_an_instance_declares_is_what_runs() {
    let spec = region(json!({
        "country": "UA",
        "instances": [{
            "name": "bank", "replicas": 5,
            "resources": {"requests": {"cpu": "500m"}, "limits": {"memory": "256Mi"}},
            "database": {"urlSecretRef": {"namespace": "db", "name": "bank", "key": "url"}},
        }],
    }));
    let deployment = deployment(&spec);
    assert_eq!(deployment["metadata"]["namespace"], "rw-ua-bank");
    assert_eq!(deployment["spec"]["replicas"], 5);
    let idp = &deployment["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(
        idp["resources"],
        json!({"requests": {"cpu": "500m"}, "limits": {"memory": "256Mi"}})
    );
    let env = idp["env"].as_array().unwrap();
    assert!(env.contains(&json!({"name": "REALMWRIGHT_INSTANCE_DATABASE", "value": "true"})));
}

/// A migration is named by its image: another image has another one, the same has none anew.
#[test]
fn each_image_has_its_migration() {
    let (region, spec) = (RegionName::from("ua"), region(json!({"country": "UA"})));
    let view = instances(&region, &spec).remove(0);
    let name = |settings: &PodSettings| view.migration(settings)["metadata"]["name"].clone();
    let other = PodSettings {
        idp_image: "localhost/realmwright-idp:2".to_owned(),
        ..settings()
    };
    assert_eq!(name(&settings()), name(&settings()));
    assert_ne!(name(&settings()), name(&other));
}
