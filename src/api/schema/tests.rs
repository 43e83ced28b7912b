use super::*;
use crate::api::manifest::{Limits, Severity, parse};

/// The server's words about the first document, or `ok`.
#[track_caller]
fn check(text: &str, want: &str) {
    let stream = parse(text, &Limits::default());
    let document = stream.documents.first().unwrap_or_else(|| panic!("{:?}", stream.errors));
    let (api_version, name) = (document.api_version().unwrap(), document.kind().unwrap());
    let ty = kind(api_version, name).unwrap();
    let value = document.root.to_value();
    let got = match decode_object_meta(&value).and_then(|()| strict_decode(ty, &value)) {
        Ok(()) => "ok".to_string(),
        Err(error) => error.to_string(),
    };
    assert_eq!(got, want, "{text}");
}

fn pod(spec: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec: {{containers: [{{name: a, image: b, {spec}}}]}}\n"
    )
}

#[test]
fn wrong_types_are_told_with_gos_struct_and_field() {
    let at = |what: &str| format!("json: cannot unmarshal {what}");
    check(
        &pod("command: echo"),
        &at("string into Go struct field Container.spec.containers.command of type []string"),
    );
    check(
        &pod("args: [1]"),
        &at("number into Go struct field Container.spec.containers.args of type string"),
    );
    check(
        &pod("ports: [{containerPort: http}]"),
        &at("string into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32"),
    );
    check(
        &pod("ports: {containerPort: 80}"),
        &at("object into Go struct field Container.spec.containers.ports of type []v1.ContainerPort"),
    );
    check(
        &pod("resources: [x]"),
        &at("array into Go struct field Container.spec.containers.resources of type v1.ResourceRequirements"),
    );
    check(
        &pod("resources: {limits: x}"),
        &at(
            "string into Go struct field ResourceRequirements.spec.containers.resources.limits of type v1.ResourceList",
        ),
    );
    check(
        &pod("imagePullPolicy: 1"),
        &at("number into Go struct field Container.spec.containers.imagePullPolicy of type v1.PullPolicy"),
    );
    check(
        &pod("ports: [{containerPort: 80.5}]"),
        &at(
            "number 80.5 into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32",
        ),
    );
    check(
        &pod("ports: [{containerPort: 99999999999}]"),
        &at(
            "number 99999999999 into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32",
        ),
    );
    check(
        "apiVersion: v1\nkind: ConfigMap\ndata: {a: {b: c}}\n",
        &at("object into Go struct field ConfigMap.data of type string"),
    );
    check(
        "apiVersion: v1\nkind: Pod\nspec: []\n",
        &at("array into Go struct field Pod.spec of type v1.PodSpec"),
    );
    check("apiVersion: v1\nkind: Secret\ndata: {a: not base64!}\n", "illegal base64 data at input byte 3");
    check(
        "apiVersion: v1\nkind: Secret\ndata: {a: 1}\n",
        &at("number into Go struct field Secret.data of type []uint8"),
    );
}

#[test]
fn metadata_is_checked_by_kubectl_with_a_struct_of_its_own() {
    let at = |what: &str| format!("json: cannot unmarshal {what}");
    let pod = |meta: &str| format!("apiVersion: v1\nkind: Pod\nmetadata: {meta}\n");
    check(&pod("{name: 123}"), &at("number into Go struct field ObjectMeta.metadata.name of type string"));
    check(
        &pod("{labels: {a: true}}"),
        &at("bool into Go struct field ObjectMeta.metadata.labels of type string"),
    );
    check(&pod("x"), &at("string into Go struct field metadataOnlyObject.metadata of type v1.ObjectMeta"));
    check(
        &pod("{ownerReferences: [{name: y}]}"),
        &at("bool into Go struct field OwnerReference.metadata.ownerReferences.name of type string"),
    );
}

#[test]
fn values_that_decode_themselves_end_the_decoding() {
    let quantity =
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
    check(&pod("resources: {requests: {memory: 1GB}}"), quantity);
    check(&pod("args: [1], resources: {requests: {memory: 1GB}}"), quantity);
    check(&pod("resources: {requests: {cpu: 0.5, memory: 1Gi}}"), "ok");
    check(&pod("resources: {requests: {cpu: 1Ki5}}"), "unable to parse quantity's suffix");
    check(
        "apiVersion: v1\nkind: Service\nspec: {ports: [{port: 80, targetPort: true}]}\n",
        "json: cannot unmarshal bool into Go struct field ServicePort.spec.ports.targetPort of type int32",
    );
    check(
        "apiVersion: v1\nkind: Pod\nmetadata: {creationTimestamp: 5}\n",
        "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.creationTimestamp of type string",
    );
    check(
        "apiVersion: v1\nkind: Pod\nmetadata: {creationTimestamp: yesterday}\n",
        "parsing time \"yesterday\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"yesterday\" as \"2006\"",
    );
}

