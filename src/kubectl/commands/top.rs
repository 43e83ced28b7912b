//! `top`: what pods and nodes use, as the metrics API measures it. Models `k8s.io/kubectl/pkg/metricsutil`.

use crate::api::selector::Selector;
use crate::api::{MetaExt, Node, Object, Pod, quantity, sorting};
use crate::client::authorization::Attributes;
use crate::client::metrics::{Metrics, Use};
use crate::kubectl::errors::Failure;
use crate::kubectl::field_selector::FieldSelector;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::print::tabwriter::TabWriter;
use crate::kubectl::{Call, Verb};

const FLAGS: &[Flag] = &[
    switch("all-namespaces", "pods of every namespace").short('A'),
    value("selector", "only those with these labels").short('l'),
    value("field-selector", "only those with these fields"),
    value("sort-by", "cpu or memory"),
    switch("containers", "each container for itself"),
    switch("no-headers", "leave the headings out"),
    switch("sum", "a line with the sums"),
    switch("show-capacity", "capacity instead of what is allocatable"),
    switch("show-swap", "swap, too: there is none"),
    switch("use-protocol-buffers", "has no effect here"),
];

/// `top pod`.
pub const POD: Verb =
    Verb { path: "top pod", help: "Display resource (CPU/memory) usage of pods", flags: FLAGS, run: pods };
/// `top node`.
pub const NODE: Verb =
    Verb { path: "top node", help: "Display resource (CPU/memory) usage of nodes", flags: FLAGS, run: nodes };
/// A line to be: the words before the amounts, and the amounts.
type Row = (Vec<String>, Use);

fn metrics(call: &Call<'_, '_>, verb: &str) -> Result<Metrics, Failure> {
    if call.args.words.len() > 1 {
        return Err(Failure::misuse(format!("{verb} [NAME | -l label]")));
    }
    match call.args.value("sort-by") {
        None | Some("cpu" | "memory") => {}
        Some(_) => return Err(Failure::message("--sort-by accepts only cpu or memory")),
    }
    let chosen = ["selector", "field-selector"].iter().any(|flag| call.args.has(flag));
    if chosen && !call.args.words.is_empty() {
        return Err(Failure::message("only one of NAME or selector can be provided"));
    }
    let metrics = call.client.server().metrics().cloned();
    if metrics.is_some() {
        authorize(call, verb)?;
    }
    metrics.ok_or_else(|| Failure::message("Metrics API not available"))
}

/// Whether who asks may read what is measured, of one object or of all.
fn authorize(call: &Call<'_, '_>, verb: &str) -> Result<(), Failure> {
    let name = call.args.words.first().cloned().unwrap_or_default();
    let place = verb == "pod" && !call.args.on("all-namespaces");
    let asked = Attributes {
        verb: if name.is_empty() { "list" } else { "get" }.into(),
        group: "metrics.k8s.io".into(),
        resource: format!("{verb}s"),
        name,
        namespace: place.then(|| call.namespace.clone()),
        ..Attributes::default()
    };
    Ok(call.client.authorize(&asked)?)
}

fn selector(call: &Call<'_, '_>) -> Result<Selector, Failure> {
    let text = call.args.value("selector").unwrap_or_default();
    Selector::parse(text).map_err(Failure::message)
}

