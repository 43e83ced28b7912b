//! Hostile input: texts made by breaking good ones, from a seed, and given to whatever reads text. Nothing may panic, hang or
//! grow without bound; what is answered does not matter.

mod documents;

use serde_json::json;

use crate::api::cel::{OBJECTS, Program, Type, Value};
use crate::api::manifest::{self, Limits};
use crate::api::quantity;
use crate::api::selector::Selector;
use crate::kubectl::print::jsonpath::Template;
use crate::kubectl::script::{self, Command};
use crate::rng::Rng;
use crate::sim::{Config, Input, Simulation};

/// What reads the texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Manifests, applied to a cluster.
    Yaml,
    /// Console lines.
    Kubectl,
    /// JSONPath templates.
    Jsonpath,
    /// Quantities, and sums of them.
    Quantity,
    /// Label selectors.
    Selector,
    /// Expressions in CEL, about an object.
    Cel,
    /// Documents, given to every command that reads one.
    Document,
}

impl Target {
    /// Every target, by the word that names it on a command line.
    pub const ALL: [(&'static str, Target); 7] = [
        ("yaml", Target::Yaml),
        ("kubectl", Target::Kubectl),
        ("jsonpath", Target::Jsonpath),
        ("quantity", Target::Quantity),
        ("selector", Target::Selector),
        ("cel", Target::Cel),
        ("document", Target::Document),
    ];

    /// The target of a word.
    pub fn from_word(word: &str) -> Option<Target> {
        Target::ALL.iter().find(|(name, _)| *name == word).map(|(_, target)| *target)
    }

    fn seeds(self) -> &'static [&'static str] {
        match self {
            Target::Yaml => MANIFESTS,
            Target::Kubectl => LINES,
            Target::Jsonpath => PATHS,
            Target::Quantity => QUANTITIES,
            Target::Selector => SELECTORS,
            Target::Cel => EXPRESSIONS,
            // These are made of values.
            Target::Document => &[],
        }
    }
}

const MANIFESTS: &[&str] = &[
    "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  labels: {app: web, tier: \"1\"}\nspec:\n  containers:\n  - name: app\n    image: nginx:1\n    resources:\n      requests: {cpu: 100m, memory: 64Mi}\n    ports:\n    - containerPort: 80\n",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 2\n  selector: {matchLabels: {app: web}}\n  strategy: {rollingUpdate: {maxSurge: 25%, maxUnavailable: 1}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: a, labelSelector: {matchExpressions: [{key: app, operator: In, values: [web]}]}}]}}\n      containers: [{name: a, image: b}]\n",
    "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: c}\nspec:\n  schedule: \"*/5 1-3 * * mon\"\n  timeZone: Asia/Seoul\n  jobTemplate: {spec: {completions: 3, parallelism: 2, template: {spec: {restartPolicy: Never, containers: [{name: a, image: b, command: [sh, -c, \"for i in 1 2; do sleep $i; done\"]}]}}}}\n",
    "apiVersion: v1\nkind: List\nitems:\n- &a {apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: |\n    text\n  }}\n- *a\n---\napiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {type: NodePort, ports: [{port: 80, nodePort: 30080}]}\n",
    "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: h}\nspec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]}\n",
];

const LINES: &[&str] = &[
    "kubectl get pods -A -o wide --sort-by=.metadata.name -l 'app in (a,b)' --field-selector status.phase!=Running",
    "kubectl get deploy,svc web -o jsonpath='{range .items[*]}{.metadata.name}{\"\\n\"}{end}' | grep -v a | sort -r | head -n 2",
    "kubectl create deployment web --image=nginx --replicas=3 --port 80 -- sleep 1d",
    "kubectl set image deploy/web app=nginx:2 --dry-run=server -o yaml",
    "kubectl patch deploy web --type=json -p '[{\"op\":\"replace\",\"path\":\"/spec/replicas\",\"value\":2}]'",
    "kubectl rollout undo deploy/web --to-revision=2 && kubectl rollout status deploy/web --timeout=3s",
    "kubectl explain deploy.spec.template.spec.containers --recursive",
    "kubectl get pods -o custom-columns=A:.metadata.name,B:'{.spec.containers[0].image}' --no-headers",
    "kubectl get nodes -o go-template='{{range .items}}{{.metadata.name}}{{if eq .a \"b\"}}x{{end}}{{\"\\n\"}}{{end}}'",
    "kubectl taint nodes node-1 a=b:NoSchedule c:NoExecute- --overwrite",
    "kubectl debug -it web --image=busybox --target=app --copy-to=x -- sh -c 'echo $((1+2))'",
    "kubectl drain node-1 --ignore-daemonsets --force --grace-period=0 --timeout 1s",
    "kubectl exec web -c app -- sh -c 'for i in $(seq 1 3); do echo $i > /tmp/x; done; cat /tmp/x'",
    "kubectl create secret generic s --from-literal=a=b --from-literal 'c=d e'",
    "kubectl autoscale deploy web --min 1 --max=5 --cpu-percent=50",
    "kubectl wait --for=condition=Ready pod/web --timeout=1s",
    "kubectl label pods --all a=b c- --overwrite -n default",
    "kubectl apply --server-side --force-conflicts -f -",
    "kubectl get pods -o name | xargs -n2 -I{} kubectl annotate {} a=b | tee x | sed -n '2,$p' | column -t",
    "for p in $(kubectl get pods -o name); do for i in {1..3}; do kubectl label $p i=$i --overwrite; done; done",
    "kubectl get pods -o name | while read p; do echo $p; done; alias k='kubectl get'; k pods; watch -n 1 kubectl get pods",
    "echo YQ== | base64 -d; sed -i 's/a/b/' x; curl -s -H 'Host: a.b' http://10.96.0.1:80/x -w '%{http_code}'",
    "kubectl get --raw '/api/v1/namespaces/default/pods?limit=1&continue=e30&resourceVersion=1&resourceVersionMatch=Exact'",
    "kubectl get --raw /api/v1/namespaces/default/services/http:web:80/proxy/a?b",
];

