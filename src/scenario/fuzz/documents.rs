//! Documents with the wrong thing in the wrong place, given to every command that reads one: a list where a map should be, a number
//! for a name, a part of another document. Texts that are no longer JSON are for the other targets.

use serde_json::{Value, json};

use crate::api::manifest::{self, Limits};
use crate::rng::Rng;

/// Good documents.
const SEEDS: &str = include_str!("documents.yaml");

/// What is done with a document `@`: on standard input, or quoted in the line. `%` is the object that it is of, `^` a good
/// kustomization.
const LINES: &[&str] = &[
    "kubectl apply -f - <<X\n@\nX",
    "kubectl apply -f - <<X\n@\nX",
    "kubectl apply --server-side --force-conflicts -f - <<X\n@\nX",
    "kubectl apply --dry-run=server -o json -f - <<X\n@\nX",
    "kubectl apply --prune --all -f - <<X\n@\nX",
    "kubectl create --save-config -o wide -f - <<X\n@\nX",
    "kubectl create --validate=false -f - <<X\n@\nX",
    "kubectl create --dry-run=client -o yaml -f - <<X\n@\nX",
    "kubectl replace --validate=ignore -f - <<X\n@\nX",
    "kubectl replace --force --grace-period=0 -f - <<X\n@\nX",
    "kubectl replace --subresource=status -f - <<X\n@\nX",
    "kubectl diff -f - <<X\n@\nX",
    "kubectl delete --wait=false -f - <<X\n@\nX",
    "kubectl get -o yaml -f - <<X\n@\nX",
    "kubectl describe -f - <<X\n@\nX",
    "kubectl label --local -o yaml a=b -f - <<X\n@\nX",
    "kubectl annotate --local -o json a=b -f - <<X\n@\nX",
    "kubectl annotate a=b --overwrite -f - <<X\n@\nX",
    "kubectl set image --local -o yaml *=b -f - <<X\n@\nX",
    "kubectl set resources --local -o yaml --limits=cpu=1 --requests=memory=1Gi -f - <<X\n@\nX",
    "kubectl set env --local -o yaml A=c B- -f - <<X\n@\nX",
    "kubectl set env --list --resolve -f - <<X\n@\nX",
    "kubectl set serviceaccount --local -o yaml b -f - <<X\n@\nX",
    "kubectl set selector --local -o yaml a=b -f - <<X\n@\nX",
    "kubectl set subject --local -o yaml --user=u --serviceaccount=default:s -f - <<X\n@\nX",
    "kubectl patch --local -o yaml --type=strategic -p '{\"spec\":{\"x\":1}}' -f - <<X\n@\nX",
    "kubectl scale --replicas=1 -f - <<X\n@\nX",
    "kubectl autoscale --max=3 --cpu-percent=50 -f - <<X\n@\nX",
    "kubectl expose --port=80 --dry-run=client -o yaml -f - <<X\n@\nX",
    "kubectl rollout restart -f - <<X\n@\nX",
    "kubectl rollout history -f - <<X\n@\nX",
    "kubectl rollout undo -f - <<X\n@\nX",
    "kubectl rollout pause -f - <<X\n@\nX",
    "kubectl auth reconcile --remove-extra-permissions --remove-extra-subjects -f - <<X\n@\nX",
    "kubectl apply view-last-applied -f - <<X\n@\nX",
    "kubectl apply set-last-applied --create-annotation -f - <<X\n@\nX",
    "kubectl replace --raw /apis/apps/v1/namespaces/default/deployments/a -f - <<X\n@\nX",
    "kubectl delete --raw /api/v1/namespaces/default/configmaps/a -f - <<X\n@\nX",
    "kubectl patch % --type=merge -p @",
    "kubectl patch % --type=strategic -p @",
    "kubectl patch % --type=json -p '[{\"op\":\"add\",\"path\":\"/spec\",\"value\":'@'}]'",
    "kubectl patch % --subresource=status --type=merge -p @",
    "kubectl expose deploy/a --port=80 --overrides=@",
    "cat > kustomization.yaml <<X\n^\nX\ncat > r.json <<X\n@\nX\nkubectl kustomize .",
    "cat > kustomization.yaml <<X\n^\nX\ncat > p.json <<X\n@\nX\nkubectl apply -k .",
    "kubectl create configmap a --from-literal=k=@ -o yaml --dry-run=client",
    "kubectl get % -o json | kubectl replace -f -",
];