#[test]
fn unknown_fields_are_all_told_in_order_of_their_keys() {
    check(&pod("imagee: x"), "strict decoding error: unknown field \"spec.containers[0].imagee\"");
    check(
        "apiVersion: apps/v1\nkind: Deployment\nspec: {replica: 1, Template: {}}\nmetadata: {label: {}}\n",
        "strict decoding error: unknown field \"metadata.label\", unknown field \"spec.Template\", unknown field \"spec.replica\"",
    );
    check(
        &pod("imagee: x, name: null, env: null"),
        "strict decoding error: unknown field \"spec.containers[0].imagee\"",
    );
    check(
        &pod("foo: 1, args: [1]"),
        "json: cannot unmarshal number into Go struct field Container.spec.containers.args of type string",
    );
}

#[test]
fn the_schema_of_a_custom_resource_is_decoded_too() {
    let crd = |schema: &str| {
        format!(
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec: {{versions: [{{name: v1, schema: {{openAPIV3Schema: {schema}}}}}]}}\n"
        )
    };
    check(&crd("{type: object, properties: {a: {type: integer, x-kubernetes-int-or-string: true}}}"), "ok");
    check(&crd("{additionalProperties: {type: string}, items: {type: string}, default: {a: [1]}}"), "ok");
    check(&crd("{additionalProperties: 1}"), "boolean or JSON schema expected");
    check(
        &crd("{properties: {a: {typo: x}}}"),
        "strict decoding error: unknown field \"spec.versions[0].schema.openAPIV3Schema.properties.a.typo\"",
    );
}

#[test]
fn a_status_names_version_and_kind() {
    let error =
        strict_decode(kind("apps/v1", "Deployment").unwrap(), &serde_json::json!({"x": 1})).unwrap_err();
    assert_eq!(
        error.status_message("apps/v1", "Deployment"),
        "Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding error: unknown field \"x\""
    );
}

#[test]
fn lint_marks_each_thing_at_its_place() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: 1\n  name: p\nspec:\n  containers:\n  - name: a\n    imagee: b\n    args: x\n---\nkind: Pod\n---\napiVersion: extensions/v1beta1\nkind: Deployment\n---\n- 1\n---\na: b: c\n";
    let known = |api_version: &str, name: &str| kind(api_version, name).is_some();
    let got: Vec<_> = lint(text, &known)
        .into_iter()
        .map(|d| {
            format!("{}@{}:{} {} {}", d.document, d.line, d.column, d.path.unwrap_or_default(), d.message)
        })
        .collect();
    assert_eq!(
        got,
        [
            "0@5:3  key \"name\" is already set on line 4; the last one wins",
            "0@9:5 spec.containers[0].imagee unknown field \"spec.containers[0].imagee\"; did you mean \"image\"?",
            "0@10:11 spec.containers[0].args json: cannot unmarshal string into Go struct field Container.spec.containers.args of type []string",
            "1@12:1 apiVersion apiVersion not set",
            "2@15:7 kind no matches for kind \"Deployment\" in version \"extensions/v1beta1\"",
            "3@17:1  a manifest must be an object with apiVersion and kind",
            "4@19:5  mapping values are not allowed in this context: a value that contains ': ' must be put in quotes, and a key must line up with the keys beside it",
        ]
    );
    let warnings = lint(text, &known).iter().filter(|d| d.severity == Severity::Warning).count();
    assert_eq!(warnings, 1);
}

#[test]
fn fields_are_described_by_path() {
    let deployment = kind("apps/v1", "Deployment").unwrap();
    let describe = |path: &str| describe(deployment, path).map(|field| field.ty.explain());
    assert_eq!(describe("spec.replicas").as_deref(), Some("integer"));
    assert_eq!(
        describe("spec.template.spec.containers[0].resources.limits").as_deref(),
        Some("map[string]Quantity")
    );
    assert_eq!(describe("spec.nope"), None);
    assert!(complete(deployment, "spec.strategy").iter().any(|f| f.name == "type" && f.values.len() == 2));
}

/// `|` in the text is the caret; `want` is the path, then the first choices.
#[track_caller]
fn check_caret(text: &str, want: &str) {
    let at = text.find('|').unwrap();
    let text = text.replacen('|', "", 1);
    let got = place_at(&text, at).map_or("none".to_string(), |place| {
        let names: Vec<&str> = match place.wanted {
            Wanted::Key(id) => id.fields().iter().map(|field| field.name).collect(),
            Wanted::Value(_, field, None) => field.ty.values(),
            Wanted::MapKey(_, field) => vec!["keys of", field.name],
            Wanted::Value(_, field, Some(key)) => vec![field.name, key],
            Wanted::Root(key) => vec!["root", key.unwrap_or("key")],
            Wanted::Elsewhere(key) => vec!["custom", key.unwrap_or("key")],
        };
        let fresh = |name: &&&str| place.beside.iter().all(|(key, _)| key != *name);
        let names: Vec<&str> = names.iter().filter(fresh).copied().collect();
        let typed = &text[place.span.from as usize..at];
        format!("{} {typed:?} {}", place.path.join("."), names[..names.len().min(3)].join(","))
    });
    assert_eq!(got, want, "{text}");
}