const PATHS: &[&str] = &[
    "{range .items[*]}{.metadata.name}{\"\\t\"}{.status.phase}{end}",
    "{.items[?(@.metadata.name==\"a\")].spec..name}",
    "{.items[0:2:-1]['metadata','kind'].labels.a\\.b/c}",
    "{$.items[-1:].spec.containers[?(@.ports[0].containerPort>79)].name}",
];

const QUANTITIES: &[&str] =
    &["100m", "1.5Gi", "-3e9", "12E", "+0.000001", "9223372036854775807", "1e-9", "5Ki"];

const SELECTORS: &[&str] =
    &["app=web,tier!=db", "a in (b, c),!d", "x notin (y)", "kubernetes.io/hostname==node-1", "a>1,b<2", "a"];

const EXPRESSIONS: &[&str] = &[
    "object.spec.containers.all(c, c.image.startsWith('a/') || c.ports.exists(p, p.containerPort > 1024 && p.containerPort % 2 == 0))",
    "has(object.metadata.labels) ? object.metadata.labels.?app.orValue('x').matches('^[a-z]+(b|c)*$') : size(object.spec) >= 1",
    "object.spec.containers.map(c, c.name).join(',').split(',').filter(n, n != '').sum() > 0u && quantity('1.5Gi').isGreaterThan(quantity('100m'))",
    "cel.bind(n, int(timestamp('2026-01-02T03:04:05Z') - duration('1h2m')) * -9223372036854775807, '%s %d %x'.format([n, n, n]))",
    "Object{spec: Object.spec{containers: [Object.spec.containers{name: 'a', ?image: optional.none()}]}, metadata: Object.metadata{labels: {'a': 'b'}}}",
    "[JSONPatch{op: 'add', path: '/a/' + jsonpatch.escapeKey('b/c'), value: {'x': [1, 2.5e3, 0xff, b'\\x01', null]}}]",
    "cidr('10.0.0.0/8').containsIP(ip('10.1.2.3')) && url('http://a:80/b?c=d').getQuery() == {'c': ['d']} && 'aXc'.replace('X', 'b', 1).lowerAscii().indexOf('c') == 2",
];

/// Pieces that are likely to hurt.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "'",
    "\"",
    "\\",
    "\n",
    "\t",
    " ",
    ":",
    "-",
    ",",
    "|",
    "&a ",
    "*a",
    "!!",
    "---\n",
    "...",
    "#",
    "%",
    "$(",
    "`",
    "0",
    "-1",
    "99999999999999999999",
    "1e999",
    "0x",
    "null",
    "~",
    "true",
    "é",
    "\u{feff}",
    "\u{0}",
    "𝄞",
    "..",
    "[*]",
    "?(@",
    "{{",
    "}}",
    "--",
    "-o",
    "=",
    "<<EOF",
    "<<: ",
    "? ",
    "@",
    ">",
    "e",
    "Ei",
    "  ",
    "\r\n",
    "\u{85}",
];

/// Texts grow to at most this many bytes.
const LENGTH_MAX: usize = 4_000;

