//! Which slices to create, change and delete so that every endpoint is listed once, no slice grows past its limit, and as few
//! slices as possible are written, because each write goes to every node (`reconcileByPortMapping`, `finalize`).

use sorted::SortedMap;

use crate::api::EndpointSlice;
use crate::api::k8s::{Endpoint, EndpointPort};
use crate::api::sorting;

/// Endpoints in one slice at the most (`--max-endpoints-per-slice`).
const ENDPOINTS_MAX: usize = 100;

/// The contents of a slice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Slice {
    /// The ports at which all its endpoints are reached.
    pub ports: Vec<EndpointPort>,
    /// The endpoints.
    pub endpoints: Vec<Endpoint>,
    /// Whether their addresses are of IPv6.
    pub v6: bool,
}

/// The type of such addresses.
pub fn address_type(v6: bool) -> &'static str {
    if v6 { "IPv6" } else { "IPv4" }
}

/// What is to be done; indexes are places among the existing slices.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// New slices.
    pub create: Vec<Slice>,
    /// Slices with new contents.
    pub update: Vec<(usize, Slice)>,
    /// Slices to delete.
    pub delete: Vec<usize>,
}

/// An endpoint that should be listed. The pod behind it and its address are what makes two of them the same.
pub trait Wanted {
    /// The uid of the pod.
    fn uid(&self) -> Option<&str>;
    /// Whether these are its addresses.
    fn is_at(&self, addresses: &[String]) -> bool;
    /// Whether it is listed as it should be, apart from hints, which are given later.
    fn is_listed_as(&self, endpoint: &Endpoint) -> bool;
    /// As what it should be listed.
    fn endpoint(&self) -> Endpoint;
}

impl Plan {
    /// What leads from the existing slices to the desired contents, given by ports. `outdated` says of a slice that it needs
    /// writing whatever its contents. A Service without endpoints keeps one empty slice, so that it is seen to have none.
    pub fn new(
        existing: &[&EndpointSlice],
        desired: Vec<(Vec<EndpointPort>, Vec<impl Wanted>)>,
        outdated: impl Fn(&EndpointSlice) -> bool,
    ) -> Plan {
        let mut plan = Plan::default();
        let mut unclaimed: Vec<usize> = (0..existing.len()).collect();
        for (ports, wanted) in desired {
            let own = |index: &usize| existing[*index].spec.ports.as_deref().unwrap_or_default();
            let (same, others) = unclaimed.into_iter().partition(|index| own(index) == ports);
            unclaimed = others;
            plan.reconcile_ports(existing, same, &ports, &wanted, &outdated);
        }
        plan.delete.extend(unclaimed);
        plan.delete.sort_unstable();
        if plan.delete.len() == existing.len() && plan.create.is_empty() {
            let empty = |index: &usize| {
                let fields = &existing[*index].spec;
                fields.endpoints.is_empty() && fields.ports.is_none() && !outdated(existing[*index])
            };
            match plan.delete.as_slice() {
                [only] if empty(only) => plan.delete.clear(),
                _ => plan.create.push(Slice::default()),
            }
        }
        plan.reuse_deleted();
        plan
    }