/// What is done with a document of a certain kind.
const OWN_LINES: &[(&str, &[&str])] = &[
    (
        "Kustomization",
        &[
            "cat > kustomization.yaml <<X\n@\nX\nkubectl apply -k .",
            "cat > kustomization.yaml <<X\n@\nX\nkubectl kustomize . | kubectl apply -f -",
        ],
    ),
    ("Eviction", &["kubectl create --raw /api/v1/namespaces/default/pods/a/eviction -f - <<X\n@\nX"]),
    ("Namespace", &["kubectl replace --raw /api/v1/namespaces/b/finalize -f - <<X\n@\nX"]),
    (
        "",
        &[
            "cat > d.json <<X\n@\nX\nkubectl debug a --image=b --custom=d.json --profile=sysadmin",
            "cat > d.json <<X\n@\nX\nkubectl debug a --image=b --copy-to=c --share-processes --custom=d.json",
        ],
    ),
    (
        "Pod",
        &[
            "kubectl run x --image=i --overrides=@",
            "kubectl run x --image=i --override-type=strategic --overrides=@",
            "kubectl create --raw /api/v1/namespaces/default/pods -f - <<X\n@\nX",
        ],
    ),
];

/// What is looked at afterwards.
const LOOKS: &[&str] = &[
    "kubectl get % -o wide",
    "kubectl describe %",
    "kubectl get % -o yaml --show-managed-fields",
    "kubectl get % -o jsonpath={.spec}",
    "kubectl rollout status % --timeout=1s",
    "kubectl rollout history %",
    "kubectl rollout undo %",
    "kubectl set image % *=c",
    "kubectl scale % --replicas=3",
    "kubectl delete % --wait=false",
    "kubectl explain widgets.spec --recursive",
    "kubectl get all,ing,pvc,hpa,cm --show-labels",
    "kubectl events --for %",
    "kubectl logs %",
    "kubectl top pods",
    "kubectl wait --for=jsonpath={.status.phase}=x % --timeout=1s",
];

/// Values that are seldom meant.
fn odd(rng: &mut Rng) -> Value {
    let deep = (0..70).fold(json!("x"), |inner, _| json!([inner]));
    let all = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1e300),
        json!(0.5),
        json!(""),
        json!("x"),
        json!("true"),
        json!("1Gi"),
        json!("99999999999999999999999"),
        json!("a/b.c:d"),
        json!("é\u{0}\n"),
        json!("x".repeat(300)),
        json!([]),
        json!([null]),
        json!(["x", 1]),
        json!([{}]),
        json!({}),
        json!({"x": null}),
        json!({"name": "a", "key": "k", "value": {"x": [1]}}),
        deep,
    ];
    let place = below(rng, all.len());
    all.into_iter().nth(place).unwrap_or_default()
}

fn below(rng: &mut Rng, bound: usize) -> usize {
    rng.below(u32::try_from(bound.max(1)).unwrap_or(1)) as usize
}

fn pick<'a, T>(rng: &mut Rng, list: &'a [T]) -> Option<&'a T> {
    list.get(below(rng, list.len()))
}

/// How many values there are in one, with itself.
fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(fields) => fields.values().map(size).sum(),
        _ => 0,
    }
}

/// The value at a place, counted from the outside and the front.
fn nth<'a>(value: &'a mut Value, place: &mut usize) -> Option<&'a mut Value> {
    if *place == 0 {
        return Some(value);
    }
    *place -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, place)),
        Value::Object(fields) => fields.values_mut().find_map(|field| nth(field, place)),
        _ => None,
    }
}