/// A text: a good one, broken in a few places.
pub fn text(target: Target, rng: &mut Rng) -> String {
    let below = |rng: &mut Rng, bound: usize| rng.below(u32::try_from(bound.max(1)).unwrap_or(1)) as usize;
    let pick = |rng: &mut Rng, list: &[&str]| list[below(rng, list.len())].to_string();
    let mut chars: Vec<char> = pick(rng, target.seeds()).chars().collect();
    for _ in 0..=below(rng, 6) {
        let (a, b) = (below(rng, chars.len()), below(rng, chars.len()));
        let (from, to) = (a.min(b), a.max(b));
        match below(rng, 7) {
            0 => drop(chars.splice(a..a, pick(rng, PIECES).chars())),
            1 => drop(chars.drain(from..to.min(from + 8))),
            2 => {
                let copy: Vec<char> = chars[from..to].to_vec();
                chars.splice(a..a, copy);
            }
            3 => {
                let times = below(rng, 300);
                let piece = pick(rng, PIECES);
                chars.splice(a..a, piece.chars().cycle().take(times));
            }
            4 if a < chars.len() => chars[a] = char::from_u32(rng.below(0x500)).unwrap_or(' '),
            5 => drop(chars.splice(from..to, pick(rng, target.seeds()).chars().take(40).collect::<Vec<_>>())),
            _ => chars.truncate(to.max(1)),
        }
        chars.truncate(LENGTH_MAX);
    }
    chars.into_iter().collect()
}

/// One target being fed, from a seed.
pub struct Fuzzer {
    target: Target,
    rng: Rng,
    simulation: Simulation,
    documents: Vec<serde_json::Value>,
    fed: u64,
}

/// A cluster is replaced after so many texts, or when so much has been written: it fills. A line may well ask for a million
/// pods, and gets some thousand of them every second, which is no fault of whatever is read next.
const CLUSTER_LASTS: u64 = 200;
const WRITES_MAX: u64 = 20_000;

impl Fuzzer {
    /// Begins.
    pub fn new(target: Target, seed: u64) -> Fuzzer {
        Fuzzer {
            target,
            rng: Rng::new(seed, "fuzz"),
            simulation: Simulation::new(Config::small(seed)),
            documents: documents::seeds(),
            fed: 0,
        }
    }

    /// Makes a text, feeds it and returns it. `before` sees it first: whoever wants to know what has hurt writes it down.
    pub fn step(&mut self, before: impl FnOnce(&str)) -> String {
        let text = match self.target {
            Target::Document => documents::text(&self.documents, &mut self.rng),
            target => text(target, &mut self.rng),
        };
        before(&text);
        self.fed += 1;
        if self.fed.is_multiple_of(CLUSTER_LASTS) || self.simulation.revision() > WRITES_MAX {
            self.simulation = Simulation::new(Config::small(self.fed));
        }
        match self.target {
            Target::Yaml => {
                let stream = manifest::parse(&text, &Limits::default());
                stream
                    .documents
                    .iter()
                    .for_each(|document| drop(manifest::to_yaml(&document.root.to_value())));
                self.simulation.apply(&text);
                self.pass();
            }
            Target::Kubectl => {
                self.simulation.kubectl_line(&text);
                self.pass();
            }
            Target::Document => {
                for line in script::parse(&text).into_iter().flatten() {
                    if let Command::Kubectl { line, stdin } = line.command {
                        self.simulation.submit(Input::Kubectl { line, stdin, files: Default::default() });
                    }
                }
                self.pass();
            }
            Target::Jsonpath => {
                let root = json!({"items": [{"metadata": {"name": "a", "labels": {"a.b/c": "d"}}, "kind": "Pod",
                    "spec": {"containers": [{"name": "x", "ports": [{"containerPort": 80}]}]}, "status": {"phase": "Running"}}]});
                if let Ok(template) = Template::parse(&text) {
                    let _ = (template.fill(&root), template.values(&root));
                }
            }
            Target::Quantity => {
                quantity::canonical(&text);
                if let Some(parsed) = quantity::parse(&text) {
                    let sum = parsed.plus(parsed).minus(parsed.times(3)).round_up_to_milli();
                    sum.format_like(&text);
                    let _ = (sum.value(), sum.milli(), sum.sign());
                }
            }
            Target::Cel => {
                let object = Value::of(&json!({"metadata": {"name": "a", "labels": {"app": "b"}},
                    "spec": {"containers": [{"name": "x", "image": "a/b:1", "ports": [{"containerPort": 8080}]}]}}));
                let declared = [("object", Type::Dyn), (OBJECTS, Type::Dyn)];
                if let Ok((program, _)) = Program::typed(&text, &declared)
                    && let Ok(value) = program.evaluate(&[("object", object)])
                {
                    value.to_json();
                }
            }
            Target::Selector => {
                if let Ok(selector) = Selector::parse(&text) {
                    selector.matches(&[("app".to_string(), "web".to_string())].into());
                }
            }
        }
        text
    }

    fn pass(&mut self) {
        let later = self.simulation.now() + crate::clock::SimDuration::from_millis(500);
        self.simulation.advance(later, 2_000);
    }
}
