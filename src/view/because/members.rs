//! Which pods a Service's slices list, and why not the others.

use super::{Answer, Line, key_of, text};
use crate::api::{EndpointSlice, Key, Kind, MetaExt, Pod, Service};
use crate::apiserver::View;
use crate::controllers::endpointslice::{Membership, membership};

/// So many pods of a Service are told of.
const PODS: usize = 20;

/// How near a pod is to being behind a Service: how many labels of the selector it has.
fn matching(member: &Membership) -> usize {
    member.labels.iter().filter(|(_, want, have)| have.as_ref() == Some(want)).count()
}

fn is_ready(member: &Membership) -> bool {
    member.selected && member.listed && member.conditions.ready == Some(true)
}

/// The Services that select a pod, or nearly do.
pub fn of_pod(pod: &Pod, view: &View) -> Vec<Answer> {
    let services = view.list::<Service>(Some(pod.namespace()));
    let asked = services.filter_map(|service| Some((service, membership(service, pod)?)));
    let near = asked.filter(|(_, member)| member.selected || matching(member) > 0);
    near.map(|(service, member)| answer(service, &member, pod, view)).collect()
}

fn answer(service: &Service, member: &Membership, pod: &Pod, view: &View) -> Answer {
    let here = key_of(Kind::SERVICE, service);
    let slice = slice_of(service, pod, view);
    let (serving, terminating) =
        (member.conditions.serving == Some(true), member.conditions.terminating == Some(true));
    let key = match () {
        () if !member.selected => "endpoint.other",
        () if !member.listed => "endpoint.out",
        () if is_ready(member) => "endpoint.ready",
        () if serving && terminating => "endpoint.leaving",
        () => "endpoint.unready",
    };
    let mut answer =
        Answer::new("endpoints", Line::new(key, [service.name().into()]).holds(is_ready(member)).about(here));
    for (name, want, have) in &member.labels {
        let line = match have {
            Some(have) => Line::new("endpoint.label", [name.clone(), want.clone(), have.clone()]),
            None => Line::new("endpoint.no_label", [name.clone(), want.clone()]),
        };
        answer.sums.push(line.holds(have.as_ref() == Some(want)));
        if have.as_ref() != Some(want) {
            let change = format!("kubectl label pod {} {name}={want} --overwrite", pod.name());
            answer.changes.push(Line::new("command", [change]));
        }
    }
    if !member.selected {
        return answer;
    }
    answer.sums.push(Line::new("endpoint.address", []).holds(member.listed));
    answer.sums.push(Line::new("endpoint.serving", []).holds(serving));
    answer.sums.push(Line::new("endpoint.stays", []).holds(!terminating));
    if service.spec.publish_not_ready_addresses == Some(true) {
        answer.sums.push(Line::new("endpoint.always", []).holds(true));
    } else if member.listed && !serving {
        answer.changes.push(Line::new("endpoint.probe", []));
    }
    answer.sums.push(match slice {
        Some((slice, ready)) => {
            let key = if ready { "endpoint.in_slice" } else { "endpoint.in_slice_unready" };
            Line::new(key, [slice.name.to_string()]).about(slice)
        }
        None => Line::new("endpoint.no_slice", []),
    });
    answer
}

/// The slice that lists a pod now, and whether as ready.
fn slice_of(service: &Service, pod: &Pod, view: &View) -> Option<(Key, bool)> {
    let slices = view.list::<EndpointSlice>(Some(service.namespace()));
    let mut own = slices.filter(|slice| {
        slice.labels().get("kubernetes.io/service-name").is_some_and(|name| name == service.name())
    });
    own.find_map(|slice| {
        let lists = |uid: Option<&str>| uid == Some(pod.uid());
        let found =
            slice.spec.endpoints.iter().find(|endpoint| {
                lists(endpoint.target_ref.as_ref().and_then(|target| target.uid.as_deref()))
            })?;
        let ready = found.conditions.as_ref().and_then(|conditions| conditions.ready);
        Some((key_of(Kind::ENDPOINT_SLICE, slice), ready == Some(true)))
    })
}

/// The pods of a Service, and those that nearly are.
pub fn of_service(service: &Service, view: &View) -> Option<Answer> {
    let pods = || view.list::<Pod>(Some(service.namespace()));
    if pods().next().is_some_and(|pod| membership(service, pod).is_none())
        || service.spec.selector.as_ref().is_none_or(|selector| selector.is_empty())
    {
        return Some(Answer::new("endpoints", Line::new("endpoint.by_hand", [])));
    }
    let asked = pods().filter_map(|pod| Some((pod, membership(service, pod)?)));
    let asked: Vec<(&Pod, Membership)> = asked.collect();
    let selected = asked.iter().filter(|(_, member)| member.selected);
    let ready = asked.iter().filter(|(_, member)| is_ready(member)).count();
    let others = selected.clone().count() - ready;
    let sentence = Line::new("endpoint.service", [text(ready), text(others)]).holds(ready > 0);
    let mut answer = Answer::new("endpoints", sentence);
    let near = asked.iter().filter(|(_, member)| !member.selected && matching(member) > 0);
    let told = selected.chain(near);
    answer.sums = told.take(PODS).map(|(pod, member)| of_member(pod, member)).collect();
    if answer.sums.is_empty() {
        let wanted = service.spec.selector.iter().flatten().map(|(name, value)| format!("{name}={value}"));
        let line = Line::new("endpoint.nobody", [wanted.collect::<Vec<_>>().join(",")]);
        answer.sums.push(line.holds(false));
    }
    answer.changes.extend(
        answer.sums.iter().any(|line| line.holds == Some(false)).then(|| Line::new("endpoint.look", [])),
    );
    Some(answer)
}

fn of_member(pod: &Pod, member: &Membership) -> Line {
    let wrong = member.labels.iter().find(|(_, want, have)| have.as_ref() != Some(want));
    let name = pod.name().to_string();
    let line = match wrong {
        Some((label, want, have)) => {
            let have = have.as_ref().map_or("–", String::as_str);
            Line::new("endpoint.pod_label", [name, label.clone(), want.clone(), have.into()])
        }
        None if !member.listed => Line::new("endpoint.pod_out", [name]),
        None if is_ready(member) => Line::new("endpoint.pod_ready", [name]),
        None if member.conditions.terminating == Some(true) => Line::new("endpoint.pod_leaving", [name]),
        None => Line::new("endpoint.pod_unready", [name]),
    };
    line.holds(is_ready(member)).about(key_of(Kind::POD, pod))
}