#[test]
fn the_caret_in_a_broken_manifest_is_offered_what_fits() {
    let pod = "apiVersion: v1\nkind: Pod\n";
    check_caret(&format!("{pod}sp|"), " \"sp\" metadata,spec,status");
    check_caret(
        &format!("{pod}spec:\n  |\n"),
        "spec \"\" activeDeadlineSeconds,affinity,automountServiceAccountToken",
    );
    check_caret(&format!("{pod}spec:\n  containers:\n  - na|"), "spec.containers \"na\" args,command,env");
    check_caret(
        &format!("{pod}spec:\n  containers:\n  - name: a\n    |\n"),
        "spec.containers \"\" args,command,env",
    );
    check_caret(
        &format!("{pod}spec:\n  containers:\n    - name: a\n      args: [\n      |\n      command: [x]\n"),
        "spec.containers \"\" env,envFrom,image",
    );
    check_caret(
        &format!("{pod}spec:\n  containers:\n  - name: a\n    ports:\n    - containerPort: 1\n    |"),
        "spec.containers \"\" args,command,env",
    );
    check_caret(&format!("{pod}spec:\n  restartPolicy: N|"), "spec \"N\" Always,Never,OnFailure");
    check_caret("kind: Dep|\n", " \"Dep\" root,kind");
    check_caret(
        "metadata:\n  lab|\n",
        "metadata \"lab\" annotations,creationTimestamp,deletionGracePeriodSeconds",
    );
    check_caret("kind: X\nspec:\n  |\n", "spec \"\" custom,key");
    check_caret(
        &format!("{pod}spec:\n  nodeSelector:\n    di|"),
        "spec.nodeSelector \"di\" keys of,nodeSelector",
    );
    check_caret(
        &format!("{pod}spec:\n  nodeSelector:\n    disk: s|"),
        "spec.nodeSelector \"s\" nodeSelector,disk",
    );
    check_caret(
        &format!("{pod}spec:\n  nodeSelector: {{disk: s|"),
        "spec.nodeSelector \"s\" nodeSelector,disk",
    );
    check_caret(&format!("{pod}spec:\n  nodeSelector: {{disk: ssd}} |"), "none");
    check_caret(&format!("{pod}---\nkind: Pod\napiVersion: v1\nspec:\n  accessModes:\n  - |"), "none");
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\n";
    check_caret(
        &format!("{claim}spec:\n  accessModes:\n  - Read|"),
        "spec.accessModes \"Read\" ReadOnlyMany,ReadWriteMany,ReadWriteOnce",
    );
    check_caret(&format!("{pod}# com|"), "none");
}

#[test]
fn completion_never_panics_wherever_the_caret_is() {
    let text = "apiVersion: v1\r\nkind: Pod\r\n---\n- - é: 'x\n   -\n\t- :\n: a\n - # é\nspec: {a: [b, \n";
    for offset in 0..=text.len() + 1 {
        place_at(text, offset);
    }
}

#[test]
fn kubectl_asks_first_what_an_object_is() {
    let tail = "; if you choose to ignore these errors, turn validation off with --validate=false";
    let check = |value: serde_json::Value, want: &str| {
        assert_eq!(check_type_meta(&value).unwrap_err(), format!("error validating data: {want}{tail}"));
    };
    check(serde_json::json!({"apiVersion": "v1", "kind": 1}), "kind isn't string type");
    check(serde_json::json!({"apiVersion": "v1"}), "kind not set");
    check(serde_json::json!({}), "[apiVersion not set, kind not set]");
}

#[test]
fn no_mutation_of_a_manifest_panics_in_lint_or_completion() {
    let seed = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: é}\nspec:\n  replicas: 3\n  template:\n    spec:\n      containers:\n      - name: a\n        resources: {limits: {cpu: 1}}\n        ports: [{containerPort: 80}]\n";
    const BYTES: &[u8] = b"\t\n :-[]{},&*|\"#19.aey\xc3\xff";
    let mut state = 7_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for _ in 0..2_000 {
        let mut bytes = seed.as_bytes().to_vec();
        for _ in 0..1 + next(5) {
            let at = next(bytes.len());
            match next(3) {
                0 => bytes[at] = BYTES[next(BYTES.len())],
                1 => bytes.insert(at, BYTES[next(BYTES.len())]),
                _ => drop(bytes.remove(at)),
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        lint(&text, &|_, _| true);
        place_at(&text, next(text.len() + 1));
    }
}