/// Breaks one thing of a document.
fn break_one(document: &mut Value, others: &[Value], rng: &mut Rng) {
    let mut place = below(rng, size(document));
    let Some(at) = nth(document, &mut place) else { return };
    let key = |value: &Value, rng: &mut Rng| -> Option<String> {
        let names: Vec<&String> = value.as_object()?.keys().collect();
        pick(rng, &names).map(|name| name.to_string())
    };
    match below(rng, 7) {
        0 => {
            let name = key(at, rng);
            if let (Some(fields), Some(name)) = (at.as_object_mut(), name) {
                fields.remove(&name);
            }
        }
        1 => *at = json!([at.clone(), at.clone()]),
        2 => *at = json!({"x": at.clone()}),
        3 => {
            let mut other = pick(rng, others).cloned().unwrap_or_default();
            let mut place = below(rng, size(&other));
            *at = nth(&mut other, &mut place).cloned().unwrap_or_default();
        }
        4 => {
            let name = key(at, rng);
            if let (Some(fields), Some(name)) = (at.as_object_mut(), name) {
                fields.insert(format!("{name}x"), odd(rng));
            }
        }
        _ => *at = odd(rng),
    }
}

/// Good documents, read.
pub fn seeds() -> Vec<Value> {
    let stream = manifest::parse(SEEDS, &Limits::default());
    stream.documents.iter().map(|document| document.root.to_value()).collect()
}

/// A script of a few lines: a document is stored, done something with once it is broken, and looked at.
pub fn text(seeds: &[Value], rng: &mut Rng) -> String {
    let good = pick(rng, seeds).cloned().unwrap_or_default();
    let mut broken = good.clone();
    for _ in 0..=below(rng, 2) {
        break_one(&mut broken, seeds, rng);
    }
    let text = |field: &Value| field.as_str().map(str::to_lowercase);
    let object = match (text(&good["kind"]), text(&good["metadata"]["name"])) {
        (Some(kind), Some(name)) => format!("{kind}/{name}"),
        _ => "deployment/a".into(),
    };
    let kustomization = seeds.iter().find(|seed| seed["kind"] == "Kustomization").map(Value::to_string);
    let line = |template: &str, document: &Value| {
        let document = document.to_string();
        let document = match template.contains("\n@") {
            true => document,
            false => shlex::try_quote(&document).map(Into::into).unwrap_or_default(),
        };
        let good = kustomization.as_deref().unwrap_or_default();
        template.replacen('%', &object, 1).replacen('^', good, 1).replacen('@', &document, 1) + "\n"
    };
    let own = OWN_LINES.iter().find(|(kind, _)| good["kind"].as_str().unwrap_or_default() == *kind);
    let own = own.map(|(_, lines)| *lines).filter(|_| below(rng, 2) > 0);
    let mut script = String::new();
    if below(rng, 3) > 0 {
        script += &line(LINES[0], &good);
    }
    for (list, document) in [(own.unwrap_or(LINES), &broken), (LOOKS, &good)] {
        script += &pick(rng, list).map(|template| line(template, document)).unwrap_or_default();
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Config, Input, Simulation};

    #[test]
    fn what_is_to_be_broken_is_good() {
        let seeds = seeds();
        assert!(seeds.len() > 40);
        let mut simulation = Simulation::new(Config::small(7));
        let mut refused = Vec::new();
        for document in &seeds {
            let outcome = simulation.apply(&document.to_string());
            if outcome.code != 0 {
                refused.push((document["kind"].as_str().unwrap_or_default(), outcome.stderr));
            }
        }
        // A request to evict and files of tools are no objects, and nobody has signed the certificate.
        let kinds: Vec<&str> = refused.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, ["Eviction", "CertificateSigningRequest", "Kustomization", ""], "{refused:?}");
    }

    #[test]
    fn what_once_hurt_is_refused() {
        let mut simulation = Simulation::new(Config::small(7));
        simulation.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}");
        let lines = [
            ("create --raw /api/v1/namespaces/default/pods -f -", r#"{"kind": "Pod", "metadata": "x"}"#),
            ("replace --raw /api/v1/namespaces/default/pods/a -f -", r#"{"kind": "Pod", "metadata": [1]}"#),
            (
                "set selector --local -o yaml a=b -f -",
                "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: a}, spec: []}",
            ),
        ];
        for (line, stdin) in lines {
            let (line, stdin) = (format!("kubectl {line}"), Some(stdin.to_string()));
            let outcome = simulation.submit(Input::Kubectl { line, stdin, files: Default::default() });
            assert_eq!(outcome.code, 1, "{}{}", outcome.stdout, outcome.stderr);
        }
    }
}