    /// The slices of one set of ports: endpoints stay where they are, new ones go first into slices that are written anyway.
    fn reconcile_ports(
        &mut self,
        existing: &[&EndpointSlice],
        slices: Vec<usize>,
        ports: &[EndpointPort],
        wanted: &[impl Wanted],
        outdated: &impl Fn(&EndpointSlice) -> bool,
    ) {
        // Of two that are the same the first one counts.
        let places: SortedMap<_, usize> =
            wanted.iter().enumerate().rev().map(|(place, wanted)| (wanted.uid(), place)).collect();
        let mut placed = vec![false; wanted.len()];
        let (mut updates, mut unchanged) = (Vec::new(), Vec::new());
        for index in slices {
            let current = &existing[index].spec.endpoints;
            let (mut kept, mut same) = (Vec::with_capacity(current.len()), !outdated(existing[index]));
            for old in current {
                let uid = old.target_ref.as_ref().and_then(|pod| pod.uid.as_deref());
                let place = places.get(&uid).copied();
                let place = place.filter(|at| !placed[*at] && wanted[*at].is_at(&old.addresses));
                same &= place.is_some_and(|place| wanted[place].is_listed_as(old));
                if let Some(place) = place {
                    placed[place] = true;
                    kept.push(place);
                }
            }
            match (kept.is_empty(), same) {
                (true, _) => self.delete.push(index),
                (false, false) => updates.push((index, kept)),
                (false, true) => unchanged.push((index, kept)),
            }
        }
        let mut left: Vec<usize> = (0..wanted.len()).filter(|place| !placed[*place]).collect();
        sorting::sort_by_key(&mut updates, |(_, kept)| std::cmp::Reverse(kept.len()));
        for (_, kept) in &mut updates {
            let room = ENDPOINTS_MAX.saturating_sub(kept.len()).min(left.len());
            kept.extend(left.drain(..room));
        }
        // What is left goes into one slice that it fits, the fullest of those; else into new ones.
        let rest = left.len() % ENDPOINTS_MAX;
        let fits = |(_, (_, kept)): &(usize, &(usize, Vec<usize>))| kept.len() + rest <= ENDPOINTS_MAX;
        let fullest = unchanged.iter().enumerate().filter(fits).max_by_key(|(_, (_, kept))| kept.len());
        if let (true, Some((place, _))) = (rest > 0, fullest) {
            let (index, mut kept) = unchanged.remove(place);
            kept.extend(left.drain(..rest));
            updates.push((index, kept));
        }
        let filled = |kept: &[usize]| {
            let endpoints = kept.iter().map(|place| wanted[*place].endpoint()).collect();
            Slice { ports: ports.to_vec(), endpoints, v6: false }
        };
        self.create.extend(left.chunks(ENDPOINTS_MAX).map(filled));
        self.update.extend(updates.iter().map(|(index, kept)| (*index, filled(kept))));
    }

    /// What is to be written, new slices first.
    pub fn contents(&self) -> impl Iterator<Item = &Slice> {
        self.create.iter().chain(self.update.iter().map(|(_, slice)| slice))
    }

    /// The same, to put something more into it.
    pub fn contents_mut(&mut self) -> impl Iterator<Item = &mut Slice> {
        self.create.iter_mut().chain(self.update.iter_mut().map(|(_, slice)| slice))
    }

    /// What leads there where every set of ports has one slice for each type of addresses, however many there are, and none
    /// without endpoints: so Endpoints are mirrored.
    pub fn one_each(
        existing: &[&EndpointSlice],
        desired: Vec<Slice>,
        outdated: impl Fn(&EndpointSlice) -> bool,
    ) -> Plan {
        let mut plan = Plan::default();
        let mut unclaimed: Vec<usize> = (0..existing.len()).collect();
        for wanted in desired.into_iter().filter(|wanted| !wanted.endpoints.is_empty()) {
            let (same, others): (Vec<usize>, Vec<usize>) = unclaimed.into_iter().partition(|index| {
                let fields = &existing[*index].spec;
                fields.ports.as_deref().unwrap_or_default() == wanted.ports
                    && fields.address_type == address_type(wanted.v6)
            });
            unclaimed = others;
            let Some((first, more)) = same.split_first() else {
                plan.create.push(wanted);
                continue;
            };
            plan.delete.extend(more);
            let there = &existing[*first].spec.endpoints;
            let agree = there.len() == wanted.endpoints.len()
                && there.iter().all(|endpoint| wanted.endpoints.contains(endpoint));
            if !agree || outdated(existing[*first]) {
                plan.update.push((*first, wanted));
            }
        }
        plan.delete.extend(unclaimed);
        // The type of a slice's addresses never changes.
        if plan.create.iter().all(|slice| {
            plan.delete.iter().all(|index| existing[*index].spec.address_type == address_type(slice.v6))
        }) {
            plan.reuse_deleted();
        }
        plan
    }