fn pods(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (metrics, selector) = (metrics(call, "pod")?, selector(call)?);
    let fields = FieldSelector::parse(call.args.value("field-selector").unwrap_or_default())?;
    let everywhere = call.args.on("all-namespaces");
    let by_container = call.args.on("containers");
    let swap = call.args.on("show-swap");
    let name = call.args.words.first().cloned();
    let view = call.client.live();
    if let Some(name) = &name
        && view.get::<Pod>(&call.namespace, name).is_none_or(|pod| metrics.of_pod(pod, view).is_none())
    {
        let text = format!("podmetrics.metrics.k8s.io \"{}/{name}\" not found", call.namespace);
        return Err(Failure::message(format!("Error from server (NotFound): {text}")));
    }
    let mut rows: Vec<Row> = Vec::new();
    for pod in view.list::<Pod>((!everywhere).then_some(call.namespace.as_str())) {
        let meant = name.as_ref().is_none_or(|name| name == pod.name())
            && selector.matches(pod.labels())
            && (fields == FieldSelector::default() || fields.matches(&Object::from(pod.clone()).to_value()));
        let Some(measured) = metrics.of_pod(pod, view).filter(|_| meant) else { continue };
        let mut words: Vec<String> = everywhere.then(|| pod.namespace().to_string()).into_iter().collect();
        words.push(pod.name().into());
        if by_container {
            for (container, used) in measured {
                rows.push(([&words[..], &[container.to_string()]].concat(), used));
            }
        } else {
            rows.push((words, measured.into_iter().fold(Use::default(), |sum, (_, used)| sum.plus(used))));
        }
    }
    if rows.is_empty() {
        call.warn(match everywhere {
            true => "No resources found".to_string(),
            false => format!("No resources found in {} namespace.", call.namespace),
        });
        return Ok(());
    }
    sort(call, &mut rows);
    let mut text = String::new();
    if !call.args.on("no-headers") {
        text.push_str(if everywhere { "NAMESPACE\t" } else { "" });
        text.push_str(if by_container { "POD\t" } else { "" });
        text.push_str("NAME\tCPU(cores)\tMEMORY(bytes)\t");
        text.push_str(if swap { "SWAP(bytes)\t\n" } else { "\n" });
    }
    let amounts = |used: Use| {
        let swapped = swap.then(|| "0Mi".to_string());
        [cores(used), mebibytes(used)].into_iter().chain(swapped).collect::<Vec<_>>()
    };
    let sum = rows.iter().fold(Use::default(), |sum, (_, used)| sum.plus(*used));
    let empty = vec![String::new(); rows[0].0.len()];
    for (words, used) in &rows {
        line(&mut text, words, &amounts(*used));
    }
    if call.args.on("sum") {
        // kubectl rules two columns off, the last ones.
        let ruled = ["".into(), "________".into(), "________".into()];
        line(&mut text, &empty, &ruled[usize::from(!swap)..]);
        line(&mut text, &empty, &amounts(sum));
    }
    call.output.stdout.push_str(&TabWriter::TABLE.format(&text));
    Ok(())
}

fn nodes(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (metrics, selector) = (metrics(call, "node")?, selector(call)?);
    let capacity = call.args.on("show-capacity");
    let swap = call.args.on("show-swap");
    let name = call.args.words.first().cloned();
    let view = call.client.live();
    if let Some(name) = name.as_ref().filter(|name| view.get::<Node>("", name).is_none()) {
        return Err(Failure::message(format!("Error from server (NotFound): nodes \"{name}\" not found")));
    }
    let (mut rows, mut lost): (Vec<Row>, Vec<String>) = (Vec::new(), Vec::new());
    for node in view.list::<Node>(None) {
        if name.as_ref().is_some_and(|name| name != node.name()) || !selector.matches(node.labels()) {
            continue;
        }
        let all = if capacity { &node.status.capacity } else { &node.status.allocatable };
        let has = |resource: &str| all.as_ref().and_then(|all| all.get(resource)).map_or(0, quantity::milli);
        match metrics.of_node(node, view) {
            None => lost.push(node.name().into()),
            Some(used) => {
                let share = |used: i64, of: i64| match of {
                    0 => "<unknown>".to_string(),
                    of => format!("{}%", i128::from(used) * 100 / i128::from(of)),
                };
                let shares = [share(used.cpu, has("cpu")), share(used.memory, has("memory"))];
                rows.push(([&[node.name().to_string()], &shares[..]].concat(), used));
            }
        }
    }
    if rows.is_empty() && lost.is_empty() {
        call.warn("No resources found");
        return Ok(());
    }
    sort(call, &mut rows);
    let mut text = String::new();
    if !call.args.on("no-headers") {
        text.push_str("NAME\tCPU(cores)\tCPU(%)\tMEMORY(bytes)\tMEMORY(%)\t");
        text.push_str(if swap { "SWAP(bytes)\tSWAP(%)\t\n" } else { "\n" });
    }
    // No node says what swap it has.
    let unknown = ["<unknown>"; 6].map(String::from);
    let swapped = &unknown[..if swap { 2 } else { 0 }];
    for (words, used) in &rows {
        let known = [cores(*used), words[1].clone(), mebibytes(*used), words[2].clone()];
        line(&mut text, &words[..1], &[&known, swapped].concat());
    }
    for name in lost {
        line(&mut text, &[name], &unknown[..4 + swapped.len()]);
    }
    call.output.stdout.push_str(&TabWriter::TABLE.format(&text));
    Ok(())
}

/// By what is used most, if that is asked for; by name otherwise, as they come.
fn sort(call: &Call<'_, '_>, rows: &mut [Row]) {
    if let Some(resource) = call.args.value("sort-by") {
        sorting::sort_by(rows, |(_, a), (_, b)| b.of(resource).cmp(&a.of(resource)));
    }
}

fn line(text: &mut String, words: &[String], amounts: &[String]) {
    for cell in words.iter().chain(amounts) {
        text.push_str(cell);
        text.push('\t');
    }
    text.push('\n');
}

fn cores(used: Use) -> String {
    format!("{}m", used.cpu)
}

fn mebibytes(used: Use) -> String {
    format!("{}Mi", used.memory / 1000 / (1024 * 1024))
}