    /// A slice to create takes the place of one to delete: one write instead of two.
    fn reuse_deleted(&mut self) {
        let both = self.create.len().min(self.delete.len());
        self.update.extend(self.delete.drain(..both).zip(self.create.drain(..both)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::k8s::EndpointSliceFields;
    use crate::api::k8s::ObjectReference;

    impl Wanted for Endpoint {
        fn uid(&self) -> Option<&str> {
            self.target_ref.as_ref()?.uid.as_deref()
        }

        fn is_at(&self, addresses: &[String]) -> bool {
            self.addresses == addresses
        }

        fn is_listed_as(&self, endpoint: &Endpoint) -> bool {
            self == endpoint
        }

        fn endpoint(&self) -> Endpoint {
            self.clone()
        }
    }

    fn endpoint(n: usize) -> Endpoint {
        let pod = ObjectReference { uid: Some(format!("u{n}")), ..Default::default() };
        Endpoint { addresses: vec![format!("10.0.0.{n}")], target_ref: Some(pod), ..Default::default() }
    }

    fn contents(port: i32, endpoints: impl IntoIterator<Item = usize>) -> Slice {
        let ports = vec![EndpointPort { port: Some(port), ..Default::default() }];
        Slice { ports, endpoints: endpoints.into_iter().map(endpoint).collect(), v6: false }
    }

    fn object(slice: Slice) -> EndpointSlice {
        let fields = EndpointSliceFields {
            address_type: "IPv4".into(),
            endpoints: slice.endpoints,
            ports: Some(slice.ports).filter(|ports| !ports.is_empty()),
        };
        EndpointSlice::new(Default::default(), fields)
    }

    #[track_caller]
    fn check(existing: Vec<Slice>, desired: Vec<Slice>, want: Plan) {
        let objects: Vec<EndpointSlice> = existing.into_iter().map(object).collect();
        let existing: Vec<&EndpointSlice> = objects.iter().collect();
        let desired = desired.into_iter().map(|slice| (slice.ports, slice.endpoints)).collect();
        assert_eq!(Plan::new(&existing, desired, |_| false), want);
    }

    #[test]
    fn a_service_without_endpoints_has_one_empty_slice() {
        check(vec![], vec![], Plan { create: vec![Slice::default()], ..Default::default() });
        check(vec![Slice::default()], vec![], Plan::default());
    }

    #[test]
    fn the_first_endpoint_goes_into_the_empty_slice_and_the_last_leaves_it_empty() {
        let one = || contents(80, [1]);
        check(vec![Slice::default()], vec![one()], Plan { update: vec![(0, one())], ..Default::default() });
        check(vec![one()], vec![], Plan { update: vec![(0, Slice::default())], ..Default::default() });
    }

    #[test]
    fn endpoints_keep_their_place_and_new_ones_come_last() {
        let want = Plan { update: vec![(0, contents(80, [3, 1, 2]))], ..Default::default() };
        check(vec![contents(80, [3, 1])], vec![contents(80, [1, 2, 3])], want);
        check(vec![contents(80, [2, 1])], vec![contents(80, [1, 2])], Plan::default());
    }

    #[test]
    fn no_slice_grows_past_a_hundred_endpoints() {
        let want = Plan {
            create: vec![contents(80, 0..100), contents(80, 100..200), contents(80, 200..250)],
            ..Default::default()
        };
        check(vec![], vec![contents(80, 0..250)], want);
        let want = Plan { create: vec![contents(80, [100])], ..Default::default() };
        check(vec![contents(80, 0..100)], vec![contents(80, 0..101)], want);
        let want = Plan { update: vec![(1, contents(80, [100, 101]))], ..Default::default() };
        check(vec![contents(80, 0..100), contents(80, [100])], vec![contents(80, 0..102)], want);
    }

    #[test]
    fn pods_that_name_different_ports_are_listed_apart() {
        let want = Plan { create: vec![contents(8080, [2])], ..Default::default() };
        check(vec![contents(80, [1])], vec![contents(80, [1]), contents(8080, [2])], want);
    }
}
